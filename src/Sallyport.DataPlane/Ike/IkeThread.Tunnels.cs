using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Nodes;
using Sallyport.DataPlane.Shards;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Ike;

/// <summary>What sessions become on the packet path.</summary>
internal sealed partial class IkeThread
{
    private void Admit(IkePeer peer, IkeUp up)
    {
        var admitted = (Admittance)up.Grant.Tag;
        var shard = _owner.ShardOf(peer.Session);
        if (!shard.PeerIds.TryAllot(out var slot))
        {
            _failures.Raise("gateway.full", admitted.Identity.Id, peer.Session.Path.Peer, "no tunnel can be added", _now);
            _endpoint.Tell(peer.Session, session => session.Close("no tunnel can be added", _now));
            return;
        }

        (peer.Admitted, peer.Suite, peer.Proof, peer.IkeSince) = (admitted, up.Suite, up.Proof, _now);
        (peer.Slot, peer.Shard, peer.TunnelId) = (slot, _owner.ShardIndexOf(peer.Session), Context.TunnelIds.Next());
        peer.IsWaiting = true;
        _waiting.Add(peer);
        if (admitted.Identity.Kind == IdentityKind.Device && _rerouted.TryTake(admitted.Identity.Id, _now))
        {
            _pairs.Watch(peer.Session.Number);
            _pairs.Doubt(peer.Session.Number, _now);
        }

        if (admitted.Identity.Kind == IdentityKind.Site)
        {
            _calls.CameUp(admitted.Identity.Id, admitted.Uplink);
        }
    }

    private void Install(IkePeer peer, ChildKeys keys)
    {
        using (keys)
        {
            if (peer.Admitted is null)
            {
                // There was no place for its tunnel.
                _owner.FreeEspSpi(keys.InboundSpi);
                return;
            }

            _pairs.Came(peer.Session.Number, keys.InboundSpi, [.. keys.Local], [.. keys.Remote]);
            peer.ExtendedSince = keys.Suite.ExtendedSequence ? _now : null;
            var child = NewChildOf(peer, keys);
            if (peer.IsWaiting)
            {
                OpenWaiting(peer, child);
            }
            else if (!TellShard(peer, new InstallChild(peer.Slot, peer.TunnelId, child)))
            {
                Discard(child);
                if (peer.HasTunnel)
                {
                    CloseOverloaded(peer);
                }
            }

            if (keys.Replaces != 0)
            {
                Context.Uplink.CountRenegotiation(peer.TunnelId);
            }
            else
            {
                TellIke(peer);
            }
        }
    }

    private NewChild NewChildOf(IkePeer peer, ChildKeys keys)
    {
        var path = peer.Session.Path;
        var lifetimes = keys.Lifetimes;
        var ends = keys.IsTransport ? EndsOf(peer.Admitted!.Identity, path, peer.Session.IsEncapsulated) : default;
        var sa = EspSa.Create(
            keys.Suite,
            keys.IsTransport ? EspMode.Transport : EspMode.Tunnel,
            keys.InboundSpi,
            keys.OutboundSpi,
            keys.Inbound.Bytes,
            keys.Outbound.Bytes,
            new EspLifetime(
                (ulong)lifetimes.ChildRekeyBytes, (ulong)lifetimes.ChildRekeyBytes * 2, (ulong)lifetimes.ChildRekeyPackets, (ulong)lifetimes.ChildRekeyPackets * 2),
            ends);
        peer.Rekeys += keys.Replaces != 0 ? 1 : 0;
        var selectors = keys.IsTransport
            ? new EspSelectors([.. keys.Local.Select(one => one with { First = ends.Local, Last = ends.Local })], [.. keys.Remote.Select(one => one with { First = ends.Remote, Last = ends.Remote })])
            : new EspSelectors([.. keys.Local], [.. keys.Remote]);
        return new NewChild(sa, selectors, peer.Rekeys) { IsUsed = false };
    }

    /// <summary>
    /// Of transport mode: the peer's own address stands for it inside, and the gateway's for the gateway, so that what comes of it is judged like what comes of a tunnel.
    /// </summary>
    private EspEnds EndsOf(Identity identity, in IkePath path, bool isEncapsulated)
    {
        var own = identity.AddressV4 ?? identity.AddressV6 ?? path.Peer.Ip;
        var network = Context.Model.Current.Fleet.Network(identity.NetworkId);
        var gateway = network?.Prefixes.FirstOrDefault(prefix => prefix.Contains(own)) is { Length: > 0 } around ? new IpAddress(around.First.Bits + 1) : path.Local.Ip;
        return (gateway, own) == (path.Local.Ip, path.Peer.Ip)
            ? new EspEnds(gateway, own, isEncapsulated)
            : new EspEnds(gateway, own, IsTranslated: true, path.Local.Ip, path.Peer.Ip);
    }

