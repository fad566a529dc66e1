using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Shards;

/// <summary>A session that has its first key, on its way to the shard that will carry it.</summary>
internal struct NewTunnel
{
    /// <summary>OpenVPN's has <see cref="Key"/>, IPsec's has <see cref="Child"/> and <see cref="Ipsec"/>.</summary>
    public TunnelKind Kind;

    /// <summary>1 to 4: the newest tunnel of the identity's uplink takes the place of the one before. 0 is 1.</summary>
    public int Uplink;

    /// <summary>Allotted from the shard's own; the shard gives it back when the tunnel ends.</summary>
    public required int Slot;
    public required long TunnelId;
    public required int IdentityId;
    public required TunnelProof Proof;

    /// <summary>The fleet by which its configuration was made.</summary>
    public required FleetModel GrantedBy;
    public required IpAddress AddressV4;
    public required IpAddress AddressV6;
    public required int Handshaker;
    public required long Session;
    public required OuterPath Path;
    public required TunnelCipher Cipher;
    public required TimeSpan PingAfter;
    public required TimeSpan DeadAfter;

    /// <summary>A tunnel that was heard of within this time counts as alive when another takes its place.</summary>
    public required TimeSpan AliveWithin;

    /// <summary>Of OpenVPN; IPsec's follows from its SAs and path.</summary>
    public int InnerMax;

    public DataKey Key;
    public int KeyId;

    /// <summary>Null: IKE has made none yet (RFC 6023).</summary>
    public NewChild? Child;
    public IpsecOptions Ipsec;
}

/// <summary>What IKE and the packet path have to agree on beside keys.</summary>
internal readonly record struct IpsecOptions
{
    /// <summary>Where the peer has shown that it receives; null: where its path goes.</summary>
    public IpAddress? ShownAt { get; init; }

    /// <summary>See <see cref="Tunnel.FollowsPeer"/>.</summary>
    public bool FollowsPeer { get; init; }

    /// <summary>See <see cref="Tunnel.KeepsNatAlive"/>.</summary>
    public bool KeepsNatAlive { get; init; }

    public bool CopiesDscp { get; init; }

    /// <summary>See <see cref="Tunnel.SilentAfter"/>. Zero: never.</summary>
    public TimeSpan SilentAfter { get; init; }
}
