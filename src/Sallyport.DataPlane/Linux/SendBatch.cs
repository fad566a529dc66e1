using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Linux;

/// <summary>
/// Datagrams that leave with one sendmmsg. They are referred to, not copied: their places must stay untouched until the flush.
/// Those for one destination become runs of equal length, the last perhaps shorter, and each run one message that the kernel cuts up again
/// (UDP_SEGMENT): its cost is that of one. The order for a destination is kept.
/// </summary>
internal sealed unsafe class SendBatch : IDisposable
{
    /// <summary>More would not fit below 64 KiB at usual sizes; every kernel that has UDP_SEGMENT takes as many.</summary>
    private const int SegmentsMax = 64;

    /// <summary>Below what an IPv4 packet holds with its heads.</summary>
    private const int RunBytesMax = 65_000;

    // CMSG_SPACE of in6_pktinfo, the larger of the two, of UDP_SEGMENT's ushort and of the type of service's int.
    private const int ControlSize = 96;
    private const int None = -1;

    private readonly PacketMemory _memory;
    private readonly DatagramSocket? _socket;
    private readonly Entry[] _entries;
    private readonly Run[] _runs;
    private readonly RunIndex _open;
    private readonly MMsgHdr* _headers;
    private readonly IoVec* _vectors;
    private readonly byte* _names;
    private readonly byte* _controls;
    private int _runCount;
    private bool _disposed;

