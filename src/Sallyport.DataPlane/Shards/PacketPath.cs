using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Dns;
using Sallyport.DataPlane.Handshakes;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Shards;

/// <summary>
/// What one shard does with one packet, without sockets: classify, open, judge, seal, queue. No allocation, no lock but the one of a
/// control packet's copy, no exception, no log line. One thread.
/// </summary>
internal sealed partial class PacketPath
{
    private readonly TunnelTable _tunnels;
    private readonly SlotAllotter _peerIds;
    private readonly Forwarder _forwarder;
    private readonly Outbox _outbox;
    private readonly PacketMemory _memory;
    private readonly DropCounters _drops;
    private readonly HandshakeInbox[] _handshakers;
    private readonly Crossing _crossing;
    private readonly NameService _names;
    private readonly Queue<TunnelNotice> _notices = new();

    /// <param name="ike">How packets reach the threads of IKE; none of them: no IPsec.</param>
    /// <param name="mtuTo">How long an outer packet to a peer may be, by the kernel's knowledge.</param>
    public PacketPath(
        TunnelTable tunnels, SlotAllotter peerIds, Forwarder forwarder, Outbox outbox, DropCounters drops, HandshakeInbox[] handshakers,
        Crossing crossing, NameService names, EspSpis spis, IkeInbox[] ike, MtuTo mtuTo)
    {
        _tunnels = tunnels;
        _peerIds = peerIds;
        _forwarder = forwarder;
        _outbox = outbox;
        _memory = outbox.Memory;
        _drops = drops;
        _handshakers = handshakers;
        _crossing = crossing;
        _names = names;
        _spis = spis;
        _children = new EspTable(spis);
        _ike = ike;
        _mtuTo = mtuTo;
    }

    public bool TryDequeueNotice(out TunnelNotice notice) => _notices.TryDequeue(out notice);

    /// <summary>Makes a tunnel of a session that has its first key. Whoever had the identity or the address before is closed.</summary>
    public void Open(in NewTunnel wanted, Instant now)
    {
        var uplink = Math.Max(1, wanted.Uplink);
        Invariant.Check(uplink <= Uplinks.Max, "an identity has at most four uplinks");
        var successor = new Successor(wanted.Path, wanted.Proof);
        Replace(_tunnels.OfUplink(wanted.IdentityId, uplink), successor, now);
        if (wanted.Kind == TunnelKind.OpenVpn)
        {
            Replace(_tunnels.AtAddress(wanted.Path), successor, now);
        }

        ref var tunnel = ref _tunnels.Open(wanted.Slot, wanted.IdentityId, wanted.Path, wanted.Kind, uplink);
        tunnel.Id = wanted.TunnelId;
        tunnel.Cipher = wanted.Cipher;
        tunnel.Proof = wanted.Proof;
        tunnel.AddressV4 = wanted.AddressV4;
        tunnel.AddressV6 = wanted.AddressV6;
        tunnel.Handshaker = wanted.Handshaker;
        tunnel.Session = wanted.Session;
        tunnel.PingAfter = wanted.PingAfter;
        tunnel.DeadAfter = wanted.DeadAfter;
        tunnel.AliveWithin = wanted.AliveWithin;
        tunnel.InnerMax = wanted.InnerMax;
        tunnel.LastReceived = tunnel.LastSent = now;
        if (wanted.Kind == TunnelKind.Ipsec)
        {
            OpenIpsec(wanted, now);
        }
        else
        {
            tunnel.Keys.Install(wanted.Key, wanted.KeyId, now, now);
            _crossing.Tunnels.TakeAddress(AddressKey.Of(wanted.Path), wanted.IdentityId);
        }

        _crossing.Announce(wanted.IdentityId, wanted.TunnelId, successor, uplink);
        Situate(tunnel);
        Notify(TunnelNoticeKind.Opened, wanted.Slot);
    }

    /// <summary>Another shard has a newer tunnel of the identity.</summary>
    public void ReplaceFromElsewhere(int identityId, long tunnelId, in Successor by, Instant now)
    {
        Replace(_tunnels.OfIdentity(identityId, tunnelId), by, now);
    }

