using Sallyport.Core.Nat;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Shards;

/// <summary>What other threads ask of a shard.</summary>
internal abstract record ShardCommand;

internal sealed record OpenTunnel(NewTunnel Tunnel) : ShardCommand;

/// <summary>Seals at the latest after <paramref name="HandOver"/>.</summary>
internal sealed record InstallKey(int Slot, long TunnelId, DataKey Key, int KeyId, TimeSpan HandOver) : ShardCommand;

/// <summary>The session has seen the peer begin with another key.</summary>
internal sealed record PeerNegotiates(int Slot, long TunnelId) : ShardCommand;

/// <summary>A CHILD_SA more: it opens from now on, and seals from now on or when <see cref="UseChild"/> says so.</summary>
internal sealed record InstallChild(int Slot, long TunnelId, NewChild Child) : ShardCommand;

/// <summary>Packets leave by this SA, before the others of its tunnel that hold them, too.</summary>
internal sealed record UseChild(int Slot, long TunnelId, uint InboundSpi) : ShardCommand;

/// <summary>Nothing leaves by this SA any more; what is still on its way is opened for a while.</summary>
internal sealed record RemoveChild(int Slot, long TunnelId, uint InboundSpi, TimeSpan After) : ShardCommand;

/// <summary>IKE knows where the peer is now (RFC 4555, or its messages came from there).</summary>
/// <param name="ShownAt">Where it has shown that it receives.</param>
internal sealed record MovePath(int Slot, long TunnelId, OuterPath To, IpAddress ShownAt, bool FollowsPeer, bool KeepsNatAlive) : ShardCommand;

/// <summary>The peer does not answer, or does again: another uplink of its identity goes before this one.</summary>
internal sealed record DemoteTunnel(int Slot, long TunnelId, bool IsDemoted) : ShardCommand;

internal sealed record CloseTunnel(int Slot, long TunnelId, TunnelEnd End) : ShardCommand;

/// <summary>A packet that came over this connection has passed the door.</summary>
internal sealed record ProveConnection(OuterPath Path) : ShardCommand;

/// <summary>Nothing sensible comes over this connection.</summary>
internal sealed record PoisonConnection(OuterPath Path) : ShardCommand;

internal sealed record DisconnectIdentity(int IdentityId) : ShardCommand;

/// <summary>Another shard has a newer tunnel of the identity; nothing where this one is gone.</summary>
internal sealed record ReplaceTunnel(int IdentityId, long TunnelId, Successor By) : ShardCommand;

/// <summary>From now on packets are judged by this model. The answer goes to the uplink.</summary>
internal sealed record AdoptModel(GatewayModel Model, ModelChange Change, Adoption Adoption) : ShardCommand;

/// <summary>The gateway host has part in the networks through this queue, which is the shard's from here on.</summary>
internal sealed record AttachHost(TunQueue Queue, HandleSpace Handles) : ShardCommand;

/// <summary>The gateway host passes on what is for beyond it, or does not.</summary>
/// <param name="FlowsMax">How many conversations of this shard's the host should remember at most.</param>
internal sealed record OpenEgress(bool IsOpen, int FlowsMax) : ShardCommand;

/// <summary>The gateway host has no part any more.</summary>
internal sealed record DetachHost : ShardCommand;
