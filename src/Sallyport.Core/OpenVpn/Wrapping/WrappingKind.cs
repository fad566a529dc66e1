namespace Sallyport.Core.OpenVpn.Wrapping;

/// <summary>How control packets are protected before TLS has anything to say.</summary>
public enum WrappingKind : byte
{
    None,

    /// <summary>An HMAC with a key that a network shares.</summary>
    TlsAuth,

    /// <summary>Encrypted and authenticated with a key that a network shares.</summary>
    TlsCrypt,

    /// <summary>As tls-crypt, with a key of each client's own, which the client brings along wrapped for the server.</summary>
    TlsCryptV2,
}
