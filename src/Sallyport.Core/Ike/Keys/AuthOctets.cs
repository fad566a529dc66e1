using Sallyport.Core.Crypto;

namespace Sallyport.Core.Ike.Keys;

/// <summary>
/// What AUTH proves (RFC 7296 section 2.15): the sender's first message, the other end's nonce, and the MAC of the sender's identity; behind
/// them, where there were IKE_INTERMEDIATE exchanges, the MACs of those (RFC 9242 section 3.3.2).
/// </summary>
public static class AuthOctets
{
    /// <summary>Of a shared key, or of the MSK of EAP (RFC 7296 section 2.15).</summary>
    private static ReadOnlySpan<byte> KeyPad => "Key Pad for IKEv2"u8;

    public static byte[] Signed(
        IkeKeys keys, bool ofInitiator, ReadOnlySpan<byte> firstMessage, ReadOnlySpan<byte> otherNonce, ReadOnlySpan<byte> identityBody, ReadOnlySpan<byte> intermediate)
    {
        var mac = keys.Suite.Prf.Length();
        var octets = new byte[firstMessage.Length + otherNonce.Length + mac + intermediate.Length];
        firstMessage.CopyTo(octets);
        otherNonce.CopyTo(octets.AsSpan(firstMessage.Length));
        var at = firstMessage.Length + otherNonce.Length;
        Prf.Compute(keys.Suite.Prf, keys.Proof(ofInitiator), identityBody, octets.AsSpan(at, mac));
        intermediate.CopyTo(octets.AsSpan(at + mac));
        return octets;
    }

    /// <summary>AUTH = prf(prf(shared secret, "Key Pad for IKEv2"), octets).</summary>
    public static byte[] ByShared(HashKind prf, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> octets)
    {
        Span<byte> key = stackalloc byte[HashKinds.MaxLength];
        key = key[..prf.Length()];
        Prf.Compute(prf, secret, KeyPad, key);
        var auth = new byte[prf.Length()];
        Prf.Compute(prf, key, octets, auth);
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(key);
        return auth;
    }

    /// <summary>Of a resumed IKE SA (RFC 5723 section 5.1): AUTH = prf(SK_p, octets).</summary>
    public static byte[] ByProofKey(IkeKeys keys, bool ofInitiator, ReadOnlySpan<byte> octets)
    {
        var auth = new byte[keys.Suite.Prf.Length()];
        Prf.Compute(keys.Suite.Prf, keys.Proof(ofInitiator), octets, auth);
        return auth;
    }
}
