using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Linux;

/// <summary>Datagrams that leave with one sendmmsg. They are referred to, not copied: their slots must stay untouched until the flush.</summary>
internal sealed unsafe class SendBatch : IDisposable
{
    // CMSG_SPACE of in6_pktinfo, the larger of the two.
    private const int ControlSize = 40;

    private readonly PacketSlab _slab;
    private readonly UdpSocket? _socket;
    private readonly MMsgHdr* _headers;
    private readonly IoVec* _vectors;
    private readonly byte* _names;
    private readonly byte* _controls;
    private bool _disposed;

    /// <summary>Without a socket nothing leaves; tests look at what would have.</summary>
    public SendBatch(PacketSlab slab, UdpSocket? socket, int capacity)
    {
        _slab = slab;
        _socket = socket;
        Capacity = capacity;
        _headers = (MMsgHdr*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)sizeof(MMsgHdr));
        _vectors = (IoVec*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)sizeof(IoVec));
        _names = (byte*)NativeMemory.AllocZeroed((nuint)capacity, SocketAddress.SizeMax);
        _controls = (byte*)NativeMemory.AllocZeroed((nuint)capacity, ControlSize);
        for (var i = 0; i < capacity; i++)
        {
            ref var header = ref _headers[i];
            header.Name = _names + (i * SocketAddress.SizeMax);
            header.Vectors = &_vectors[i];
            header.VectorCount = 1;
        }
    }

    public int Capacity { get; }

    public int Count { get; private set; }

    public bool IsFull => Count == Capacity;

    /// <summary>Not to be called while full.</summary>
    public void Add(in OuterPath to, int slot, int start, int length)
    {
        Invariant.Check(!IsFull, "the send batch is flushed before it overflows");
        ref var header = ref _headers[Count];
        _vectors[Count].Base = _slab.Pointer(slot, start, length);
        _vectors[Count].Length = (nuint)length;
        header.NameLength = SocketAddress.Write(header.Name, to.Peer, to.Scope);
        WriteSource(ref header, _controls + (Count * ControlSize), to);
        Count++;
    }

    /// <summary>Hands everything to the kernel. What it does not take is lost and counted: waiting would stop every other tunnel.</summary>
    public void Flush(ref long queueFull, ref long failed)
    {
        var done = 0;
        while (done < Count && _socket is not null)
        {
            var sent = Native.SendMMsg(_socket.Fd, _headers + done, (uint)(Count - done), Native.MsgDontWait | Native.MsgNoSignal);
            if (sent > 0)
            {
                done += sent;
                continue;
            }

            var errno = Native.Errno;
            if (errno == Native.EIntr)
            {
                continue;
            }

            if (errno == Native.EAgain)
            {
                queueFull += Count - done;
                break;
            }

            // The first message was refused (no route, too long, …); the ones behind it may still go.
            failed++;
            done++;
        }

        Count = 0;
    }

    /// <summary>What message <paramref name="index"/> carries.</summary>
    public ReadOnlySpan<byte> Payload(int index) => new(_vectors[index].Base, (int)_vectors[index].Length);

    public OuterAddress Destination(int index) => SocketAddress.Read(_headers[index].Name, _headers[index].NameLength, out _);

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
    }

    private static void WriteSource(ref MMsgHdr header, byte* control, in OuterPath to)
    {
        if (to.Local.Bits == UInt128.Zero)
        {
            header.Control = null;
            header.ControlLength = 0;
            return;
        }

        var data = control + sizeof(CMsgHdr);
        header.Control = control;
        if (to.Local.IsV4)
        {
            Unsafe.WriteUnaligned(control, new CMsgHdr { Length = 28, Level = Native.IpProtoIp, Type = Native.IpPktInfo });
            Unsafe.WriteUnaligned(data, 0);
            to.Local.Write(new Span<byte>(data + 4, 4));
            Unsafe.WriteUnaligned(data + 8, 0);
            header.ControlLength = 32;
            return;
        }

        Unsafe.WriteUnaligned(control, new CMsgHdr { Length = 36, Level = Native.IpProtoIpv6, Type = Native.Ipv6PktInfo });
        to.Local.Write(new Span<byte>(data, 16));
        Unsafe.WriteUnaligned(data + 16, to.Scope);
        header.ControlLength = 40;
    }
}
