using System.Buffers.Binary;
using Sallyport.Core.Esp;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Shards;

/// <summary>Bytes with the outer IP header; 0 where there is no way to the peer.</summary>
internal delegate int MtuTo(in OuterPath path);

/// <summary>How IPsec's packets come in and leave, and what its SAs need.</summary>
internal sealed partial class PacketPath
{
    private const byte KeepaliveByte = 0xff;
    private const int SpiLength = sizeof(uint);

    private readonly EspSpis _spis;
    private readonly EspTable _children;
    private readonly IkeInbox[] _ike;

    /// <summary>When anything was last decided anew of who may pass.</summary>
    private Instant _decidedAt;
    private readonly MtuTo _mtuTo;
    private ushort _identification;

    public EspTable Children => _children;

    /// <summary>
    /// Takes a packet of one of IPsec's sockets that lies in the outbox's memory; its place may be referred to until the next flush. None where
    /// it was genuine, or IKE's to judge; all other drops are counted.
    /// </summary>
    /// <param name="tos">Of the outer header.</param>
    public DropReason HandleIpsec(SocketKind kind, in PacketSpot packet, in OuterPath from, byte tos, Instant now)
    {
        var reason = kind switch
        {
            SocketKind.Ike => HandleIke(_memory.Packet(packet), from),
            SocketKind.IkeNat => HandleEncapsulated(packet, from, tos, now),
            SocketKind.Esp => HandleEsp(packet, from, tos, now),
            SocketKind.OpenVpn => throw new InvariantException("OpenVPN has sockets of its own"),
        };
        Count(reason);
        return reason;
    }

    /// <summary>False where the tunnel is gone: the SA is then still the caller's to free, and its SPI to give back.</summary>
    public bool InstallChild(int slot, long tunnelId, NewChild child, Instant now)
    {
        if (!Is(slot, tunnelId))
        {
            return false;
        }

        Install(ref _tunnels[slot], slot, child, now);
        return true;
    }

    /// <summary>Somebody may have been put out: whoever passes has been looked at anew, but for those whose place another has taken.</summary>
    public void Decided(Instant now) => _decidedAt = now;

    /// <summary>From now on packets leave by this SA first.</summary>
    public void UseChild(int slot, long tunnelId, uint inboundSpi)
    {
        if (!Is(slot, tunnelId) || FindChild(slot, inboundSpi) is not (>= 0 and var index))
        {
            return;
        }

        ref var tunnel = ref _tunnels[slot];
        _children.Unlink(ref tunnel, index);
        _children.Link(ref tunnel, index, first: true);
        _children[index].IsUsed = true;
        Changed(ref tunnel);
    }

    public void RemoveChild(int slot, long tunnelId, uint inboundSpi, TimeSpan after, Instant now)
    {
        if (!Is(slot, tunnelId) || FindChild(slot, inboundSpi) is not (>= 0 and var index))
        {
            return;
        }

        _children[index].IsUsed = false;
        _children[index].ClosesAt = now + after;
        RemoveDue(ref _tunnels[slot], now);
        Changed(ref _tunnels[slot]);
    }

    /// <summary>IKE knows where the peer is now.</summary>
    public void MovePath(MovePath move, Instant now)
    {
        if (!Is(move.Slot, move.TunnelId))
        {
            return;
        }

        ref var tunnel = ref _tunnels[move.Slot];
        (tunnel.FollowsPeer, tunnel.KeepsNatAlive) = (move.FollowsPeer, move.KeepsNatAlive);
        if (!tunnel.Path.Equals(move.To))
        {
            MoveIpsec(move.Slot, move.To, move.ShownAt, now);
        }
        else if (tunnel.ShownAt != move.ShownAt)
        {
            tunnel.ShownAt = move.ShownAt;
            Situate(tunnel);
        }
    }

    private void OpenIpsec(in NewTunnel wanted, Instant now)
    {
        ref var tunnel = ref _tunnels[wanted.Slot];
        (tunnel.FollowsPeer, tunnel.KeepsNatAlive, tunnel.CopiesDscp) = (wanted.Ipsec.FollowsPeer, wanted.Ipsec.KeepsNatAlive, wanted.Ipsec.CopiesDscp);
        tunnel.SilentAfter = wanted.Ipsec.SilentAfter > TimeSpan.Zero ? wanted.Ipsec.SilentAfter : TimeSpan.MaxValue;
        tunnel.SilentFrom = now;
        tunnel.ShownAt = wanted.Ipsec.ShownAt ?? wanted.Path.Peer.Ip;
        tunnel.InnerMax = DataPlaneLimits.OuterMtuMinV6;
        Measure(ref tunnel, now);
        if (wanted.Child is { } child)
        {
            Install(ref tunnel, wanted.Slot, child, now);
        }
    }

