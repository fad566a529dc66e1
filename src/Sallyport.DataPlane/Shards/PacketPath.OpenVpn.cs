using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Shards;

/// <summary>How OpenVPN's packets come in, and what its keys and peers need.</summary>
internal sealed partial class PacketPath
{
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

    /// <summary>The peer begins to negotiate another key: it has the newest of those we hold.</summary>
    public void PeerNegotiates(int slot, long tunnelId, Instant now)
    {
        if (Is(slot, tunnelId))
        {
            _tunnels[slot].Keys.PromoteNewest(now);
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
        var inner = spot.With(spot.Start + innerStart, innerLength);
        if (IsMessage(at, _memory.Packet(inner)))
        {
            return DropReason.None;
        }

        reason = HandleInner(at, inner, now);
        HandleHeld(at, now);
        return reason;
    }

    /// <summary>A ping, or a word from OpenVPN to OpenVPN.</summary>
    private bool IsMessage(int slot, ReadOnlySpan<byte> inner)
    {
        if (Ping.Is(inner))
        {
            return true;
        }

        if (!Occ.TryRead(inner, out var type))
        {
            return false;
        }

        if (type == OccType.Exit)
        {
            Close(slot, TunnelEnd.PeerExit);
        }

        return true;
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

            Replace(other, new Successor(to, tunnel.Proof), now);
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

    /// <summary>A stock client answers an OCC request at once; a restarted one has not the key to read it.</summary>
    private void AskWhetherAlive(ref Tunnel tunnel, Instant now)
    {
        var own = _outbox.FreeSlot();
        var length = Occ.Write(_memory.Blank(own), OccType.Request);
        _ = Seal(ref tunnel, own.With(own.Start, length), now);
    }

    private void HandleOpenVpnTimeout(int slot, Instant now)
    {
        ref var tunnel = ref _tunnels[slot];
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

    private DropReason HandOver(int shard, in HandedOver head, ReadOnlySpan<byte> packet) =>
        _crossing.TryHandOver(shard, head, packet) ? DropReason.None : DropReason.ShardQueueFull;
}
