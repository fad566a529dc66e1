using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Dns;
using Sallyport.DataPlane.Handshakes;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Shards;

/// <summary>
/// What one shard does with one packet, without sockets: classify, open, judge, seal, queue. No allocation, no lock but the one of a
/// control packet's copy, no exception, no log line. One thread.
/// </summary>
internal sealed class PacketPath
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

    public PacketPath(
        TunnelTable tunnels, SlotAllotter peerIds, Forwarder forwarder, Outbox outbox, DropCounters drops, HandshakeInbox[] handshakers,
        Crossing crossing, NameService names)
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
    }

    /// <summary>
    /// Takes a packet that lies in the outbox's memory; its place may be referred to until the next flush. None where the packet was genuine; what becomes of it inside is counted by the
    /// forwarder, all other drops here.
    /// </summary>
    public DropReason Handle(in PacketSpot packet, in OuterPath from, Instant now)
    {
        var reason = Classify(packet, from, now);
        Count(reason);
        return reason;
    }

    public bool TryDequeueNotice(out TunnelNotice notice) => _notices.TryDequeue(out notice);

    /// <summary>Makes a tunnel of a session that has its first key. Whoever had the identity or the address before is closed.</summary>
    public void Open(in NewTunnel wanted, Instant now)
    {
        Replace(_tunnels.OfIdentity(wanted.IdentityId), wanted.Path, now);
        Replace(_tunnels.AtAddress(wanted.Path), wanted.Path, now);
        ref var tunnel = ref _tunnels.Open(wanted.Slot, wanted.IdentityId, wanted.Path);
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
        tunnel.Keys.Install(wanted.Key, wanted.KeyId, now, now);
        _crossing.Tunnels.TakeAddress(AddressKey.Of(wanted.Path), wanted.IdentityId);
        _crossing.Announce(wanted.IdentityId, wanted.TunnelId, wanted.Path);
        Situate(tunnel);
        Notify(TunnelNoticeKind.Opened, wanted.Slot);
    }

    /// <summary>False where the tunnel is gone: the key is then still the caller's to free.</summary>
    public bool InstallKey(int slot, long tunnelId, in DataKey key, int keyId, Instant now, Instant sealFrom)
    {
        if (!Is(slot, tunnelId))
        {
            return false;
        }

        _tunnels[slot].Keys.Install(key, keyId, now, sealFrom);
        return true;
    }

    /// <summary>Another shard has a newer tunnel of the identity.</summary>
    public void ReplaceFromElsewhere(int identityId, long tunnelId, in OuterPath by, Instant now)
    {
        var slot = _tunnels.OfIdentity(identityId);
        if (slot >= 0 && _tunnels[slot].Id == tunnelId)
        {
            Replace(slot, by, now);
        }
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

        var inner = _memory.Packet(packet);
        var result = _forwarder.HandleHandedOver(head.FromIdentityId, inner, now, head.GuestPort);
        if (result.Kind != ForwardKind.Forward)
        {
            return result.Reason;
        }

        _forwarder.Translate(result, inner);

        // Its end may have moved or gone while the packet was on its way.
        var to = _tunnels.OfIdentity(result.ToIdentityId);
        var reason = to >= 0 ? SendInner(to, packet.With(packet.Start, result.Length), int.MaxValue, now) : DropReason.PeerOffline;
        Count(reason);
        return reason;
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
            if (_tunnels.OfIdentity(to) is >= 0 and var at)
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
        host.IsEgress ? _outbox.SendBeyond(packet) : _outbox.SendToHost(host.NetworkId, packet);

    private DropReason HandleOneFromHost(int hostId, in PacketSpot packet, Instant now)
    {
        var inner = _memory.Packet(packet);
        var refusalSlot = _outbox.FreeSlot();
        var refusal = _memory.Blank(refusalSlot);
        var result = _forwarder.Handle(hostId, inner, now, refusal);
        var reason = DropReason.None;
        if (result.Kind == ForwardKind.Forward)
        {
            var to = _tunnels.OfIdentity(result.ToIdentityId);
            if (to >= 0)
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
        var slot = _tunnels.OfIdentity(identityId);
        if (slot < 0)
        {
            return _crossing.Tunnels.TryFind(identityId, out var place) ? place.Shard : _crossing.Shard;
        }

        var key = _tunnels[slot].Keys.Sealing(now);
        if (key >= 0)
        {
            headroom = _tunnels[slot].Keys[key].Headroom;
            tailroom = _tunnels[slot].Keys[key].Tailroom;
        }

        return _crossing.Shard;
    }

    /// <summary>The peer begins to negotiate another key: it has the newest of those we hold.</summary>
    public void PeerNegotiates(int slot, long tunnelId, Instant now)
    {
        if (Is(slot, tunnelId))
        {
            _tunnels[slot].Keys.PromoteNewest(now);
        }
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

        if (now - tunnel.LastReceived >= tunnel.DeadAfter)
        {
            Close(slot, TunnelEnd.Silent);
            return;
        }

        tunnel.Keys.FreeExpired(now);
        if (tunnel.Keys.TakeNeedForNext())
        {
            Notify(TunnelNoticeKind.NeedsKey, slot);
        }

        if (now - tunnel.LastSent >= tunnel.PingAfter)
        {
            var own = _outbox.FreeSlot();
            Ping.Payload.CopyTo(_memory.Blank(own));
            var reason = Seal(ref tunnel, own.With(own.Start, Ping.Payload.Length), now);
            Count(reason);
        }
    }

    private DropReason Classify(in PacketSpot spot, in OuterPath from, Instant now)
    {
        if (spot.Length < 1)
        {
            return DropReason.TooShort;
        }

        if (spot.Length > PacketMemory.PacketMax)
        {
            return DropReason.TooLong;
        }

        var packet = _memory.Packet(spot);
        var head = new PacketHead(packet[0]);
        return head.IsData && !from.IsStream && IsElsewhere(packet, head, out var shard) ? HandOverOuter(shard, packet, from)
            : head.IsData ? HandleData(spot, packet, head, from, now)
            : head.IsControl && head.Opcode != Opcode.HardResetServerV2 ? HandleControl(packet, from)
            : DropReason.UnknownOpcode;
    }

    /// <summary>
    /// The kernel steers data packets by their peer-id where it can; where it cannot, one whose peer has moved may come to any shard. A
    /// stream moves nowhere.
    /// </summary>
    private bool IsElsewhere(ReadOnlySpan<byte> packet, PacketHead head, out int shard)
    {
        shard = _crossing.Shard;
        if (_crossing.Shards > 1 && head.Opcode == Opcode.DataV2 && packet.Length >= sizeof(uint))
        {
            var peerId = BinaryPrimitives.ReadUInt32BigEndian(packet) & DataLimits.NoPeerId;
            shard = peerId == DataLimits.NoPeerId ? shard : (int)(peerId % (uint)_crossing.Shards);
        }

        return shard != _crossing.Shard;
    }

    private DropReason HandOverOuter(int shard, ReadOnlySpan<byte> packet, OuterPath path)
    {
        // Answers leave from the socket of the shard that has the tunnel: the same address and port.
        path = path with { Shard = shard };
        return HandOver(shard, new HandedOver(HandedOverKind.Outer, 0, path), packet);
    }

    private DropReason HandOver(int shard, in HandedOver head, ReadOnlySpan<byte> packet) =>
        _crossing.TryHandOver(shard, head, packet) ? DropReason.None : DropReason.ShardQueueFull;

    private DropReason HandleControl(ReadOnlySpan<byte> packet, in OuterPath from)
    {
        if (packet.Length <= SessionId.Length)
        {
            return DropReason.TooShort;
        }

        if (packet.Length > DataPlaneLimits.ControlPacketMax)
        {
            return DropReason.TooLong;
        }

        // The peer's session id stays the same wherever it moves, so that one thread sees all of a session.
        var hash = (uint)((SessionId.Read(packet[1..]).Value * 0x9e37_79b9_7f4a_7c15) >> 32);
        return _handshakers[hash % (uint)_handshakers.Length].TryPut(from, packet) ? DropReason.None : DropReason.HandshakeQueueFull;
    }

    private DropReason HandleData(in PacketSpot spot, Span<byte> packet, PacketHead head, in OuterPath from, Instant now)
    {
        var at = FindTunnel(packet, head, from);
        if (at < 0)
        {
            return DropReason.UnknownPeer;
        }

        ref var tunnel = ref _tunnels[at];
        if (tunnel.IsGhost)
        {
            HandleGhost(at, packet, head, now);
            return DropReason.UnknownPeer;
        }

        var hasMoved = !tunnel.Path.Equals(from);
        if (hasMoved && (from.IsStream || tunnel.Path.IsStream))
        {
            return DropReason.WrongSourceAddress;
        }

        var key = tunnel.Keys.Find(head.KeyId);
        if (key < 0)
        {
            return DropReason.UnknownKey;
        }

        var reason = tunnel.Keys[key].Open(packet, out var innerStart, out var innerLength);
        if (reason != DropReason.None)
        {
            return reason;
        }

        // Only here is the packet known to be the peer's, and not seen before.
        if (hasMoved && !TryMove(at, from, now))
        {
            return DropReason.WrongSourceAddress;
        }

        tunnel.LastReceived = now;
        tunnel.Keys.PeerUsed(key, now);
        reason = HandleInner(at, spot.With(spot.Start + innerStart, innerLength), now);
        HandleHeld(at, now);
        return reason;
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

    private int FindTunnel(ReadOnlySpan<byte> packet, PacketHead head, in OuterPath from)
    {
        if (head.Opcode == Opcode.DataV1 || packet.Length < sizeof(uint))
        {
            return _tunnels.AtAddress(from);
        }

        var peerId = BinaryPrimitives.ReadUInt32BigEndian(packet) & DataLimits.NoPeerId;
        if (peerId == DataLimits.NoPeerId)
        {
            return _tunnels.AtAddress(from);
        }

        var slot = _peerIds.Slot(peerId);
        return _tunnels.IsLive(slot) || _tunnels.IsGhost(slot) ? slot : -1;
    }

    /// <summary>
    /// Only the client of the replaced tunnel has its keys. What was on its way while it was replaced proves nothing; an answer to the
    /// question that it was asked then, or anything later, does.
    /// </summary>
    private void HandleGhost(int slot, Span<byte> packet, PacketHead head, Instant now)
    {
        ref var ghost = ref _tunnels[slot];
        var key = ghost.Keys.Find(head.KeyId);
        if (key < 0 || ghost.Keys[key].Open(packet, out var start, out var length) != DropReason.None)
        {
            return;
        }

        var isAnswer = Occ.TryRead(packet.Slice(start, length), out var type) && type == OccType.Reply;
        if (isAnswer || now - ghost.ReplacedAt >= DataPlaneLimits.OnItsWay)
        {
            Notify(TunnelNoticeKind.Cloned, slot, from: ghost.ReplacedBy);
            Free(slot);
        }
    }

    /// <summary>A peer may not take over an address where another identity is (CVE-2020-11810).</summary>
    private bool TryMove(int slot, in OuterPath to, Instant now)
    {
        ref var tunnel = ref _tunnels[slot];
        var other = _tunnels.AtAddress(to);
        if (other >= 0 && other != slot)
        {
            if (_tunnels[other].IdentityId != tunnel.IdentityId)
            {
                return false;
            }

            Replace(other, to, now);
        }

        // Where only our own address changed, the peer is where it was.
        var before = tunnel.Path;
        var (place, left) = (AddressKey.Of(to), AddressKey.Of(before));
        if (place != left)
        {
            if (!_crossing.Tunnels.TryTakeAddress(place, tunnel.IdentityId))
            {
                return false;
            }

            _crossing.Tunnels.LeaveAddress(left, tunnel.IdentityId);
        }

        _tunnels.Move(slot, to);
        Situate(tunnel);
        Notify(TunnelNoticeKind.Moved, slot, from: before);
        return true;
    }

    /// <summary>Rules may look at where the peer is and at what its tunnel is: before its first packet from there is judged.</summary>
    private void Situate(in Tunnel tunnel)
    {
        var protocol = tunnel.Path.IsStream ? TunnelProtocol.OpenVpnTcp : TunnelProtocol.OpenVpnUdp;
        _crossing.Situate(tunnel.IdentityId, tunnel.Id, new Situation(protocol, tunnel.Cipher, tunnel.Path.Peer.Ip));
    }

    private DropReason HandleInner(int from, in PacketSpot spot, Instant now)
    {
        ref var tunnel = ref _tunnels[from];
        var inner = _memory.Packet(spot);
        if (Ping.Is(inner))
        {
            return DropReason.None;
        }

        if (Occ.TryRead(inner, out var type))
        {
            if (type == OccType.Exit)
            {
                Close(from, TunnelEnd.PeerExit);
            }

            return DropReason.None;
        }

        tunnel.BytesIn += spot.Length;
        tunnel.PacketsIn++;
        var refusalSlot = _outbox.FreeSlot();
        var refusal = _memory.Blank(refusalSlot);
        var result = _forwarder.Handle(tunnel.IdentityId, inner, now, refusal);
        if (result.Kind == ForwardKind.Forward)
        {
            var to = _tunnels.OfIdentity(result.ToIdentityId);
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
                && (!host.IsEgress || _outbox.Host.IsOpenBeyond))
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

        return result.Kind == ForwardKind.Refuse
            ? Seal(ref tunnel, refusalSlot.With(refusalSlot.Start, result.RefusalLength), now)
            : DropReason.None;
    }

    /// <summary>What another server answered to a question of an identity that still has its tunnel here.</summary>
    public void Deliver(DeliverAnswer delivery, Instant now)
    {
        var to = _tunnels.OfIdentity(delivery.Question.IdentityId);
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
        return Seal(ref target, inner, now);
    }

    /// <summary>Seals under the tunnel's current key, in place where there is room for it, and queues the packet to its peer.</summary>
    private DropReason Seal(ref Tunnel to, in PacketSpot inner, Instant now)
    {
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

    private void Replace(int slot, in OuterPath by, Instant now)
    {
        if (slot >= 0)
        {
            ref var tunnel = ref _tunnels[slot];
            Notify(TunnelNoticeKind.Ended, slot, TunnelEnd.Replaced, by, now - tunnel.LastReceived <= tunnel.AliveWithin);
            if (tunnel.Path.Peer != by.Peer)
            {
                AskWhetherAlive(ref tunnel, now);
            }

            Unlist(tunnel);
            _tunnels.Bury(slot, by, now, now + DataPlaneLimits.GhostTime);
        }
    }

    /// <summary>A stock client answers an OCC request at once; a restarted one has not the key to read it.</summary>
    private void AskWhetherAlive(ref Tunnel tunnel, Instant now)
    {
        var own = _outbox.FreeSlot();
        var length = Occ.Write(_memory.Blank(own), OccType.Request);
        _ = Seal(ref tunnel, own.With(own.Start, length), now);
    }

    private void Unlist(in Tunnel tunnel)
    {
        _crossing.Tunnels.Remove(tunnel.IdentityId, new TunnelPlace(_crossing.Shard, tunnel.Id));
        _crossing.Tunnels.LeaveAddress(AddressKey.Of(tunnel.Path), tunnel.IdentityId);
    }

    private void Free(int slot)
    {
        if (_tunnels.IsLive(slot))
        {
            Unlist(_tunnels[slot]);
        }

        _tunnels.Close(slot);
        _peerIds.Return(slot);
    }

    private void Notify(
        TunnelNoticeKind kind, int slot, TunnelEnd end = TunnelEnd.None, in OuterPath from = default, bool wasAlive = false)
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
            From = from,
            End = end,
            WasAlive = wasAlive,
            Counters = TunnelCounters.Of(tunnel),
        });
    }
}