    private void Install(ref Tunnel tunnel, int slot, NewChild child, Instant now)
    {
        var index = _children.Add(child, slot, now);
        _children[index].IsUsed = child.IsUsed;
        _children.Link(ref tunnel, index, first: child.IsUsed);
        Changed(ref tunnel);
    }

    private void Changed(ref Tunnel tunnel)
    {
        tunnel.HasOtherChildren = true;
        FitInside(ref tunnel);
        TellCipher(ref tunnel);
    }

    /// <summary>All its SAs open packets, so the weakest of them is what rules judge; without one there is nothing to judge yet.</summary>
    private void TellCipher(ref Tunnel tunnel)
    {
        if (tunnel.FirstChild == EspChild.None)
        {
            return;
        }

        var cipher = _children[tunnel.FirstChild].Sa.Suite.TunnelCipher();
        for (var index = _children[tunnel.FirstChild].Next; index != EspChild.None; index = _children[index].Next)
        {
            cipher = EspCiphers.Weaker(cipher, _children[index].Sa.Suite.TunnelCipher());
        }

        if (cipher != tunnel.Cipher)
        {
            tunnel.Cipher = cipher;
            Situate(tunnel);
        }
    }

    /// <summary>The tunnel's SAs as operators see them; returns how many.</summary>
    public int Describe(in Tunnel tunnel, Span<SaSnapshot> snapshots)
    {
        var count = 0;
        for (var index = tunnel.FirstChild; index != EspChild.None && count < snapshots.Length; index = _children[index].Next)
        {
            snapshots[count++] = SaSnapshot.Of(_children[index]);
        }

        return count;
    }

    private int FindChild(int slot, uint spi) => _children.Find(spi) is >= 0 and var index && _children[index].Tunnel == slot ? index : EspChild.None;

    private void RemoveChildren(ref Tunnel tunnel)
    {
        if (tunnel.Kind == TunnelKind.Ipsec)
        {
            while (tunnel.FirstChild != EspChild.None)
            {
                var index = tunnel.FirstChild;
                tunnel.FirstChild = _children[index].Next;
                _children.Remove(index);
            }
        }
    }

    private bool RemoveDue(ref Tunnel tunnel, Instant now)
    {
        var any = false;
        for (var index = tunnel.FirstChild; index != EspChild.None;)
        {
            var next = _children[index].Next;
            if (_children[index].ClosesAt <= now)
            {
                _children.Unlink(ref tunnel, index);
                _children.Remove(index);
                tunnel.HasOtherChildren = any = true;
            }

            index = next;
        }

        return any;
    }

    /// <summary>Port 4500 (RFC 3948): one byte that keeps a mapping, IKE behind an SPI that cannot be, or ESP.</summary>
    private DropReason HandleEncapsulated(in PacketSpot spot, in OuterPath from, byte tos, Instant now)
    {
        var packet = _memory.Packet(spot);
        if (packet.Length == 1 && packet[0] == KeepaliveByte)
        {
            return DropReason.NatKeepalive;
        }

        if (packet.Length < SpiLength)
        {
            return DropReason.TooShort;
        }

        return BinaryPrimitives.ReadUInt32BigEndian(packet) == 0 ? HandleIke(packet[SpiLength..], from) : HandleEsp(spot, from, tos, now);
    }

    private DropReason HandleIke(ReadOnlySpan<byte> message, in OuterPath from)
    {
        if (message.Length < IkeInboxes.HeadLength)
        {
            return DropReason.TooShort;
        }

        if (message.Length > DataPlaneLimits.IkeMessageMax)
        {
            return DropReason.TooLong;
        }

        // Nobody could be answered there.
        if (from.Peer.Port == 0 || _ike.Length == 0)
        {
            return DropReason.WrongSourceAddress;
        }

        return _ike[IkeInboxes.IndexOf(message, _ike.Length)].Put(from, message);
    }

