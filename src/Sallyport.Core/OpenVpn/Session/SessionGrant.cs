using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Session;

/// <summary>What the owner of a server session gives a peer that it accepts: identity is proven, this is the configuration.</summary>
public sealed record SessionGrant
{
    /// <summary>In order of preference; the first that the peer has is used.</summary>
    public required IReadOnlyList<DataCipher> Ciphers { get; init; }

    /// <summary>Digest of CBC packets; it cannot be negotiated, both ends must be configured alike.</summary>
    public HashKind AuthDigest { get; init; } = HashKind.Sha256;

    /// <summary>24 bits: how the gateway finds the tunnel of a data packet.</summary>
    public required uint PeerId { get; init; }

    /// <summary>The peer's own address and the prefix it lies in; at least one family.</summary>
    public IpAddress? AddressV4 { get; init; }

    public IpPrefix? NetworkV4 { get; init; }

    /// <summary>
    /// The other end of a point-to-point interface; null for an interface in the subnet of <see cref="NetworkV4"/>. Routes then go by way of
    /// this address, which only the tunnel has, and not of the gateway's, which the peer's own LAN may have, too.
    /// </summary>
    public IpAddress? PeerV4 { get; init; }

    public IpAddress? AddressV6 { get; init; }

    public IpPrefix? NetworkV6 { get; init; }

    /// <summary>What else the peer should send into the tunnel. Never contains the peer's own subnets.</summary>
    public IReadOnlyList<IpPrefix> Routes { get; init; } = [];

    /// <summary>The peer sends everything into the tunnel.</summary>
    public bool RedirectGateway { get; init; }

    /// <summary>Who answers for names inside the tunnel.</summary>
    public IReadOnlyList<IpAddress> DnsServers { get; init; } = [];

    /// <summary>In which names without a dot are looked up; null for none.</summary>
    public string? DnsDomain { get; init; }

    public int PingSeconds { get; init; } = 10;

    public int PingRestartSeconds { get; init; } = 60;

    /// <summary>Sent with the configuration where the peer logs in with a name; null for none.</summary>
    public string? AuthToken { get; init; }
}

/// <summary>Who asks to come in, as far as the protocol knows. Dispose it to erase the password.</summary>
public sealed class AuthenticationRequest : IDisposable
{
    /// <summary>DER of the certificate that TLS verified; null where the peer has none.</summary>
    public required byte[]? Certificate { get; init; }

    public required string Username { get; init; }

    public required byte[] Password { get; init; }

    public required PeerInfo PeerInfo { get; init; }

    /// <summary>"TLSv1.3 TLS_AES_256_GCM_SHA384".</summary>
    public required string Tls { get; init; }

    /// <summary>False for the first key of a session.</summary>
    public required bool IsRenegotiation { get; init; }

    public void Dispose() => CryptographicOperations.ZeroMemory(Password);
}