    /// <summary>Without a socket nothing leaves; tests look at what would have.</summary>
    public SendBatch(PacketMemory memory, DatagramSocket? socket, int capacity)
    {
        _memory = memory;
        _socket = socket;
        _entries = new Entry[capacity];
        _runs = new Run[capacity];
        _open = new RunIndex(capacity);
        _headers = (MMsgHdr*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)sizeof(MMsgHdr));
        _vectors = (IoVec*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)sizeof(IoVec));
        _names = (byte*)NativeMemory.AllocZeroed((nuint)capacity, SocketAddress.SizeMax);
        _controls = (byte*)NativeMemory.AllocZeroed((nuint)capacity, ControlSize);
        for (var i = 0; i < capacity; i++)
        {
            _headers[i].Name = _names + (i * SocketAddress.SizeMax);
        }
    }

    /// <summary>Datagrams.</summary>
    public int Count { get; private set; }

    public bool IsFull => Count == _entries.Length;

    /// <summary>Messages that the datagrams make, one for each run.</summary>
    public int Messages => _runCount;

    /// <summary>Not to be called while full.</summary>
    /// <param name="tos">Of the outer header.</param>
    public void Add(in OuterPath to, int start, int length, byte tos = 0)
    {
        Invariant.Check(!IsFull, "the send batch is flushed before it overflows");
        var entry = Count++;
        ref var slot = ref _open.Find(to, _runs);
        if (slot == None || !TryAppend(ref _runs[slot], entry, length, tos))
        {
            slot = Begin(to, entry, length, tos);
        }

        _entries[entry] = new Entry { Base = _memory.Pointer(start, length), Length = length, Run = slot, Next = None };
    }

    /// <summary>Hands everything to the kernel. What it does not take is lost and counted: waiting would stop every other tunnel.</summary>
    public void Flush(ref long queueFull, ref long failed)
    {
        if (_socket is not null)
        {
            Compose();
            Send(_runCount, ref queueFull, ref failed);
        }

        Count = 0;
        _runCount = 0;
        _open.Clear();
    }

    /// <summary>What datagram <paramref name="index"/> carries.</summary>
    public ReadOnlySpan<byte> Payload(int index) => new(_entries[index].Base, _entries[index].Length);

    public OuterAddress Destination(int index) => _runs[_entries[index].Run].To.Peer;

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

    /// <summary>The type of service that datagram <paramref name="index"/> leaves with.</summary>
    public byte Tos(int index) => _runs[_entries[index].Run].Tos;

    private int Begin(in OuterPath to, int entry, int length, byte tos)
    {
        _runs[_runCount] = new Run { To = to, First = entry, Last = entry, Count = 1, Bytes = length, Segment = length, Tos = tos };
        return _runCount++;
    }

    private bool TryAppend(ref Run run, int entry, int length, byte tos)
    {
        // Behind a shorter one nothing may follow: the kernel cuts by length alone. An empty datagram would vanish.
        if (run.Bytes != run.Count * run.Segment || length > run.Segment || length == 0
            || run.Count == SegmentsMax || run.Bytes + length > RunBytesMax || run.Tos != tos || _socket is { CanSegment: false })
        {
            return false;
        }

        _entries[run.Last].Next = entry;
        run.Last = entry;
        run.Count++;
        run.Bytes += length;
        return true;
    }

    /// <summary>Runs become messages. Datagrams that lie behind each other in memory, as they were received, are one vector.</summary>
    private void Compose()
    {
        var vector = 0;
        for (var i = 0; i < _runCount; i++)
        {
            ref var run = ref _runs[i];
            ref var header = ref _headers[i];
            header.NameLength = SocketAddress.Write(header.Name, run.To.Peer, run.To.Scope);
            var first = vector;
            for (var entry = run.First; entry != None; entry = _entries[entry].Next)
            {
                ref var piece = ref _entries[entry];
                if (vector > first && _vectors[vector - 1].Base + _vectors[vector - 1].Length == piece.Base)
                {
                    _vectors[vector - 1].Length += (nuint)piece.Length;
                    continue;
                }

                _vectors[vector++] = new IoVec { Base = piece.Base, Length = (nuint)piece.Length };
            }

            header.Vectors = _vectors + first;
            header.VectorCount = (nuint)(vector - first);
            WriteControl(ref header, _controls + (i * ControlSize), run.To, run.Count > 1 ? run.Segment : 0, run.Tos);
        }
    }

    private void Send(int count, ref long queueFull, ref long failed)
    {
        var done = 0;
        while (done < count)
        {
            var sent = Native.SendMMsg(_socket!.Fd, _headers + done, (uint)(count - done), Native.MsgDontWait | Native.MsgNoSignal);
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
                queueFull += Datagrams(done, count);
                return;
            }

            // The first message was refused (no route, too long, …); the ones behind it may still go.
            if (_runs[done].Count == 1 || !TrySendSingly(done, errno, ref queueFull, ref failed))
            {
                failed += _runs[done].Count;
            }

            done++;
        }
    }

    private int Datagrams(int from, int to)
    {
        var sum = 0;
        for (var i = from; i < to; i++)
        {
            sum += _runs[i].Count;
        }

        return sum;
    }

    /// <summary>
    /// A segment that is longer than the path's MTU cannot be cut up by the kernel and fragmented, too (EINVAL), and some devices cannot
    /// segment at all (EIO): then each datagram goes by itself, and in the second case all later ones do.
    /// </summary>
    private bool TrySendSingly(int run, int errno, ref long queueFull, ref long failed)
    {
        if (errno is not (Native.EInval or Native.EIo or Native.EMsgSize))
        {
            return false;
        }

        _socket!.CanSegment &= errno != Native.EIo;
        var header = _headers[run];
        var control = stackalloc byte[ControlSize];
        WriteControl(ref header, control, _runs[run].To, segment: 0, _runs[run].Tos);
        var vector = default(IoVec);
        header.Vectors = &vector;
        header.VectorCount = 1;
        for (var entry = _runs[run].First; entry != None; entry = _entries[entry].Next)
        {
            vector = new IoVec { Base = _entries[entry].Base, Length = (nuint)_entries[entry].Length };
            int sent;
            do
            {
                sent = Native.SendMMsg(_socket.Fd, &header, 1, Native.MsgDontWait | Native.MsgNoSignal);
            }
            while (sent < 0 && Native.Errno == Native.EIntr);

            queueFull += sent < 0 && Native.Errno == Native.EAgain ? 1 : 0;
            failed += sent < 0 && Native.Errno != Native.EAgain ? 1 : 0;
        }

        return true;
    }

    private static void WriteControl(ref MMsgHdr header, byte* control, in OuterPath to, int segment, byte tos)
    {
        var at = control;
        if (to.Local.Bits != UInt128.Zero)
        {
            at = to.Local.IsV4 ? WriteSourceV4(at, to) : WriteSourceV6(at, to);
        }

        if (segment > 0)
        {
            Unsafe.WriteUnaligned(at, new CMsgHdr { Length = 18, Level = Native.IpProtoUdp, Type = Native.UdpSegment });
            Unsafe.WriteUnaligned(at + sizeof(CMsgHdr), (ulong)segment);
            at += 24;
        }

        if (tos != 0)
        {
            var (level, type) = to.Peer.Ip.IsV4 ? (Native.IpProtoIp, Native.IpTos) : (Native.IpProtoIpv6, Native.Ipv6TClass);
            Unsafe.WriteUnaligned(at, new CMsgHdr { Length = 20, Level = level, Type = type });
            Unsafe.WriteUnaligned(at + sizeof(CMsgHdr), (ulong)tos);
            at += 24;
        }

        header.Control = at == control ? null : control;
        header.ControlLength = (nuint)(at - control);
    }

    private static byte* WriteSourceV4(byte* at, in OuterPath to)
    {
        var data = at + sizeof(CMsgHdr);
        Unsafe.WriteUnaligned(at, new CMsgHdr { Length = 28, Level = Native.IpProtoIp, Type = Native.IpPktInfo });
        Unsafe.WriteUnaligned(data, 0);
        to.Local.Write(new Span<byte>(data + 4, 4));
        Unsafe.WriteUnaligned(data + 8, 0);
        return at + 32;
    }

    private static byte* WriteSourceV6(byte* at, in OuterPath to)
    {
        var data = at + sizeof(CMsgHdr);
        Unsafe.WriteUnaligned(at, new CMsgHdr { Length = 36, Level = Native.IpProtoIpv6, Type = Native.Ipv6PktInfo });
        to.Local.Write(new Span<byte>(data, 16));
        Unsafe.WriteUnaligned(data + 16, to.Scope);
        return at + 40;
    }

    private struct Entry
    {
        public byte* Base;
        public int Length;
        public int Run;

        /// <summary>The next of the same run.</summary>
        public int Next;
    }

    private struct Run
    {
        public OuterPath To;
        public int First;
        public int Last;
        public int Count;
        public int Bytes;

        /// <summary>Length of every datagram but perhaps the last.</summary>
        public int Segment;
        public byte Tos;
    }

    /// <summary>The newest run of each destination. Open addressing; cleared by counting a generation.</summary>
    private sealed class RunIndex
    {
        private readonly Place[] _places;
        private ulong _generation = 1;

        public RunIndex(int runsMax) => _places = new Place[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)runsMax * 2)];

        /// <summary>The place of this destination's run; <see cref="None"/> stands there where it has none yet.</summary>
        public ref int Find(in OuterPath to, Run[] runs)
        {
            var bits = to.Peer.Ip.Bits;
            var hash = ((ulong)bits ^ (ulong)(bits >> 64) ^ to.Peer.Port) * 0x9e37_79b9_7f4a_7c15;
            var mask = _places.Length - 1;
            var at = (int)(hash >> 40) & mask;
            while (true)
            {
                ref var place = ref _places[at];
                if (place.Generation != _generation)
                {
                    place.Generation = _generation;
                    place.Run = None;
                    return ref place.Run;
                }

                ref var known = ref runs[place.Run].To;
                if (known.Peer == to.Peer && known.Local == to.Local && known.Scope == to.Scope)
                {
                    return ref place.Run;
                }

                at = (at + 1) & mask;
            }
        }

        public void Clear() => _generation++;

        private struct Place
        {
            public ulong Generation;
            public int Run;
        }
    }
}
