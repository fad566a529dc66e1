namespace Sallyport.Core.Crypto;

/// <summary>How a step of a <see cref="TlsPump"/> ended.</summary>
public enum TlsStatus : byte
{
    Done,

    /// <summary>Nothing more without ciphertext from the peer.</summary>
    WantRead,

    /// <summary>The connection was ended in order (close_notify), by the peer or by us.</summary>
    Closed,

    /// <summary>Final. There may be an alert to drain.</summary>
    Failed,
}

/// <summary>Why a TLS connection failed, in the words that an operator acts on.</summary>
public enum TlsFailure : byte
{
    None,

    /// <summary>The peer showed none and had to.</summary>
    NoCertificate,
    CertificateExpired,
    CertificateNotYetValid,

    /// <summary>No path to an anchor.</summary>
    UnknownIssuer,

    /// <summary>A client's certificate not for clients, or a server's not for servers.</summary>
    WrongPurpose,
    CertificateRevoked,

    /// <summary>No version of TLS in common, or no TLS at all.</summary>
    ProtocolVersion,
    NoSharedCipher,

    /// <summary>The peer refused us; the detail names its alert.</summary>
    PeerAlert,
    Other,
}