    /// <summary>Takes a packet that another shard has handed over, as <see cref="Handle"/> does one from outside.</summary>
    public DropReason HandleHandedOver(in HandedOver head, in PacketSpot packet, Instant now)
    {
        if (head.Kind == HandedOverKind.Outer)
        {
            return Handle(packet, head.From, now);
        }

        if (head.Kind == HandedOverKind.FromHost)
        {
            return HandleFromHost(head.FromIdentityId, packet, now);
        }

        if (head.Kind == HandedOverKind.Esp)
        {
            var reasonOfEsp = HandleEsp(packet, head.From, head.Tos, now);
            Count(reasonOfEsp);
            return reasonOfEsp;
        }

        if (head.Kind == HandedOverKind.Answer)
        {
            return DeliverAnswer(head.FromIdentityId, packet, now);
        }

        var inner = _memory.Packet(packet);
        var result = _forwarder.HandleHandedOver(head.FromIdentityId, inner, now, head.GuestPort);
        if (result.Kind != ForwardKind.Forward)
        {
            return result.Reason;
        }

        // Its end may have moved or gone while the packet was on its way.
        var to = TunnelTo(result.ToIdentityId);
        if (to >= 0 && IsTooBig(to, inner[..result.Length]))
        {
            return RefuseElsewhere(head.FromIdentityId, inner[..result.Length], to, now);
        }

        _forwarder.Translate(result, inner);
        var reason = to >= 0 ? SendInner(to, packet.With(packet.Start, result.Length), int.MaxValue, now) : DropReason.PeerOffline;
        Count(reason);
        return reason;
    }

    /// <summary>
    /// Slot of the tunnel by which packets to the identity leave from here; -1 where they do not. The first uplink, where it is well, is the
    /// one in any case; of others the directory knows.
    /// </summary>
    private int TunnelTo(int identityId)
    {
        var slot = _tunnels.OfIdentity(identityId);
        return slot >= 0 && (_tunnels[slot].Uplink != 1 || _tunnels[slot].IsDemoted) ? PreferredTunnel(identityId) : slot;
    }

    private int PreferredTunnel(int identityId) =>
        _crossing.Tunnels.TryFind(identityId, out var place) && place.Shard == _crossing.Shard ? _tunnels.OfIdentity(identityId, place.TunnelId) : -1;

    /// <summary>The peer of a tunnel does not answer, or does again.</summary>
    public void Demote(int slot, long tunnelId, bool isDemoted)
    {
        if (Is(slot, tunnelId) && _tunnels[slot].IsDemoted != isDemoted)
        {
            _tunnels.Demote(slot, isDemoted);
            _crossing.Tunnels.Demote(_tunnels[slot].IdentityId, new TunnelPlace(_crossing.Shard, tunnelId), isDemoted);
        }
    }

    /// <summary>
    /// Takes an inner packet that the gateway host sends. It is judged where the tunnel is that it is for, so that both directions of a
    /// conversation with the host are known to one forwarder.
    /// </summary>
    public DropReason HandleFromHost(int hostId, in PacketSpot packet, Instant now)
    {
        var reason = HandleOneFromHost(hostId, packet, now);
        while (true)
        {
            var slot = _outbox.FreeSlot();
            var length = _forwarder.TakeHeld(hostId, _memory.Blank(slot));
            if (length == 0)
            {
                return reason;
            }

            HandleOneFromHost(hostId, slot.With(slot.Start, length), now);
        }
    }

    /// <summary>Once a turn: ends of connections that were cut in it are told, where they are here.</summary>
    public void SendResets(Instant now)
    {
        while (true)
        {
            var slot = _outbox.FreeSlot();
            var length = _forwarder.TakeReset(_memory.Blank(slot), out var to);
            if (length == 0)
            {
                return;
            }

            var reset = slot.With(slot.Start, length);
            if (TunnelTo(to) is >= 0 and var at)
            {
                Count(SendInner(at, reset, int.MaxValue, now));
            }
            else if (_outbox.Host.IsOpen && _forwarder.Model.Identity(to) is { Kind: IdentityKind.Host } host)
            {
                Count(SendToHost(host, reset));
            }
        }
    }

    private DropReason SendToHost(Identity host, in PacketSpot packet) =>
        host.IsEgress ? _outbox.SendToEgress(packet) : _outbox.SendToHost(host.NetworkId, packet);

