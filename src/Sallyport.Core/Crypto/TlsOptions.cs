namespace Sallyport.Core.Crypto;

/// <summary>ProtocolVersion of RFC 5246 and RFC 8446.</summary>
public enum TlsVersion : ushort
{
    Tls12 = 0x0303,
    Tls13 = 0x0304,
}

/// <summary>What a TLS server is and whom it believes. The caller keeps the key's bytes and zeroes them when done.</summary>
public sealed record TlsServerOptions
{
    /// <summary>X.509 DER, the server's own certificate first, then those between it and the anchor.</summary>
    public required IReadOnlyList<byte[]> ChainDer { get; init; }

    /// <summary>PKCS #8 DER, not encrypted.</summary>
    public required byte[] PrivateKeyPkcs8 { get; init; }

    /// <summary>Certificates that are trusted in themselves: roots, or issuing CAs without their roots.</summary>
    public required IReadOnlyList<byte[]> AnchorsDer { get; init; }

    /// <summary>Without it a certificate is still asked for, and refused where it is given and wrong.</summary>
    public bool RequireClientCertificate { get; init; } = true;

    public TlsVersion Minimum { get; init; } = TlsVersion.Tls12;

    public TlsVersion Maximum { get; init; } = TlsVersion.Tls13;
}

/// <summary>What a TLS client is and whom it believes. The caller keeps the key's bytes and zeroes them when done.</summary>
public sealed record TlsClientOptions
{
    /// <summary>X.509 DER, the client's own certificate first; empty for a client without one.</summary>
    public IReadOnlyList<byte[]> ChainDer { get; init; } = [];

    /// <summary>PKCS #8 DER, not encrypted; null exactly where the chain is empty.</summary>
    public byte[]? PrivateKeyPkcs8 { get; init; }

    /// <summary>Certificates that are trusted in themselves: roots, or issuing CAs without their roots.</summary>
    public required IReadOnlyList<byte[]> AnchorsDer { get; init; }

    /// <summary>Where given, the server's certificate must have it as DNS name (or as common name where it has no DNS name).</summary>
    public string? ExpectedServerName { get; init; }

    /// <summary>
    /// The server's certificate must say serverAuth, not merely leave its purpose open: otherwise a device whose certificate
    /// names no purpose could pose as the server. False only for servers of others whose certificates are that old.
    /// </summary>
    public bool RequireServerPurpose { get; init; } = true;

    public TlsVersion Minimum { get; init; } = TlsVersion.Tls12;

    public TlsVersion Maximum { get; init; } = TlsVersion.Tls13;
}