    private DropReason HandleEsp(in PacketSpot spot, in OuterPath from, byte tos, Instant now)
    {
        if (spot.Length < SpiLength)
        {
            return DropReason.TooShort;
        }

        if (spot.Length > PacketMemory.PacketMax)
        {
            return DropReason.TooLong;
        }

        var packet = _memory.Packet(spot);
        var spi = BinaryPrimitives.ReadUInt32BigEndian(packet);
        var shard = (int)(spi % (uint)_crossing.Shards);
        if (shard != _crossing.Shard)
        {
            return HandOver(shard, new HandedOver(HandedOverKind.Esp, 0, On(shard, from), Tos: tos), packet);
        }

        var index = _children.Find(spi);
        if (index < 0)
        {
            return DropReason.UnknownSpi;
        }

        ref var child = ref _children[index];
        var slot = child.Tunnel;
        var (opened, highest) = (child.Sa.OpenedPackets, child.Sa.HighestOpened);
        var place = child.Sa.OpeningHeadroom == 0 || spot.HasRoom(child.Sa.OpeningHeadroom, 0) ? spot : MoveToKeptSlot(spot);
        var reason = child.Sa.Open(_memory.Room(place), place.Start - place.Floor, place.Length, out var start, out var length);
        if (child.Sa.OpenedPackets != opened && _tunnels.IsGhost(slot))
        {
            if (!IsOnItsWay(slot, now))
            {
                TellOfGhost(slot, from, now);
                return DropReason.UnknownPeer;
            }
        }
        else if (child.Sa.OpenedPackets != opened)
        {
            // Only here is the packet known to be the peer's, and not seen before.
            NoteAlive(slot, from, isNewest: child.Sa.HighestOpened != highest, now);
        }

        if (reason != DropReason.None)
        {
            return reason;
        }

        var inner = place.With(place.Floor + start, length);
        reason = EspTos.Combine(_memory.Packet(inner), tos);
        if (reason != DropReason.None)
        {
            return reason;
        }

        if (!child.Selectors.Holds(_memory.Packet(inner), isOutbound: false))
        {
            return DropReason.OutsideSelectors;
        }

        reason = HandleInner(slot, inner, now);
        HandleHeld(slot, now);
        return reason;
    }

    /// <summary>
    /// A peer that proves anew who it is has another tunnel before it deletes this one: what it sent meanwhile is as good as what comes by the other where rules see no
    /// difference between the two, and as long as nothing has been decided since that might have ended this one.
    /// </summary>
    private bool IsOnItsWay(int slot, Instant now)
    {
        ref var ghost = ref _tunnels[slot];
        return now - ghost.ReplacedAt < DataPlaneLimits.OnItsWay && ghost.ReplacedAt > _decidedAt && _crossing.Situation(ghost.IdentityId) == SituationOf(ghost);
    }

    /// <summary>
    /// Its peer goes on by a tunnel that another has taken the place of. What may have been sent before proves nothing, and one that is where the other is has merely not
    /// noticed yet.
    /// </summary>
    private void TellOfGhost(int slot, in OuterPath from, Instant now)
    {
        ref var ghost = ref _tunnels[slot];
        if (now - ghost.ReplacedAt < DataPlaneLimits.OnItsWay)
        {
            return;
        }

        if (from.Peer != ghost.ReplacedBy.Peer)
        {
            Notify(TunnelNoticeKind.Cloned, slot, from: ghost.ReplacedBy);
        }

        Free(slot);
    }

    /// <summary>Answers leave from the socket of the shard that has the SA: the same address and port.</summary>
    private static OuterPath On(int shard, OuterPath path) => path with { Shard = shard };

    private void NoteAlive(int slot, in OuterPath from, bool isNewest, Instant now)
    {
        ref var tunnel = ref _tunnels[slot];
        tunnel.LastReceived = now;
        if (isNewest && tunnel.FollowsPeer && !tunnel.Path.Equals(from) && tunnel.Path.IsRaw == from.IsRaw)
        {
            MoveIpsec(slot, from, from.Peer.Ip, now);
        }

        if (tunnel.IsDemoted)
        {
            Demote(slot, tunnel.Id, isDemoted: false);
        }
    }

