using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Eap;

/// <summary>
/// The arithmetic of MS-CHAPv2 (RFC 2759 section 8) and of its keys (RFC 3079 section 3), in their words. It is as weak as it is old: one DES of 56 bits is all
/// that lies between a recorded exchange and the NT hash, which is as good as the password. Inside of IKE nobody records it but who has posed as the server.
/// </summary>
public static class MsChapV2
{
    /// <summary>Bytes of an NT hash.</summary>
    public const int HashLength = 16;

    /// <summary>Characters of a password (RFC 2759 section 4: 0 to 256).</summary>
    public const int MaxPassword = 256;

    internal const int ChallengeLength = 16;
    internal const int NtResponseLength = 24;

    /// <summary>"S=" and 40 digits.</summary>
    internal const int AuthenticatorResponseLength = 42;

    private const int ShortChallengeLength = 8;
    private const int Sha1Length = 20;
    private const int PadLength = 40;

    /// <summary>Whether this machine's OpenSSL has what it needs.</summary>
    public static bool IsAvailable => LegacyAlgorithms.AreAvailable;

    /// <summary>NtPasswordHash: what a server keeps in the place of the password, and as secret.</summary>
    /// <param name="hash">16 bytes.</param>
    public static void Hash(ReadOnlySpan<char> password, Span<byte> hash)
    {
        Invariant.Check(password.Length <= MaxPassword, "a password of MS-CHAPv2 has at most 256 characters");
        Span<byte> unicode = stackalloc byte[2 * MaxPassword];
        for (var i = 0; i < password.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(unicode[(2 * i)..], password[i]);
        }

        LegacyAlgorithms.Md4(unicode[..(2 * password.Length)], hash);
        CryptographicOperations.ZeroMemory(unicode);
    }

    /// <summary>The name that goes into the challenge: what is behind the domain (RFC 2759 section 4).</summary>
    internal static ReadOnlySpan<byte> WithoutDomain(ReadOnlySpan<byte> name) => name[(name.LastIndexOf((byte)'\\') + 1)..];

    /// <summary>GenerateNTResponse.</summary>
    /// <param name="name">Without a domain.</param>
    /// <param name="response">24 bytes.</param>
    internal static void NtResponse(
        ReadOnlySpan<byte> authenticatorChallenge, ReadOnlySpan<byte> peerChallenge, ReadOnlySpan<byte> name, ReadOnlySpan<byte> hash, Span<byte> response)
    {
        Span<byte> challenge = stackalloc byte[ShortChallengeLength];
        ChallengeHash(peerChallenge, authenticatorChallenge, name, challenge);

        // ChallengeResponse: the hash, with zeros to the length of three keys.
        Span<byte> keys = stackalloc byte[3 * LegacyAlgorithms.DesKey];
        keys.Clear();
        hash.CopyTo(keys);
        for (var i = 0; i < 3; i++)
        {
            LegacyAlgorithms.DesEncrypt(
                keys.Slice(i * LegacyAlgorithms.DesKey, LegacyAlgorithms.DesKey), challenge, response.Slice(i * LegacyAlgorithms.DesBlock, LegacyAlgorithms.DesBlock));
        }

        CryptographicOperations.ZeroMemory(keys);
    }

    /// <summary>GenerateAuthenticatorResponse: by which the server shows that it knows the hash, too.</summary>
    /// <param name="response">42 characters of ASCII.</param>
    internal static void AuthenticatorResponse(
        ReadOnlySpan<byte> authenticatorChallenge, ReadOnlySpan<byte> peerChallenge, ReadOnlySpan<byte> name, ReadOnlySpan<byte> hash,
        ReadOnlySpan<byte> ntResponse, Span<byte> response)
    {
        Span<byte> hashOfHash = stackalloc byte[HashLength];
        LegacyAlgorithms.Md4(hash, hashOfHash);
        Span<byte> digest = stackalloc byte[Sha1Length];
        Digests.Compute(HashKind.Sha1, hashOfHash, ntResponse, "Magic server to client signing constant"u8, digest);
        Span<byte> challenge = stackalloc byte[ShortChallengeLength];
        ChallengeHash(peerChallenge, authenticatorChallenge, name, challenge);
        Digests.Compute(HashKind.Sha1, digest, challenge, "Pad to make it do more than one iteration"u8, digest);
        "S="u8.CopyTo(response);
        Encoding.ASCII.GetBytes(Convert.ToHexString(digest), response[2..]);
        CryptographicOperations.ZeroMemory(hashOfHash);
    }

    /// <summary>
    /// The keys of 128 bits that RFC 3079 derives, as the server sees them: first the one that it receives with, then the one that it sends with, and zeros to
    /// the length of an MSK. Both sides write it in this order.
    /// </summary>
    internal static SecretBytes Msk(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> ntResponse)
    {
        var msk = new SecretBytes(EapKeys.MskLength);
        Span<byte> hashOfHash = stackalloc byte[HashLength];
        LegacyAlgorithms.Md4(hash, hashOfHash);
        Span<byte> digest = stackalloc byte[Sha1Length];
        Digests.Compute(HashKind.Sha1, hashOfHash, ntResponse, "This is the MPPE Master Key"u8, digest);
        var master = digest[..HashLength];
        StartKey(master, "On the client side, this is the send key; on the server side, it is the receive key."u8, msk.Span[..HashLength]);
        StartKey(master, "On the client side, this is the receive key; on the server side, it is the send key."u8, msk.Span[HashLength..(2 * HashLength)]);
        CryptographicOperations.ZeroMemory(hashOfHash);
        CryptographicOperations.ZeroMemory(digest);
        return msk;
    }

    /// <summary>GetAsymmetricStartKey.</summary>
    private static void StartKey(ReadOnlySpan<byte> master, ReadOnlySpan<byte> purpose, Span<byte> key)
    {
        Span<byte> zeros = stackalloc byte[PadLength];
        zeros.Clear();
        Span<byte> pad = stackalloc byte[PadLength];
        pad.Fill(0xf2);
        Span<byte> digest = stackalloc byte[Sha1Length];
        Digests.Compute(HashKind.Sha1, master, zeros, purpose, pad, digest);
        digest[..key.Length].CopyTo(key);
        CryptographicOperations.ZeroMemory(digest);
    }

    private static void ChallengeHash(
        ReadOnlySpan<byte> peerChallenge, ReadOnlySpan<byte> authenticatorChallenge, ReadOnlySpan<byte> name, Span<byte> challenge)
    {
        Span<byte> digest = stackalloc byte[Sha1Length];
        Digests.Compute(HashKind.Sha1, peerChallenge, authenticatorChallenge, name, digest);
        digest[..ShortChallengeLength].CopyTo(challenge);
    }
}
