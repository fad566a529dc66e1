using System.Runtime.InteropServices;
using Sallyport.Core.Gateway;
using Sallyport.Core.Nat;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Linux;

/// <summary>
/// Inner packets that leave for the gateway host, translated to its handles. They are referred to, not copied: their places must stay
/// untouched until the flush. Packets of one flow that may go in one piece do (<see cref="MergeRun"/>): then the host's stack, which
/// runs within our system call, has one packet to handle instead of dozens. The order within a flow is kept.
/// </summary>
internal sealed unsafe class HostBatch : IDisposable
{
    /// <summary>How many of the newest runs a packet may join: the flows of one bulk transfer or of a few.</summary>
    private const int OpenRuns = 8;

    /// <summary>Offload header, IPv6 header and the longest TCP header; rounded up.</summary>
    private const int HeadSize = 128;

    private const int Capacity = DataPlaneLimits.HostBatchSize;
    private const int None = -1;

    private readonly PacketMemory _memory;
    private readonly Entry[] _entries = new Entry[Capacity];
    private readonly Piece[] _pieces = new Piece[Capacity];
    private TunQueue? _queue;
    private HandleSpace _handles;
    private byte* _heads;
    private byte* _errors;
    private int _entryCount;
    private int _pieceCount;
    private int _errorCount;

    public HostBatch(PacketMemory memory)
    {
        Invariant.Check(HeadSize >= OffloadHeader.Length + Ipv6View.HeaderLength + 60, "a head fits its place");
        _memory = memory;
        _heads = (byte*)NativeMemory.AllocZeroed(Capacity, HeadSize);
        _errors = (byte*)NativeMemory.AllocZeroed(DataPlaneLimits.HostErrorsMax, HandleTranslation.ErrorMax);
    }

    /// <summary>Whether the gateway host has part in the networks at all.</summary>
    public bool IsOpen => _queue is not null;

    /// <summary>Whether the host passes on what is for beyond it.</summary>
    public bool IsOpenBeyond { get; set; }

    public TunQueue? Queue => _queue;

    public HandleSpace Handles => _handles;

    /// <summary>Packets since the beginning that nothing can join: acknowledgements first of all.</summary>
    public long Singles { get; private set; }

    public bool IsFull => _pieceCount == Capacity || _errorCount == DataPlaneLimits.HostErrorsMax;

    public void Attach(TunQueue queue, HandleSpace handles)
    {
        Invariant.Check(_queue is null, "the queue before was detached");
        _queue = queue;
        _handles = handles;
    }

    /// <summary>The queue, which is the caller's now; what waited for it is gone.</summary>
    public TunQueue? Detach()
    {
        var queue = _queue;
        _queue = null;
        IsOpenBeyond = false;
        Clear();
        return queue;
    }

    /// <summary>Not to be called while full. None where it is going to be written.</summary>
    public DropReason Add(int networkId, in PacketSpot packet)
    {
        Invariant.Check(!IsFull, "the host batch is flushed before it overflows");
        if (_queue is null)
        {
            return DropReason.PeerOffline;
        }

        var bytes = _memory.Packet(packet);
        var reason = InnerPacket.Read(bytes, out var read);
        if (reason != DropReason.None)
        {
            return reason;
        }

        if (read.Ends.Kind == PacketKind.IcmpError)
        {
            return AddError(networkId, bytes, read);
        }

        for (var i = _entryCount - 1; i >= Math.Max(0, _entryCount - OpenRuns); i--)
        {
            ref var open = ref _entries[i];
            if (!open.Run.IsOf(networkId, read.Ends))
            {
                continue;
            }

            if (open.Run.TryAppend(bytes, read))
            {
                _pieces[open.LastPiece].Next = _pieceCount;
                open.LastPiece = AddPiece(packet.Start + open.Run.PayloadOffset(read), packet.Start + read.Length);
                return DropReason.None;
            }

            break;
        }

        return Begin(networkId, packet, bytes, read);
    }

    /// <summary>The same for a packet that the host passes on as it is.</summary>
    public DropReason AddPlain(in PacketSpot packet)
    {
        Invariant.Check(!IsFull, "the host batch is flushed before it overflows");
        if (_queue is null || !IsOpenBeyond)
        {
            return DropReason.PeerOffline;
        }

        // The forwarder has read it, and has let it pass.
        default(OffloadHeader).Write(Head(_entryCount));
        _entries[_entryCount++] = new Entry
        {
            Run = MergeRun.Alone,
            HeadLength = OffloadHeader.Length,
            Transport = _memory.Pointer(packet.Start, packet.Length),
            TransportLength = packet.Length,
            FirstPiece = AddPiece(0, 0),
        };
        return DropReason.None;
    }