    private DropReason HandleOneFromHost(int hostId, in PacketSpot packet, Instant now)
    {
        var inner = _memory.Packet(packet);
        var refusalSlot = _outbox.FreeSlot();
        var refusal = _memory.Blank(refusalSlot);
        var result = _forwarder.Handle(hostId, inner, now, refusal);
        var reason = DropReason.None;
        if (result.Kind == ForwardKind.Forward)
        {
            var to = TunnelTo(result.ToIdentityId);
            if (to >= 0 && IsTooBig(to, inner[..result.Length]) && _forwarder.Model.Identity(hostId) is { IsEgress: false })
            {
                result = _forwarder.TooBig(hostId, inner[..result.Length], _tunnels[to].InnerMax, now, refusal);
            }
            else if (to >= 0)
            {
                _forwarder.Translate(result, inner);
                reason = SendInner(to, packet.With(packet.Start, result.Length), int.MaxValue, now);
            }
            else
            {
                result = _forwarder.Unreachable(hostId, inner[..result.Length], now, refusal);
            }
        }

        if (result.Kind == ForwardKind.Refuse && _forwarder.Model.Identity(hostId) is { IsEgress: false } host)
        {
            reason = _outbox.SendToHost(host.NetworkId, refusalSlot.With(refusalSlot.Start, result.RefusalLength));
        }

        Count(reason);
        return reason;
    }

    /// <summary>
    /// What packets need around them that leave through the tunnel of the identity, and on which shard it is; the largest rooms and this
    /// shard where there is none.
    /// </summary>
    public int FindTunnel(int identityId, Instant now, out int headroom, out int tailroom)
    {
        (headroom, tailroom) = (PacketMemory.Headroom, PacketMemory.Tailroom);
        var slot = TunnelTo(identityId);
        if (slot < 0)
        {
            return _crossing.Tunnels.TryFind(identityId, out var place) ? place.Shard : _crossing.Shard;
        }

        if (_tunnels[slot].Kind == TunnelKind.Ipsec)
        {
            FindRooms(_tunnels[slot], ref headroom, ref tailroom);
            return _crossing.Shard;
        }

        var key = _tunnels[slot].Keys.Sealing(now);
        if (key >= 0)
        {
            headroom = _tunnels[slot].Keys[key].Headroom;
            tailroom = _tunnels[slot].Keys[key].Tailroom;
        }

        return _crossing.Shard;
    }

    public void AskToReconfigure(int slot, long tunnelId)
    {
        if (Is(slot, tunnelId))
        {
            Notify(TunnelNoticeKind.NeedsConfiguration, slot);
        }
    }

    public void Close(int slot, long tunnelId, TunnelEnd end)
    {
        if (Is(slot, tunnelId))
        {
            Close(slot, end);
        }
    }

    public void Close(int slot, TunnelEnd end)
    {
        Notify(TunnelNoticeKind.Ended, slot, end);
        Free(slot);
    }

    /// <summary>The keys of one whose place another has taken.</summary>
    public void FreeGhost(int slot) => Free(slot);

    /// <summary>Silent tunnels end, quiet ones are kept alive, worn keys are reported, old ones freed.</summary>
    public void HandleTimeout(int slot, Instant now)
    {
        ref var tunnel = ref _tunnels[slot];
        if (tunnel.IsGhost && tunnel.GhostUntil <= now)
        {
            Free(slot);
        }

        if (!tunnel.IsLive)
        {
            return;
        }

        if (tunnel.Kind == TunnelKind.Ipsec)
        {
            HandleIpsecTimeout(slot, now);
        }
        else
        {
            HandleOpenVpnTimeout(slot, now);
        }
    }

    /// <summary>Parts of a datagram that were there before its first one, which has just passed.</summary>
    private void HandleHeld(int from, Instant now)
    {
        while (_tunnels.IsLive(from))
        {
            var slot = _outbox.FreeSlot();
            var length = _forwarder.TakeHeld(_tunnels[from].IdentityId, _memory.Blank(slot));
            if (length == 0)
            {
                return;
            }

            // Counted when they came.
            ref var tunnel = ref _tunnels[from];
            tunnel.BytesIn -= length;
            tunnel.PacketsIn--;
            Count(HandleInner(from, slot.With(slot.Start, length), now));
        }
    }

    /// <summary>Rules may look at where the peer is and at what its tunnel is: before its first packet from there is judged.</summary>
    private void Situate(in Tunnel tunnel) => _crossing.Situate(tunnel.IdentityId, tunnel.Id, SituationOf(tunnel));

    private static Situation SituationOf(in Tunnel tunnel)
    {
        var protocol = tunnel.Kind == TunnelKind.Ipsec
            ? tunnel.Path.IsRaw ? TunnelProtocol.IpsecEsp : TunnelProtocol.IpsecUdp
            : tunnel.Path.IsStream ? TunnelProtocol.OpenVpnTcp : TunnelProtocol.OpenVpnUdp;
        return new Situation(protocol, tunnel.Cipher, tunnel.ShownAt);
    }

