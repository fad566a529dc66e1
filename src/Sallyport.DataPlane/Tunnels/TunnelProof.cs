using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Wrapping;

namespace Sallyport.DataPlane.Tunnels;

/// <summary>All that a peer came in with. What of it is taken away, or is not enough any more, takes the tunnel with it. An id of 0: it came without.</summary>
internal readonly record struct TunnelProof
{
    /// <summary>Where the network asked for one.</summary>
    public int CertificateId { get; init; }

    /// <summary>Where the network asked for one, also where a token stood for it.</summary>
    public int PasswordId { get; init; }

    public required WrappingKind Wrapping { get; init; }

    public required TlsVersion Tls { get; init; }
}
