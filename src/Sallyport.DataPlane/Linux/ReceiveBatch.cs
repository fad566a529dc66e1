using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Linux;

/// <summary>
/// Up to <see cref="Capacity"/> messages with one recvmmsg, each into a large slot. A message is one datagram, or, where the kernel
/// coalesced (UDP_GRO), a run of equally long ones of one sender, the last perhaps shorter.
/// </summary>
internal sealed unsafe class ReceiveBatch : IDisposable
{
    // CMSG_SPACE of in6_pktinfo, the larger of the two, of UDP_GRO's int and of the type of service's; rounded up.
    private const int ControlSize = 128;

    private readonly PacketMemory _memory;
    private readonly MMsgHdr* _headers;
    private readonly IoVec* _vectors;
    private readonly byte* _names;
    private readonly byte* _controls;
    private int _shard;
    private int _socket;
    private bool _hasIpHeader;
    private bool _disposed;

    /// <summary>Receives into the first <paramref name="capacity"/> large slots, which belong to this batch alone.</summary>
    public ReceiveBatch(PacketMemory memory, int capacity)
    {
        _memory = memory;
        Capacity = capacity;
        _headers = (MMsgHdr*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)sizeof(MMsgHdr));
        _vectors = (IoVec*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)sizeof(IoVec));
        _names = (byte*)NativeMemory.AllocZeroed((nuint)capacity, SocketAddress.SizeMax);
        _controls = (byte*)NativeMemory.AllocZeroed((nuint)capacity, ControlSize);
        for (var i = 0; i < capacity; i++)
        {
            _vectors[i].Base = memory.Pointer(memory.ReceiveSlot(i).Start, PacketMemory.ReceiveMax);
            _vectors[i].Length = PacketMemory.ReceiveMax;
            ref var header = ref _headers[i];
            header.Name = _names + (i * SocketAddress.SizeMax);
            header.Vectors = &_vectors[i];
            header.VectorCount = 1;
            header.Control = _controls + (i * ControlSize);
            Rearm(ref header);
        }
    }

    public int Capacity { get; }

    /// <summary>How many messages the last <see cref="Receive"/> brought.</summary>
    public int Count { get; private set; }

    /// <summary>What is there, without waiting; 0 where nothing is. Slots of the call before may be overwritten.</summary>
    public int Receive(DatagramSocket socket)
    {
        for (var i = 0; i < Count; i++)
        {
            Rearm(ref _headers[i]);
        }

        _shard = socket.Shard;
        _socket = socket.Index;
        _hasIpHeader = socket.IsRaw && socket.IsV4;
        var count = Native.RecvMMsg(socket.Fd, _headers, (uint)Capacity, Native.MsgDontWait, null);

        // An ICMP error queued on the socket is reported once as a failure of the next call; there is nothing to do about it.
        Count = Math.Max(count, 0);
        return Count;
    }

    /// <summary>Who sent message <paramref name="index"/>, and the datagrams in it.</summary>
    public Datagrams Read(int index)
    {
        ref var header = ref _headers[index];
        var segment = (int)header.Transferred;
        var local = default(IpAddress);
        byte tos = 0;
        ReadControl(ref header, ref local, ref segment, ref tos);
        var peer = SocketAddress.Read(header.Name, header.NameLength, out var scope);
        var slot = _memory.ReceiveSlot(index);
        var length = (int)header.Transferred;
        if (_hasIpHeader)
        {
            SkipIpHeader(ref slot, ref length, ref tos);
            segment = length;
        }

        return new Datagrams
        {
            From = new OuterPath { Peer = peer, Local = local, Scope = scope, Shard = _shard, Socket = _socket },
            Slot = slot,
            Length = length,
            SegmentLength = segment,
            Tos = tos,
        };
    }

    /// <summary>A raw IPv4 socket hands it over, whole and verified; its room is the packet's then.</summary>
    private void SkipIpHeader(ref PacketSpot slot, ref int length, ref byte tos)
    {
        var packet = _memory.Packet(slot.With(slot.Start, length));
        if (!Ipv4View.TryCreate(packet, out var ip))
        {
            length = 0;
            return;
        }

        tos = packet[1];
        length = ip.Payload.Length;
        slot = slot.With(slot.Start + ip.HeaderLength, 0);
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            NativeMemory.Free(_headers);
            NativeMemory.Free(_vectors);
            NativeMemory.Free(_names);
            NativeMemory.Free(_controls);
        }

        GC.KeepAlive(_memory);
    }

    private static void Rearm(ref MMsgHdr header)
    {
        header.NameLength = SocketAddress.SizeMax;
        header.ControlLength = ControlSize;
        header.Flags = 0;
    }

    private static void ReadControl(ref MMsgHdr header, ref IpAddress local, ref int segment, ref byte tos)
    {
        var at = header.Control;
        var end = header.Control + header.ControlLength;
        while (at + sizeof(CMsgHdr) <= end)
        {
            var head = Unsafe.ReadUnaligned<CMsgHdr>(at);
            var data = at + sizeof(CMsgHdr);
            switch (head)
            {
                // struct in_pktinfo: interface, the address to answer from, the address in the header (ip(7)).
                case { Level: Native.IpProtoIp, Type: Native.IpPktInfo }:
                    local = IpAddress.FromV4(BinaryPrimitives.ReadUInt32BigEndian(new ReadOnlySpan<byte>(data + 4, 4)));
                    break;
                case { Level: Native.IpProtoIpv6, Type: Native.Ipv6PktInfo }:
                    local = IpAddress.ReadV6(new ReadOnlySpan<byte>(data, 16));
                    break;
                case { Level: Native.IpProtoUdp, Type: Native.UdpGro }:
                    segment = Unsafe.ReadUnaligned<int>(data);
                    break;
                case { Level: Native.IpProtoIp, Type: Native.IpTos } or { Level: Native.IpProtoIpv6, Type: Native.Ipv6TClass }:
                    tos = *data;
                    break;
                default:
                    break;
            }

            at += (head.Length + 7) & ~(nuint)7;
        }
    }
}

/// <summary>What one message brought: datagrams of <see cref="SegmentLength"/> bytes behind each other, the last perhaps shorter.</summary>
internal readonly record struct Datagrams
{
    public required OuterPath From { get; init; }

    public required PacketSpot Slot { get; init; }

    public required int Length { get; init; }

    public required int SegmentLength { get; init; }

    /// <summary>Type of service or traffic class of the outer header, from sockets that ask for it.</summary>
    public byte Tos { get; init; }

    /// <summary>An empty datagram is one, too.</summary>
    public int Count => SegmentLength > 0 ? (Length + SegmentLength - 1) / SegmentLength : 1;

    public PacketSpot this[int index]
    {
        get
        {
            if (Count == 1)
            {
                return Slot.With(Slot.Start, Length);
            }

            var start = index * SegmentLength;
            var length = Math.Min(SegmentLength, Length - start);
            start += Slot.Start;
            return new PacketSpot(start, length, start, start + length);
        }
    }
}
