namespace Sallyport.Core.Crypto;

/// <summary>Hashes that a keyed MAC may use. SHA-1 only for tunnels of old routers, where a network opts in.</summary>
public enum HashKind : byte
{
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

public static class HashKinds
{
    /// <summary>Bytes of the longest hash.</summary>
    public const int MaxLength = 64;

    /// <summary>Bytes of the hash.</summary>
    public static int Length(this HashKind kind) => kind switch
    {
        HashKind.Sha1 => 20,
        HashKind.Sha256 => 32,
        HashKind.Sha384 => 48,
        HashKind.Sha512 => 64,
    };

    internal static OsslParam Digest(this HashKind kind) => kind switch
    {
        HashKind.Sha1 => OsslParam.Text("digest"u8, "SHA1"u8),
        HashKind.Sha256 => OsslParam.Text("digest"u8, "SHA256"u8),
        HashKind.Sha384 => OsslParam.Text("digest"u8, "SHA384"u8),
        HashKind.Sha512 => OsslParam.Text("digest"u8, "SHA512"u8),
    };
}
