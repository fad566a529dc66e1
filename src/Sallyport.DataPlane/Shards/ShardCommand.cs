using Sallyport.Core.Nat;
using Sallyport.Core.OpenVpn.Data;
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

internal sealed record CloseTunnel(int Slot, long TunnelId, TunnelEnd End) : ShardCommand;

/// <summary>A packet that came over this connection has passed the door.</summary>
internal sealed record ProveConnection(OuterPath Path) : ShardCommand;

/// <summary>Nothing sensible comes over this connection.</summary>
internal sealed record PoisonConnection(OuterPath Path) : ShardCommand;

internal sealed record DisconnectIdentity(int IdentityId) : ShardCommand;

/// <summary>Another shard has a newer tunnel of the identity; nothing where this one is gone.</summary>
internal sealed record ReplaceTunnel(int IdentityId, long TunnelId, OuterPath By) : ShardCommand;

/// <summary>From now on packets are judged by this model. The answer goes to the uplink.</summary>
internal sealed record AdoptModel(GatewayModel Model, ModelChange Change, Adoption Adoption) : ShardCommand;

/// <summary>The gateway host has part in the networks through this queue, which is the shard's from here on.</summary>
internal sealed record AttachHost(TunQueue Queue, HandleSpace Handles) : ShardCommand;

/// <summary>The gateway host passes on what is for beyond it, or does not.</summary>
/// <param name="FlowsMax">How many conversations of this shard's the host should remember at most.</param>
internal sealed record OpenEgress(bool IsOpen, int FlowsMax) : ShardCommand;

/// <summary>The gateway host has no part any more.</summary>
internal sealed record DetachHost : ShardCommand;