    private void MoveIpsec(int slot, in OuterPath to, IpAddress shownAt, Instant now)
    {
        ref var tunnel = ref _tunnels[slot];
        var before = tunnel.Path;
        _tunnels.Move(slot, to);
        tunnel.ShownAt = shownAt;
        Measure(ref tunnel, now);
        FitInside(ref tunnel);
        Situate(tunnel);
        Notify(TunnelNoticeKind.Moved, slot, from: before);
    }

    /// <summary>The newest SA that packets leave by and that holds this one (RFC 4301 section 5.1); -1 where none does.</summary>
    private int ChooseChild(in Tunnel tunnel, ReadOnlySpan<byte> packet)
    {
        for (var index = tunnel.FirstChild; index != EspChild.None; index = _children[index].Next)
        {
            ref var child = ref _children[index];
            if (child.IsUsed && child.Selectors.Holds(packet, isOutbound: true))
            {
                return index;
            }
        }

        return EspChild.None;
    }

    private DropReason SealEsp(ref Tunnel to, in PacketSpot inner, Instant now)
    {
        var packet = _memory.Packet(inner);
        var index = ChooseChild(to, packet);
        if (index < 0)
        {
            return DropReason.OutsideSelectors;
        }

        ref var sa = ref _children[index].Sa;
        if (sa.Mode == EspMode.Transport && Ipv4Fragments.IsPart(packet))
        {
            return DropReason.IpFragment;
        }

        var tos = EspTos.Outer(packet, to.CopiesDscp);
        var place = inner.HasRoom(sa.Headroom, sa.Tailroom(inner.Length)) ? inner : MoveToOwnSlot(inner);
        if (!sa.Seal(_memory.Room(place), place.Start - place.Floor, place.Length, out var start, out var length))
        {
            return DropReason.KeyExhausted;
        }

        to.LastSent = now;
        _outbox.Send(to.Path, place.With(place.Floor + start, length), tos);
        return DropReason.None;
    }

    /// <summary>Longer than the tunnel takes in one piece, and not to be cut up: its sender is told.</summary>
    private bool IsTooBig(int to, ReadOnlySpan<byte> inner) =>
        inner.Length > _tunnels[to].InnerMax && _tunnels[to].Kind == TunnelKind.Ipsec && !Ipv4Fragments.MayCut(inner);

    /// <summary>
    /// Cut up inside: many a NAT on the way loses parts of outer packets, and no gateway has to put them together again. What comes from beyond
    /// the gateway host, where nobody is told anything, is cut up whatever it says of that, rather than lost.
    /// </summary>
    private DropReason SendParts(ref Tunnel to, in PacketSpot inner, Instant now)
    {
        _outbox.Keep(inner);
        if (!Ipv4Fragments.MayCut(_memory.Packet(inner)))
        {
            // Who forbids it need not have identified it (RFC 6864 section 4.1).
            Ipv4Fragments.Identify(_memory.Packet(inner), _identification++);
        }

        var done = 0;
        while (true)
        {
            var own = _outbox.FreeSlot();
            var length = Ipv4Fragments.Next(_memory.Packet(inner), to.InnerMax, ref done, _memory.Blank(own));
            if (length == 0)
            {
                return done > 0 ? DropReason.None : DropReason.PacketTooBig;
            }

            var reason = Seal(ref to, own.With(own.Start, length), now);
            if (reason != DropReason.None)
            {
                return reason;
            }
        }
    }

    /// <summary>What the sender's own shard forwarded is too big for a tunnel of ours: the answer goes back there.</summary>
    private DropReason RefuseElsewhere(int fromIdentityId, ReadOnlySpan<byte> inner, int to, Instant now)
    {
        var own = _outbox.FreeSlot();
        var result = _forwarder.TooBig(fromIdentityId, inner, _tunnels[to].InnerMax, now, _memory.Blank(own));
        if (result.Kind == ForwardKind.Refuse && _crossing.Tunnels.TryFind(fromIdentityId, out var place) && place.Shard != _crossing.Shard)
        {
            Count(HandOver(place.Shard, new HandedOver(HandedOverKind.Answer, fromIdentityId, default), _memory.Packet(own.With(own.Start, result.RefusalLength))));
        }

        return DropReason.PacketTooBig;
    }

