using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Shards;

/// <summary>A session that has its first key, on its way to the shard that will carry it.</summary>
internal struct NewTunnel
{
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
    public required int InnerMax;
    public required DataKey Key;
    public required int KeyId;
}