    /// <summary>Writes everything. What the kernel does not take is lost and counted.</summary>
    public void Flush(ref long queueFull, ref long failed)
    {
        if (_entryCount == 0)
        {
            return;
        }

        for (var i = 0; i < _entryCount; i++)
        {
            Write(i, ref queueFull, ref failed);
        }

        Clear();
    }

    public void Dispose()
    {
        Detach()?.Dispose();
        NativeMemory.Free(_heads);
        NativeMemory.Free(_errors);
        _heads = null;
        _errors = null;
    }

    private DropReason Begin(int networkId, in PacketSpot packet, Span<byte> bytes, in InnerPacket read)
    {
        // The run keeps the head as it was; what is changed in place now is for the case that nothing joins.
        var run = MergeRun.Begin(networkId, bytes, read, _queue!.CanMergeTcp, _queue.CanMergeUdp);
        var head = Head(_entryCount);
        default(OffloadHeader).Write(head);
        var reason = HandleTranslation.ToV6(_handles, networkId, bytes, read, head[OffloadHeader.Length..], out var headLength);
        if (reason != DropReason.None)
        {
            return reason;
        }

        Singles += run.Bytes > 0 ? 0 : 1;
        var piece = AddPiece(packet.Start + run.PayloadOffset(read), packet.Start + read.Length);
        _entries[_entryCount++] = new Entry
        {
            Run = run,
            HeadLength = OffloadHeader.Length + headLength,
            Transport = _memory.Pointer(packet.Start + read.TransportOffset, read.Length - read.TransportOffset),
            TransportLength = read.Length - read.TransportOffset,
            FirstPiece = piece,
            LastPiece = piece,
        };
        return DropReason.None;
    }

    private DropReason AddError(int networkId, ReadOnlySpan<byte> bytes, in InnerPacket read)
    {
        var place = _errors + (_errorCount * HandleTranslation.ErrorMax);
        var length = HandleTranslation.ErrorToV6(_handles, networkId, bytes, read, new Span<byte>(place, HandleTranslation.ErrorMax));
        if (length == 0)
        {
            return DropReason.ProtocolNotSupported;
        }

        _errorCount++;
        default(OffloadHeader).Write(Head(_entryCount));
        _entries[_entryCount++] = new Entry
        {
            Run = MergeRun.Begin(networkId, bytes, read, canMergeTcp: false, canMergeUdp: false),
            HeadLength = OffloadHeader.Length,
            Transport = place,
            TransportLength = length,
            FirstPiece = AddPiece(0, 0),
        };
        return DropReason.None;
    }

    private int AddPiece(int start, int end)
    {
        _pieces[_pieceCount] = new Piece { Start = start, Length = end - start, Next = None };
        return _pieceCount++;
    }

    private void Write(int index, ref long queueFull, ref long failed)
    {
        ref var entry = ref _entries[index];
        var vectors = stackalloc IoVec[MergeRun.PacketsMax + 1];
        var count = 1;
        if (entry.Run.Packets == 1)
        {
            vectors[count++] = new IoVec { Base = entry.Transport, Length = (nuint)entry.TransportLength };
        }
        else
        {
            var head = Head(index);
            entry.HeadLength = OffloadHeader.Length + entry.Run.WriteHead(_handles, head[OffloadHeader.Length..], out var offload);
            offload.Write(head);
            for (var at = entry.FirstPiece; at != None; at = _pieces[at].Next)
            {
                ref var piece = ref _pieces[at];
                vectors[count++] = new IoVec { Base = _memory.Pointer(piece.Start, piece.Length), Length = (nuint)piece.Length };
            }
        }

        vectors[0] = new IoVec { Base = _heads + (index * HeadSize), Length = (nuint)entry.HeadLength };
        var errno = _queue!.Write(vectors, count);
        if (errno == 0)
        {
            return;
        }

        if (errno == Native.EInval && entry.Run.Packets > 1)
        {
            // A kernel that does not take pieces of this kind: from now on it gets packets. TCP repeats these.
            _queue.CanMergeUdp = false;
            _queue.CanMergeTcp &= !entry.Run.IsTcp;
        }

        queueFull += errno == Native.EAgain ? entry.Run.Packets : 0;
        failed += errno == Native.EAgain ? 0 : entry.Run.Packets;
    }

    private Span<byte> Head(int index) => new(_heads + (index * HeadSize), HeadSize);

    private void Clear()
    {
        _entryCount = 0;
        _pieceCount = 0;
        _errorCount = 0;
    }

    /// <summary>One write: a run, or an error that stands in our own memory.</summary>
    private struct Entry
    {
        public MergeRun Run;
        public int HeadLength;
        public byte* Transport;
        public int TransportLength;
        public int FirstPiece;
        public int LastPiece;
    }

    private struct Piece
    {
        public int Start;
        public int Length;

        /// <summary>The next of the same run.</summary>
        public int Next;
    }
}