    private DropReason DeliverAnswer(int identityId, in PacketSpot answer, Instant now)
    {
        var to = TunnelTo(identityId);
        var reason = to >= 0 ? Seal(ref _tunnels[to], answer, now) : DropReason.PeerOffline;
        Count(reason);
        return reason;
    }

    /// <summary>What packets need around them that leave by the tunnel's first SA.</summary>
    private void FindRooms(in Tunnel tunnel, ref int headroom, ref int tailroom)
    {
        if (tunnel.FirstChild != EspChild.None)
        {
            ref var sa = ref _children[tunnel.FirstChild].Sa;
            headroom = sa.Headroom;
            tailroom = EspLimits.TailroomMax;
        }
    }

    private PacketSpot MoveToKeptSlot(in PacketSpot packet)
    {
        var own = MoveToOwnSlot(packet);
        _outbox.Keep(own);
        return own;
    }

    /// <summary>Worn SAs are reported, deleted ones freed, a NAT's mapping kept, silence told, the path measured.</summary>
    private void HandleIpsecTimeout(int slot, Instant now)
    {
        ref var tunnel = ref _tunnels[slot];
        if (RemoveDue(ref tunnel, now))
        {
            TellCipher(ref tunnel);
        }

        if (_crossing.IsSituationLeft(tunnel.IdentityId))
        {
            Situate(tunnel);
        }

        for (var index = tunnel.FirstChild; index != EspChild.None; index = _children[index].Next)
        {
            ref var child = ref _children[index];
            if (child.IsUsed && now >= child.AskForNextAt && child.Sa.NeedsRekey)
            {
                // The peer may refuse it, or its answer be lost: it is asked again.
                child.AskForNextAt = now + DataPlaneLimits.RekeyAgainAfter;
                Notify(TunnelNoticeKind.NeedsKey, slot, spi: child.Sa.InboundSpi);
            }
        }

        var heard = tunnel.LastReceived > tunnel.SilentFrom ? tunnel.LastReceived : tunnel.SilentFrom;
        if (tunnel.SilentAfter != TimeSpan.MaxValue && now - heard >= tunnel.SilentAfter)
        {
            tunnel.SilentFrom = now;
            Notify(TunnelNoticeKind.Silent, slot);
        }

        if (tunnel.KeepsNatAlive && !tunnel.Path.IsRaw && now - tunnel.LastSent >= DataPlaneLimits.NatKeepaliveAfter)
        {
            var own = _outbox.FreeSlot();
            _memory.Blank(own)[0] = KeepaliveByte;
            tunnel.LastSent = now;
            _outbox.Send(tunnel.Path, own.With(own.Start, 1));
        }

        if (tunnel.MeasureAt <= now && tunnel.LastSent >= tunnel.MeasureAt - DataPlaneLimits.MeasureEvery)
        {
            Measure(ref tunnel, now);
            FitInside(ref tunnel);
        }
    }

    /// <summary>
    /// How long outer packets may be: what passes everywhere, or less where the kernel has been told so; never less than every path must take
    /// (RFC 791, RFC 8200), whoever tells it.
    /// </summary>
    private void Measure(ref Tunnel tunnel, Instant now)
    {
        var least = tunnel.Path.Peer.Ip.IsV4 ? DataPlaneLimits.OuterMtuMinV4 : DataPlaneLimits.OuterMtuMinV6;
        var known = _mtuTo(tunnel.Path);
        tunnel.OuterMtu = Math.Clamp(known > 0 ? known : DataPlaneLimits.OuterMtu, least, DataPlaneLimits.OuterMtu);
        tunnel.MeasureAt = now + DataPlaneLimits.MeasureEvery;
    }

    /// <summary>How long inner packets may be, by whichever SA they leave.</summary>
    private void FitInside(ref Tunnel tunnel)
    {
        var max = int.MaxValue;
        for (var index = tunnel.FirstChild; index != EspChild.None; index = _children[index].Next)
        {
            ref var child = ref _children[index];
            if (child.IsUsed)
            {
                max = Math.Min(max, EspOverhead.MaxPacket(
                    child.Sa.Suite, child.Sa.Mode, !tunnel.Path.Peer.Ip.IsV4, isUdp: !tunnel.Path.IsRaw, tunnel.OuterMtu));
            }
        }

        if (max != int.MaxValue)
        {
            tunnel.InnerMax = max;
        }
    }
}
