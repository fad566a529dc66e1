using System.Security.Cryptography;
using System.Text;

namespace Sallyport.Control.Secrets;

/// <summary>
/// AES-256-GCM envelope: each secret has a key of its own, sealed under the master key. The purpose is authenticated: a sealed value that
/// is moved to another place does not open. Opened and sealed by the single writer of the store only, which is also who changes the key.
/// Layout: version 1 | nonce 12 | data key 32 | tag 16 | nonce 12 | secret n | tag 16.
/// </summary>
internal sealed class Envelope(MasterKey master) : IDisposable
{
    private const byte Version = 1;
    private const int NonceLength = 12;
    private const int TagLength = 16;
    private const int KeyLength = 32;
    private const int HeadLength = 1 + NonceLength + KeyLength + TagLength;
    private const int Overhead = HeadLength + NonceLength + TagLength;

    private MasterKey master = master;

    public MasterKey Master => master;

    /// <summary>What is in the store is sealed under another key from now on.</summary>
    public void Use(MasterKey next)
    {
        master.Dispose();
        master = next;
    }

    public void Dispose() => master.Dispose();

    public byte[] Seal(string purpose, ReadOnlySpan<byte> secret)
    {
        var blob = new byte[Overhead + secret.Length];
        var aad = Encoding.UTF8.GetBytes(purpose);
        Span<byte> key = stackalloc byte[KeyLength];
        RandomNumberGenerator.Fill(key);
        blob[0] = Version;
        SealInto(master.Bytes, key, aad, blob.AsSpan(1, HeadLength - 1));
        SealInto(key, secret, aad, blob.AsSpan(HeadLength));
        CryptographicOperations.ZeroMemory(key);
        return blob;
    }

    /// <summary>Throws where the blob was not sealed by this master key for this purpose. The caller zeroes the answer.</summary>
    public byte[] Open(string purpose, ReadOnlySpan<byte> blob)
    {
        if (blob.Length < Overhead || blob[0] != Version)
        {
            throw new CryptographicException($"The sealed {purpose} is damaged.");
        }

        var aad = Encoding.UTF8.GetBytes(purpose);
        Span<byte> key = stackalloc byte[KeyLength];
        var secret = new byte[blob.Length - Overhead];
        try
        {
            OpenInto(master.Bytes, blob[1..HeadLength], aad, key);
            OpenInto(key, blob[HeadLength..], aad, secret);
            return secret;
        }
        catch (AuthenticationTagMismatchException e)
        {
            throw new CryptographicException($"The sealed {purpose} does not open: it was altered, or master.key is not the one it was sealed with.", e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private static void SealInto(ReadOnlySpan<byte> key, ReadOnlySpan<byte> clear, byte[] aad, Span<byte> blob)
    {
        using var aes = new AesGcm(key, TagLength);
        RandomNumberGenerator.Fill(blob[..NonceLength]);
        aes.Encrypt(blob[..NonceLength], clear, blob[NonceLength..^TagLength], blob[^TagLength..], aad);
    }

    private static void OpenInto(ReadOnlySpan<byte> key, ReadOnlySpan<byte> blob, byte[] aad, Span<byte> clear)
    {
        using var aes = new AesGcm(key, TagLength);
        aes.Decrypt(blob[..NonceLength], blob[NonceLength..^TagLength], blob[^TagLength..], clear, aad);
    }
}