    private DropReason HandleInner(int from, in PacketSpot spot, Instant now)
    {
        ref var tunnel = ref _tunnels[from];
        var inner = _memory.Packet(spot);
        tunnel.BytesIn += spot.Length;
        tunnel.PacketsIn++;
        var refusalSlot = _outbox.FreeSlot();
        var refusal = _memory.Blank(refusalSlot);
        var result = _forwarder.Handle(tunnel.IdentityId, inner, now, refusal);
        if (result.Kind == ForwardKind.Forward)
        {
            var to = TunnelTo(result.ToIdentityId);
            if (to >= 0 && IsTooBig(to, inner[..result.Length]))
            {
                result = _forwarder.TooBig(tunnel.IdentityId, inner[..result.Length], _tunnels[to].InnerMax, now, refusal);
                return Refuse(ref tunnel, result, refusalSlot, now);
            }

            if (to >= 0)
            {
                _forwarder.Translate(result, inner);
                return SendInner(to, spot.With(spot.Start, result.Length), tunnel.InnerMax, now);
            }

            if (_crossing.Tunnels.TryFind(result.ToIdentityId, out var place) && place.Shard != _crossing.Shard)
            {
                ClampSegments(inner[..result.Length], tunnel.InnerMax);
                return HandOver(place.Shard, new HandedOver(HandedOverKind.Inner, tunnel.IdentityId, default, result.GuestPort), inner[..result.Length]);
            }

            if (_outbox.Host.IsOpen && _forwarder.Model.Identity(result.ToIdentityId) is { Kind: IdentityKind.Host } host
                && (!host.IsEgress || _outbox.Host.IsEgressOpen))
            {
                _forwarder.Translate(result, inner);
                ClampSegments(inner[..result.Length], tunnel.InnerMax);
                return SendToHost(host, spot.With(spot.Start, result.Length));
            }

            result = _forwarder.Unreachable(tunnel.IdentityId, inner[..result.Length], now, refusal);
        }

        if (result.Kind == ForwardKind.Resolve)
        {
            var reason = _names.Handle(_forwarder.Model, tunnel.IdentityId, _crossing.Situation(tunnel.IdentityId), inner, now, refusal, out var length);
            return length > 0 ? SendAnswer(from, refusalSlot.With(refusalSlot.Start, length), now) : reason;
        }

        return Refuse(ref tunnel, result, refusalSlot, now);
    }

    private DropReason Refuse(ref Tunnel tunnel, in ForwardResult result, in PacketSpot refusal, Instant now) =>
        result.Kind == ForwardKind.Refuse ? Seal(ref tunnel, refusal.With(refusal.Start, result.RefusalLength), now) : DropReason.None;

    /// <summary>What another server answered to a question of an identity that still has its tunnel here.</summary>
    public void Deliver(DeliverAnswer delivery, Instant now)
    {
        var to = TunnelTo(delivery.Question.IdentityId);
        var reason = DropReason.PeerOffline;
        if (to >= 0)
        {
            var own = _outbox.FreeSlot();
            var length = _names.Handle(_forwarder.Model, _crossing.Situation(delivery.Question.IdentityId), delivery, now, _tunnels[to].InnerMax, _memory.Blank(own));
            reason = length > 0 ? SendAnswer(to, own.With(own.Start, length), now) : DropReason.NotRequested;
        }

        Count(reason);
    }

    /// <summary>What the gateway answers itself counts as much as what somebody else would.</summary>
    private DropReason SendAnswer(int to, in PacketSpot answer, Instant now)
    {
        var reason = _forwarder.MeterAnswer(_tunnels[to].IdentityId, answer.Length, now);
        return reason == DropReason.None ? SendInner(to, answer, int.MaxValue, now) : reason;
    }

    private DropReason SendInner(int to, in PacketSpot inner, int innerMax, Instant now)
    {
        ref var target = ref _tunnels[to];
        ClampSegments(_memory.Packet(inner), Math.Min(innerMax, target.InnerMax));
        target.BytesOut += inner.Length;
        target.PacketsOut++;
        return target.Kind == TunnelKind.Ipsec && inner.Length > target.InnerMax ? SendParts(ref target, inner, now) : Seal(ref target, inner, now);
    }

    /// <summary>Seals under the tunnel's current key, in place where there is room for it, and queues the packet to its peer.</summary>
    private DropReason Seal(ref Tunnel to, in PacketSpot inner, Instant now)
    {
        if (to.Kind == TunnelKind.Ipsec)
        {
            return SealEsp(ref to, inner, now);
        }

        var key = to.Keys.Sealing(now);
        if (key < 0)
        {
            return DropReason.KeyExhausted;
        }

        ref var data = ref to.Keys[key];
        var place = inner.HasRoom(data.Headroom, data.Tailroom) ? inner : MoveToOwnSlot(inner);
        if (!data.Seal(_memory.Room(place), place.Start - place.Floor, place.Length, out var start, out var length))
        {
            return DropReason.KeyExhausted;
        }

        to.LastSent = now;
        _outbox.Send(to.Path, place.With(place.Floor + start, length));
        return DropReason.None;
    }

