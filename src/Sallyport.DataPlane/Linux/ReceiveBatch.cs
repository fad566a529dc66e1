using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Linux;

/// <summary>
/// Up to <see cref="Capacity"/> datagrams with one recvmmsg, each into its own slot of a slab, starting behind the head room.
/// </summary>
internal sealed unsafe class ReceiveBatch : IDisposable
{
    private const int ControlSize = 64;

    private readonly PacketSlab _slab;
    private readonly int _firstSlot;
    private readonly MMsgHdr* _headers;
    private readonly IoVec* _vectors;
    private readonly byte* _names;
    private readonly byte* _controls;
    private int _shard;
    private int _socket;
    private bool _disposed;

    /// <summary>Receives into the slots <paramref name="firstSlot"/> to firstSlot + capacity - 1, which belong to this batch alone.</summary>
    public ReceiveBatch(PacketSlab slab, int firstSlot, int capacity)
    {
        _slab = slab;
        _firstSlot = firstSlot;
        Capacity = capacity;
        _headers = (MMsgHdr*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)sizeof(MMsgHdr));
        _vectors = (IoVec*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)sizeof(IoVec));
        _names = (byte*)NativeMemory.AllocZeroed((nuint)capacity, SocketAddress.SizeMax);
        _controls = (byte*)NativeMemory.AllocZeroed((nuint)capacity, ControlSize);
        for (var i = 0; i < capacity; i++)
        {
            _vectors[i].Base = slab.Pointer(firstSlot + i, PacketSlab.Headroom, PacketSlab.PacketMax);
            _vectors[i].Length = PacketSlab.PacketMax;
            ref var header = ref _headers[i];
            header.Name = _names + (i * SocketAddress.SizeMax);
            header.Vectors = &_vectors[i];
            header.VectorCount = 1;
            header.Control = _controls + (i * ControlSize);
            Rearm(ref header);
        }
    }

    public int Capacity { get; }

    /// <summary>How many the last <see cref="Receive"/> brought.</summary>
    public int Count { get; private set; }

    /// <summary>What is there, without waiting; 0 where nothing is. Slots of the call before may be overwritten.</summary>
    public int Receive(UdpSocket socket)
    {
        for (var i = 0; i < Count; i++)
        {
            Rearm(ref _headers[i]);
        }

        _shard = socket.Shard;
        _socket = socket.Index;
        var count = Native.RecvMMsg(socket.Fd, _headers, (uint)Capacity, Native.MsgDontWait, null);

        // An ICMP error queued on the socket is reported once as a failure of the next call; there is nothing to do about it.
        Count = Math.Max(count, 0);
        return Count;
    }

    public int Slot(int index) => _firstSlot + index;

    /// <summary>Bytes in the slot from <see cref="PacketSlab.Headroom"/> on; more than fits where <paramref name="truncated"/>.</summary>
    public int Length(int index, out bool truncated)
    {
        truncated = (_headers[index].Flags & Native.MsgTrunc) != 0;
        return (int)_headers[index].Transferred;
    }

    public OuterPath Path(int index)
    {
        ref var header = ref _headers[index];
        var peer = SocketAddress.Read(header.Name, header.NameLength, out var scope);
        return new OuterPath { Peer = peer, Local = LocalAddress(ref header), Scope = scope, Shard = _shard, Socket = _socket };
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

        GC.KeepAlive(_slab);
    }

    private static void Rearm(ref MMsgHdr header)
    {
        header.NameLength = SocketAddress.SizeMax;
        header.ControlLength = ControlSize;
        header.Flags = 0;
    }

    private static IpAddress LocalAddress(ref MMsgHdr header)
    {
        var head = Unsafe.ReadUnaligned<CMsgHdr>(header.Control);
        var data = header.Control + sizeof(CMsgHdr);
        if (header.ControlLength >= 28 && head is { Level: Native.IpProtoIp, Type: Native.IpPktInfo })
        {
            // struct in_pktinfo: interface, the address to answer from, the address in the header (ip(7)).
            return IpAddress.FromV4(BinaryPrimitives.ReadUInt32BigEndian(new ReadOnlySpan<byte>(data + 4, 4)));
        }

        if (header.ControlLength >= 36 && head is { Level: Native.IpProtoIpv6, Type: Native.Ipv6PktInfo })
        {
            return IpAddress.ReadV6(new ReadOnlySpan<byte>(data, 16));
        }

        return default;
    }
}
