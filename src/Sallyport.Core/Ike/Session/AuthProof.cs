using System.Collections.Immutable;
using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>Makes and judges AUTH payloads (RFC 7296 section 2.15, RFC 7427).</summary>
internal static class AuthProof
{
    private const ushort Sha256 = 2;
    private const ushort Identity = 5;

    /// <summary>What this end, or the other, signs.</summary>
    /// <param name="ofInitiator">Whose.</param>
    public static byte[] Octets(Handshake handshake, IkeKeys keys, bool ofInitiator, ReadOnlySpan<byte> identityBody) => AuthOctets.Signed(
        keys,
        ofInitiator,
        ofInitiator ? handshake.Request : handshake.Response,
        ofInitiator ? handshake.ResponderNonce : handshake.InitiatorNonce,
        identityBody,
        handshake.Intermediate);

    /// <summary>Signs with our certificate's key: as RFC 7427 has it where the peer knows that, else as RFC 7296 and RFC 4754 do.</summary>
    public static bool TrySign(SigningKey key, ImmutableArray<ushort> peerHashes, ReadOnlySpan<byte> octets, out AuthMethod method, out byte[] auth)
    {
        if (!peerHashes.IsEmpty && SchemeFor(key.Kind, peerHashes) is { } scheme)
        {
            var identifier = SignatureAlgorithmIdentifiers.Of(scheme);
            (method, auth) = (AuthMethod.DigitalSignature, [(byte)identifier.Length, .. identifier, .. key.Sign(scheme, octets)]);
            return true;
        }

        (method, var raw) = key.Kind switch
        {
            KeyKind.EcP256 => (AuthMethod.EcdsaSha256P256, SignatureScheme.EcdsaSha256),
            KeyKind.EcP384 => (AuthMethod.EcdsaSha384P384, SignatureScheme.EcdsaSha384),
            KeyKind.EcP521 => (AuthMethod.EcdsaSha512P521, SignatureScheme.EcdsaSha512),
            _ => (AuthMethod.None, default),
        };
        auth = method == AuthMethod.None ? [] : key.SignRaw(raw, octets);
        return method != AuthMethod.None;
    }

    /// <summary>Whether who holds the certificate's key signed the octets. RSA with SHA-1 is not taken: its collisions can be made.</summary>
    public static bool IsSigned(AuthValue auth, byte[] certificate, ReadOnlySpan<byte> octets, out string why)
    {
        why = "";
        if (!VerificationKey.TryReadCertificate(certificate, out var key))
        {
            why = "its certificate has no key that is used here";
            return false;
        }

        using (key)
        {
            switch (auth.Method)
            {
                case AuthMethod.DigitalSignature when TryReadSignature(auth.Data.AsSpan(), out var scheme, out var signature):
                    why = "its signature is wrong";
                    return scheme != SignatureScheme.RsaSha1 && key.Verify(scheme, octets, signature);
                case AuthMethod.DigitalSignature:
                    why = "its signature has an algorithm that is not used here";
                    return false;
                case AuthMethod.EcdsaSha256P256 or AuthMethod.EcdsaSha384P384 or AuthMethod.EcdsaSha512P521:
                    why = "its signature is wrong";
                    return RawSchemeFor(auth.Method) is { } raw && Kind(auth.Method) == key.Kind && key.VerifyRaw(raw, octets, auth.Data.AsSpan());
                case AuthMethod.Rsa:
                    why = "it signs RSA with SHA-1; it needs digital signatures of RFC 7427";
                    return false;
                default:
                    why = $"it proves itself by a method that is not used here ({(int)auth.Method})";
                    return false;
            }
        }
    }

    /// <summary>
    /// Whether the chain leads to one of our authorities, and the leaf names the peer as it calls itself: in its subject, or in a subjectAltName (RFC 7296 section 2.15,
    /// RFC 4945 section 3.1).
    /// </summary>
    public static bool IsCertified(CertificateAnchors? anchors, IReadOnlyList<byte[]> chain, ChainPurpose purpose, IkeIdentity claimed, Instant now, out string why)
    {
        if (anchors is null || chain.Count == 0)
        {
            why = anchors is null ? "nobody comes by certificate here" : "it sent no certificate";
            return false;
        }

        var verdict = anchors.Verify(chain[0], [.. chain.Skip(1)], purpose, now, out var detail);
        if (verdict != ChainVerdict.Good)
        {
            why = $"its certificate is not good: {detail}";
            return false;
        }

        if (!CertificateNames.TryRead(chain[0], out var names) || !Names(names, claimed))
        {
            why = $"its certificate does not name it {claimed}" + (names is null ? "" : $" but {names.Subject}");
            return false;
        }

        why = "";
        return true;
    }

    public static bool IsShared(AuthValue auth, HashKind prf, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> octets)
    {
        var expected = AuthOctets.ByShared(prf, secret, octets);
        return CryptographicOperations.FixedTimeEquals(expected, auth.Data.AsSpan());
    }

    private static bool Names(CertificateNames names, IkeIdentity claimed)
    {
        switch (claimed.Type)
        {
            case IdentityType.DistinguishedName:
                return claimed.Data.SequenceEqual(names.SubjectDer);
            case IdentityType.Fqdn:
                return names.DnsNames.Any(name => name.Equals(claimed.Name, StringComparison.OrdinalIgnoreCase));
            case IdentityType.Email:
                return names.Emails.Any(name => name.Equals(claimed.Name, StringComparison.OrdinalIgnoreCase));
            case IdentityType.Ipv4:
            case IdentityType.Ipv6:
                return names.Addresses.Any(address => IkeIdentity.Of(address).Equals(claimed));
            case IdentityType.KeyId:
            case IdentityType.None:
            default:
                return false;
        }
    }

    private static bool TryReadSignature(ReadOnlySpan<byte> data, out SignatureScheme scheme, out ReadOnlySpan<byte> signature)
    {
        scheme = default;
        signature = default;
        var reader = new ByteReader(data);
        if (!reader.TryU8(out var length) || !reader.TryBytes(length, out var identifier) || !SignatureAlgorithmIdentifiers.TryRead(identifier, out scheme))
        {
            return false;
        }

        signature = reader.Rest;
        return true;
    }

    private static SignatureScheme? SchemeFor(KeyKind kind, ImmutableArray<ushort> hashes) => kind switch
    {
        KeyKind.EcP256 when hashes.Contains(Sha256) => SignatureScheme.EcdsaSha256,
        KeyKind.EcP384 when hashes.Contains((ushort)3) => SignatureScheme.EcdsaSha384,
        KeyKind.EcP521 when hashes.Contains((ushort)4) => SignatureScheme.EcdsaSha512,
        KeyKind.Rsa when hashes.Contains(Sha256) => SignatureScheme.RsaPssSha256,
        KeyKind.Ed25519 when hashes.Contains(Identity) => SignatureScheme.Ed25519,
        _ => null,
    };

    private static SignatureScheme? RawSchemeFor(AuthMethod method) => method switch
    {
        AuthMethod.EcdsaSha256P256 => SignatureScheme.EcdsaSha256,
        AuthMethod.EcdsaSha384P384 => SignatureScheme.EcdsaSha384,
        AuthMethod.EcdsaSha512P521 => SignatureScheme.EcdsaSha512,
        _ => null,
    };

    private static KeyKind Kind(AuthMethod method) => method switch
    {
        AuthMethod.EcdsaSha256P256 => KeyKind.EcP256,
        AuthMethod.EcdsaSha384P384 => KeyKind.EcP384,
        _ => KeyKind.EcP521,
    };
}