    /// <summary>A packet between coalesced neighbours, for a peer whose format needs more room than the sender's left.</summary>
    private PacketSpot MoveToOwnSlot(in PacketSpot packet)
    {
        var own = _outbox.FreeSlot();
        _memory.Packet(packet).CopyTo(_memory.Blank(own));
        return own.With(own.Start, packet.Length);
    }

    /// <summary>Only SYN packets are read again: one in hundreds.</summary>
    private static void ClampSegments(Span<byte> inner, int innerMax)
    {
        if (IsTcpSyn(inner) && InnerPacket.Read(inner, out var packet) == DropReason.None)
        {
            MssClamp.Apply(inner, packet, innerMax);
        }
    }

    private static bool IsTcpSyn(ReadOnlySpan<byte> inner)
    {
        var tcp = (inner[0] >> 4) switch
        {
            4 when inner.Length > 9 && inner[9] == (byte)IpProtocol.Tcp => (inner[0] & 0xf) * 4,
            6 when inner.Length > 6 && inner[6] == (byte)IpProtocol.Tcp => 40,
            _ => inner.Length,
        };
        return tcp + 13 < inner.Length && (inner[tcp + 13] & (byte)TcpFlags.Syn) != 0;
    }

    private void Count(DropReason reason)
    {
        if (reason != DropReason.None)
        {
            _drops.Count(reason);
        }
    }

    private bool Is(int slot, long tunnelId) => _tunnels.IsLive(slot) && _tunnels[slot].Id == tunnelId;

    private void Replace(int slot, in Successor by, Instant now)
    {
        if (slot >= 0)
        {
            ref var tunnel = ref _tunnels[slot];
            tunnel.SharesCredential = tunnel.Proof.Shares(by.Proof);
            Notify(TunnelNoticeKind.Ended, slot, TunnelEnd.Replaced, by.Path, now - tunnel.LastReceived <= tunnel.AliveWithin);
            if (tunnel.Kind == TunnelKind.OpenVpn && tunnel.Path.Peer != by.Path.Peer)
            {
                AskWhetherAlive(ref tunnel, now);
            }

            // Of one that came again to the same place nobody is to be found any more when nothing is on its way.
            var isSameClient = tunnel.Kind == TunnelKind.Ipsec && tunnel.Path.Peer == by.Path.Peer;
            Unlist(tunnel);
            _tunnels.Bury(slot, by.Path, now, now + (isSameClient ? DataPlaneLimits.OnItsWay : DataPlaneLimits.GhostTime));
        }
    }

    private void Unlist(in Tunnel tunnel)
    {
        _crossing.Tunnels.Remove(tunnel.IdentityId, new TunnelPlace(_crossing.Shard, tunnel.Id));
        _crossing.LeaveSituation(tunnel.IdentityId, tunnel.Id);
        if (tunnel.Kind == TunnelKind.OpenVpn)
        {
            _crossing.Tunnels.LeaveAddress(AddressKey.Of(tunnel.Path), tunnel.IdentityId);
        }
    }

    private void Free(int slot)
    {
        if (_tunnels.IsLive(slot))
        {
            Unlist(_tunnels[slot]);
        }

        RemoveChildren(ref _tunnels[slot]);
        _tunnels.Close(slot);
        _peerIds.Return(slot);
    }

    private void Notify(
        TunnelNoticeKind kind, int slot, TunnelEnd end = TunnelEnd.None, in OuterPath from = default, bool wasAlive = false, uint spi = 0)
    {
        ref var tunnel = ref _tunnels[slot];
        _notices.Enqueue(new TunnelNotice
        {
            Kind = kind,
            Slot = slot,
            TunnelId = tunnel.Id,
            IdentityId = tunnel.IdentityId,
            Handshaker = tunnel.Handshaker,
            Session = tunnel.Session,
            Path = tunnel.Path,
            IsIpsec = tunnel.Kind == TunnelKind.Ipsec,
            Spi = spi,
            SharesCredential = tunnel.SharesCredential,
            From = from,
            End = end,
            WasAlive = wasAlive,
            Counters = TunnelCounters.Of(tunnel),
        });
    }
}
