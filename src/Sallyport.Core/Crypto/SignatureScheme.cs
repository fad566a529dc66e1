namespace Sallyport.Core.Crypto;

/// <summary>How something is signed. PSS has a salt as long as its hash, and MGF1 of the same hash.</summary>
public enum SignatureScheme : byte
{
    /// <summary>PKCS #1 v1.5 with SHA-1: what method 1 of IKEv2 means by tradition. To verify only, and only where the caller asks for it.</summary>
    RsaSha1,
    RsaSha256,
    RsaSha384,
    RsaSha512,
    RsaPssSha256,
    RsaPssSha384,
    RsaPssSha512,
    EcdsaSha256,
    EcdsaSha384,
    EcdsaSha512,
    Ed25519,
}

/// <summary>What a key of a pair is.</summary>
public enum KeyKind : byte
{
    /// <summary>Nothing that we sign or verify with.</summary>
    Other,
    Rsa,
    EcP256,
    EcP384,
    EcP521,
    Ed25519,
}

public static class SignatureSchemes
{
    /// <summary>Whether a key of the kind can make such a signature. ECDSA takes any hash with any curve, as RFC 7427 does.</summary>
    public static bool Fits(this SignatureScheme scheme, KeyKind kind) => scheme switch
    {
        SignatureScheme.RsaSha1 or SignatureScheme.RsaSha256 or SignatureScheme.RsaSha384 or SignatureScheme.RsaSha512
            or SignatureScheme.RsaPssSha256 or SignatureScheme.RsaPssSha384 or SignatureScheme.RsaPssSha512 => kind == KeyKind.Rsa,
        SignatureScheme.EcdsaSha256 or SignatureScheme.EcdsaSha384 or SignatureScheme.EcdsaSha512 =>
            kind is KeyKind.EcP256 or KeyKind.EcP384 or KeyKind.EcP521,
        SignatureScheme.Ed25519 => kind == KeyKind.Ed25519,
        _ => false,
    };

    /// <summary>What is hashed before it is signed; null where the scheme takes the message itself (RFC 8420).</summary>
    public static HashKind? Hash(this SignatureScheme scheme) => scheme switch
    {
        SignatureScheme.RsaSha1 => HashKind.Sha1,
        SignatureScheme.RsaSha256 or SignatureScheme.RsaPssSha256 or SignatureScheme.EcdsaSha256 => HashKind.Sha256,
        SignatureScheme.RsaSha384 or SignatureScheme.RsaPssSha384 or SignatureScheme.EcdsaSha384 => HashKind.Sha384,
        SignatureScheme.RsaSha512 or SignatureScheme.RsaPssSha512 or SignatureScheme.EcdsaSha512 => HashKind.Sha512,
        _ => null,
    };

    /// <summary>The one scheme that a curve has with signatures of fixed length (RFC 4754 section 3: methods 9, 10 and 11 of IKEv2).</summary>
    public static SignatureScheme? OfCurve(KeyKind kind) => kind switch
    {
        KeyKind.EcP256 => SignatureScheme.EcdsaSha256,
        KeyKind.EcP384 => SignatureScheme.EcdsaSha384,
        KeyKind.EcP521 => SignatureScheme.EcdsaSha512,
        _ => null,
    };

    internal static bool IsPss(this SignatureScheme scheme) =>
        scheme is SignatureScheme.RsaPssSha256 or SignatureScheme.RsaPssSha384 or SignatureScheme.RsaPssSha512;
}