    private void OpenWaiting(IkePeer peer, NewChild? child)
    {
        if (!peer.IsWaiting)
        {
            return;
        }

        peer.IsWaiting = false;
        var (session, admitted) = (peer.Session, peer.Admitted!);
        if (session.IsFinished || !session.IsUp || _roads.ForEsp(session.Path, session.IsEncapsulated, peer.Shard) is not { } path)
        {
            Discard(child);
            return;
        }

        var suite = child?.Sa.Suite;
        Context.Uplink.Announce(new TunnelDescription
        {
            TunnelId = peer.TunnelId,
            IdentityId = admitted.Identity.Id,
            Protocol = session.IsEncapsulated ? "ipsec/udp" : "ipsec/esp",
            OuterAddress = session.Path.Peer.ToString(),
            Cipher = suite is { } known ? known.TunnelCipher().Word() : "none",
            Tls = string.Intern("IKEv2 " + peer.Suite),
            Wrapping = peer.Proof,
            ClientVersion = "",
            ClientPlatform = "",
            Uplink = admitted.Uplink,
            Since = Context.Clock.ToWall(_now),
        });
        TellIke(peer);
        var probe = TimeSpan.FromSeconds(Math.Max(1, _settings!.IkeProbeSeconds));
        peer.HasTunnel = peer.TunnelWasOpened = true;
        if (!TellShard(peer, new OpenTunnel(new NewTunnel
        {
            Kind = TunnelKind.Ipsec,
            Uplink = admitted.Uplink,
            Slot = peer.Slot,
            TunnelId = peer.TunnelId,
            IdentityId = admitted.Identity.Id,
            Proof = admitted.Proof,
            GrantedBy = admitted.GrantedBy,
            AddressV4 = admitted.Identity.AddressV4 ?? default,
            AddressV6 = admitted.Identity.AddressV6 ?? default,
            Handshaker = Index,
            Session = session.Number,
            Path = path,
            Cipher = suite is { } sealing ? sealing.TunnelCipher() : TunnelCipher.None,
            PingAfter = NeverDead,
            DeadAfter = NeverDead,
            AliveWithin = probe,
            Child = child,
            Ipsec = new IpsecOptions
            {
                ShownAt = session.ShownAt,
                FollowsPeer = session.IsPeerBehindNat && !session.HasMobike,
                KeepsNatAlive = session.NeedsKeepalive,
                SilentAfter = probe,
                CopiesDscp = _access!.TryGetValue(admitted.Identity.NetworkId, out var access) && access.Ipsec is { CopyDscp: true },
            },
        })))
        {
            Discard(child);
            peer.HasTunnel = peer.TunnelWasOpened = false;
            Context.Uplink.Withdraw(peer.TunnelId);
            CloseOverloaded(peer);
        }
    }

    private void Move(IkePeer peer, IkeMoved moved)
    {
        if (peer.HasTunnel && _roads.ForEsp(moved.Path, moved.IsEncapsulated, peer.Shard) is { } path)
        {
            var session = peer.Session;
            if (!TellShard(peer, new MovePath(peer.Slot, peer.TunnelId, path, session.ShownAt, session.IsPeerBehindNat && !session.HasMobike, session.NeedsKeepalive)))
            {
                CloseOverloaded(peer);
            }
        }
    }

    /// <summary>What the packet thread has not heard of would be lost for good: packets of the peer's, or where rules believe it to be. It comes again.</summary>
    private void CloseOverloaded(IkePeer peer) => _endpoint.Tell(peer.Session, session => session.Close("the packet thread is overloaded", _now));

    /// <summary>Others keep their IKE SA, by which they may ask for a CHILD_SA again; until they do nothing of theirs passes. One that was replaced is not missed.</summary>
    private void TellIfBare(IkePeer peer)
    {
        if (peer is { HasTunnel: true, Session: { IsUp: true, HasChildren: false } })
        {
            TellIke(peer);
            _failures.Raise(
                "tunnel.ike-only", peer.Admitted!.Identity.Id, peer.Session.Path.Peer,
                "its last CHILD_SA is gone; the IKE SA is up, and nothing passes until the peer asks for another" + Hint(peer), _now);
        }
    }

    private void TellIke(IkePeer peer) =>
        Context.Uplink.Put(peer.TunnelId, new IkeDescription(peer.Session.Spis, peer.Suite, peer.IkeSince, peer.IkeRekeys, peer.Session.HasChildren));

    private void CloseTunnelOf(IkePeer peer, TunnelEnd end)
    {
        if (peer.HasTunnel)
        {
            Context.Uplink.Heard(peer.TunnelId, peer.Session.LastHeard);
            TellShard(peer, new CloseTunnel(peer.Slot, peer.TunnelId, end));
            peer.HasTunnel = false;
        }
    }

    private bool TellShard(IkePeer peer, ShardCommand command) => (peer.HasTunnel || command is OpenTunnel) && Context.Shards[peer.Shard].Mailbox.TryPost(command);

    /// <summary>It comes to no shard: its keys and its number go back.</summary>
    private void Discard(NewChild? child)
    {
        if (child is not null)
        {
            var sa = child.Sa;
            _owner.FreeEspSpi(sa.InboundSpi);
            sa.Free();
        }
    }
}
