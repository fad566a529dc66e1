using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>A session on its handshake thread, and what it has become on the packet path.</summary>
internal sealed class PeerSession
{
    public required long Number { get; init; }

    public required ServerSession Session { get; init; }

    public required SessionKey Key { get; set; }

    public required OuterPath Path { get; set; }

    /// <summary>How the peer came through the door; decides which networks and identities it may still turn out to be.</summary>
    public required WrappingKind Wrapping { get; init; }

    /// <summary>As what it asked for its place, when it was admitted.</summary>
    public required Newcomer Newcomer { get; init; }

    /// <summary>The credential that the tls-crypt-v2 key was made for.</summary>
    public CredentialEntry? WrappedFor => Newcomer.Credential;

    /// <summary>The network whose shared wrapping key the peer has.</summary>
    public int? WrappedForNetwork => Newcomer.NetworkId;

    /// <summary>Its place among the half-open sessions until it is established; null from then on.</summary>
    public Probation<PeerSession>.Place? Place { get; set; }

    /// <summary>Its place in the share of its network, where many know the key.</summary>
    public Probation<PeerSession>.Place? NetworkPlace { get; set; }

    /// <summary>The door has counted it against its credential.</summary>
    public required bool IsCounted { get; set; }

    /// <summary>It has answered us, so that its TLS may begin.</summary>
    public required bool HasBegun { get; set; }

    /// <summary>tls-crypt-v2: what the door counts its credential by.</summary>
    public byte[]? WrappedKeyId { get; init; }

    /// <summary>Set when the peer was let in; the same for the life of the session.</summary>
    public Admitted? Admitted { get; set; }

    /// <summary>The fleet by which its configuration was made, until the tunnel is there.</summary>
    public FleetModel? GrantedBy { get; set; }

    public bool HasTunnel { get; set; }

    /// <summary>The token that the peer was given in place of its password, and for whom; renewed with every key.</summary>
    public AuthTokenClaims Token { get; set; }

    public string TokenUser { get; set; } = "";

    /// <summary>The shard owns the promised place from the moment it was asked to open the tunnel.</summary>
    public bool TunnelWasOpened { get; set; }
}

/// <summary>Who a peer is, and the place on the packet path that its session was promised.</summary>
internal sealed record Admitted
{
    public required TunnelProof Proof { get; init; }

    public required int IdentityId { get; init; }

    public required string Name { get; init; }

    public required string Tls { get; init; }

    public required string ClientVersion { get; init; }

    public required string ClientPlatform { get; init; }

    public required IpAddress AddressV4 { get; init; }

    public required IpAddress AddressV6 { get; init; }

    /// <summary>Which shard's; it stays there wherever the peer moves.</summary>
    public required int Shard { get; init; }

    public required int Slot { get; init; }

    public required uint PeerId { get; init; }

    public required long TunnelId { get; init; }
}

/// <summary>A session is found by where its packets come from and the peer's session id.</summary>
internal readonly record struct SessionKey(UInt128 Ip, ushort Port, int Channel, uint Generation, ulong Remote)
{
    public static SessionKey Of(in OuterPath path, ulong remote) =>
        new(path.Peer.Ip.Bits, path.Peer.Port, path.IsStream ? ~path.Connection : path.Socket, path.ConnectionGeneration, remote);

    /// <summary>The connection alone, whatever session id a packet on it claims.</summary>
    public SessionKey WithoutRemote => this with { Remote = 0 };
}
