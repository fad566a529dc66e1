using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Shards;

namespace Sallyport.DataPlane.Streams;

/// <summary>
/// The TCP connections of one shard. Packets to send are gathered per connection and leave with one write at the flush;
/// what the peer does not take waits, bounded, and whole packets beyond that are dropped.
/// </summary>
internal sealed class StreamTable : IDisposable
{
    private const int NoTunnel = -1;

    private readonly int _shard;
    private readonly Epoll _epoll;
    private readonly IEntropy _entropy;
    private readonly DropCounters _drops;
    private readonly List<int> _dirty = [];
    private readonly Stack<int> _free = new();
    private readonly Stack<byte[]> _spareOutputs = new();
    private readonly Probation<int> _pending = new(DataPlaneLimits.PendingConnectionsMax, DataPlaneLimits.PendingConnectionsPerPrefixMax);
    private Connection[] _connections = new Connection[16];
    private int _used;
    private int _outputsOut;

    public StreamTable(int shard, Epoll epoll, IEntropy entropy, DropCounters drops)
    {
        _shard = shard;
        _epoll = epoll;
        _entropy = entropy;
        _drops = drops;
    }

    public int Count => _used - _free.Count;

    /// <summary>
    /// Takes a connection in. Where a bound is reached the oldest that has sent nothing valid yet makes room; where all have, the new one is closed.
    /// </summary>
    public void Add(StreamSocket socket, Instant now)
    {
        var prefix = SourcePrefix.Of(socket.Peer.Ip);
        if (!TryMakeRoom(prefix))
        {
            _drops.Count(DropReason.ResetRateLimited);
            socket.Dispose();
            return;
        }

        var index = Allot();
        ref var connection = ref _connections[index];
        connection.Socket = socket;
        connection.Generation++;
        connection.Framer = StreamFramer.Create(_entropy);
        connection.Tunnel = NoTunnel;
        connection.Frames = 0;
        connection.IsProven = false;
        connection.Place = _pending.Add(index, prefix);
        connection.Deadline = now + DataPlaneLimits.ConnectionSilence;
        _epoll.Add(socket.Fd, Readiness.In, Token(index));
    }

    /// <summary>Index of the connection that an epoll token stands for; -1 where it is gone.</summary>
    public int Find(ulong token)
    {
        var index = (int)(token & 0xffff_ffff);
        return index < _used && _connections[index].Socket is not null && Token(index) == token ? index : -1;
    }

    public OuterPath Path(int index)
    {
        ref var connection = ref _connections[index];
        return new OuterPath
        {
            Peer = connection.Socket!.Peer,
            Shard = _shard,
            Socket = -1,
            Connection = index,
            ConnectionGeneration = connection.Generation,
        };
    }

    /// <summary>As <see cref="StreamSocket.Read"/>.</summary>
    public int Read(int index, Span<byte> buffer) => _connections[index].Socket!.Read(buffer);

    public FrameResult TryReadFrame(int index, ref Span<byte> received, out Span<byte> packet) =>
        _connections[index].Framer.TryRead(ref received, out packet);

    public bool IsOpen(int index, uint generation) =>
        (uint)index < (uint)_used && _connections[index].Socket is not null && _connections[index].Generation == generation;

    public bool IsOpen(int index) => _connections[index].Socket is not null;

    /// <summary>A packet of it has passed the door: it has the time of a handshake, and makes room for nobody.</summary>
    public void Prove(in OuterPath path, Instant now)
    {
        if (IsOpen(path.Connection, path.ConnectionGeneration) && _connections[path.Connection].Place is { } place)
        {
            place.Show();
            _connections[path.Connection].IsProven = true;
            _connections[path.Connection].Deadline = now + DataPlaneLimits.ConnectionGrace;
        }
    }

    /// <summary>
    /// False where a connection without a tunnel has sent more than a handshake takes: nothing that one stranger sends may keep a
    /// handshake thread or a mailbox busy. It is then poisoned.
    /// </summary>
    public bool TryTakeFrame(in OuterPath path)
    {
        ref var connection = ref _connections[path.Connection];
        if (connection.Tunnel != NoTunnel
            || ++connection.Frames <= (connection.IsProven ? DataPlaneLimits.FramesBeforeTunnel : DataPlaneLimits.FramesBeforeProof))
        {
            return true;
        }

        Poison(path);
        return false;
    }

    /// <summary>The connection carries an authenticated tunnel and is no longer on probation.</summary>
    public void Bind(in OuterPath path, int tunnel)
    {
        if (IsOpen(path.Connection, path.ConnectionGeneration))
        {
            ref var connection = ref _connections[path.Connection];
            connection.Tunnel = tunnel;
            connection.Deadline = Instant.Never;
            EndProbation(ref connection);
        }
    }

    /// <summary>The tunnel is gone; the connection stays a moment for the session's last words.</summary>
    public void Unbind(in OuterPath path, Instant now)
    {
        if (IsOpen(path.Connection, path.ConnectionGeneration))
        {
            ref var connection = ref _connections[path.Connection];
            connection.Tunnel = NoTunnel;
            connection.Deadline = now + DataPlaneLimits.ConnectionLinger;
        }
    }

    /// <summary>Nothing sensible comes from there: swallow on in silence. A connection with a tunnel is never poisoned.</summary>
    public void Poison(in OuterPath path)
    {
        if (IsOpen(path.Connection, path.ConnectionGeneration) && _connections[path.Connection].Tunnel == NoTunnel)
        {
            _connections[path.Connection].Framer.Poison();
        }
    }

    /// <summary>Queues one packet behind its length field; it is copied.</summary>
    public void Send(in OuterPath to, ReadOnlySpan<byte> packet)
    {
        if (!IsOpen(to.Connection, to.ConnectionGeneration))
        {
            _drops.Count(DropReason.PeerOffline);
            return;
        }

        ref var connection = ref _connections[to.Connection];
        connection.Output ??= RentOutput();
        var size = StreamFramer.LengthField + packet.Length;
        if (connection.Output is not { } output || !MakeRoom(ref connection, size))
        {
            _drops.Count(DropReason.SendQueueFull);
            return;
        }

        var free = output.AsSpan(connection.OutputEnd);
        StreamFramer.WriteLength(free, packet.Length);
        packet.CopyTo(free[StreamFramer.LengthField..]);
        connection.OutputEnd += size;
        if (!connection.IsDirty)
        {
            connection.IsDirty = true;
            _dirty.Add(to.Connection);
        }
    }

    public void Flush()
    {
        // A write that breaks closes its connection, which may not touch this list.
        for (var i = 0; i < _dirty.Count; i++)
        {
            var index = _dirty[i];
            _connections[index].IsDirty = false;
            if (_connections[index].Socket is not null && !_connections[index].WantsWrite)
            {
                WriteOut(index);
            }
        }

        _dirty.Clear();
    }

    /// <summary>Epoll says that the peer takes bytes again.</summary>
    public void HandleWritable(int index) => WriteOut(index);

    /// <summary>Connections that broke since the last call, and the tunnels that they carried.</summary>
    public Queue<(OuterPath Path, int Tunnel)> OrphanedTunnels { get; } = new();

    public void Close(int index)
    {
        ref var connection = ref _connections[index];
        if (connection.Socket is not { } socket)
        {
            return;
        }

        if (connection.Tunnel != NoTunnel)
        {
            OrphanedTunnels.Enqueue((Path(index), connection.Tunnel));
        }

        EndProbation(ref connection);
        _epoll.Remove(socket.Fd);
        socket.Dispose();
        connection.Framer.Release();
        ReturnOutput(ref connection);
        connection.Socket = null;
        connection.Tunnel = NoTunnel;
        _free.Push(index);
    }

    /// <summary>Closes connections that never became a tunnel, or whose tunnel is gone. To be called about once a second.</summary>
    public void HandleTimeout(Instant now)
    {
        for (var i = 0; i < _used; i++)
        {
            if (_connections[i].Socket is not null && _connections[i].Deadline <= now)
            {
                Close(i);
            }
        }
    }

    public void Dispose()
    {
        for (var i = 0; i < _used; i++)
        {
            Close(i);
        }
    }

    /// <summary>The token's low half is the index; generation and a mark tell it from sockets and from earlier users of the place.</summary>
    private ulong Token(int index) => EpollToken.Connection(index, _connections[index].Generation);

    private int Allot()
    {
        if (_free.TryPop(out var index))
        {
            return index;
        }

        if (_used == _connections.Length)
        {
            Array.Resize(ref _connections, _connections.Length * 2);
        }

        return _used++;
    }

    private bool TryMakeRoom(UInt128 prefix)
    {
        if (Count < DataPlaneLimits.ConnectionsMax && _pending.HasRoom(prefix))
        {
            return true;
        }

        if (!_pending.TryFindOldest(prefix, out var oldest))
        {
            return false;
        }

        _drops.Count(DropReason.MadeRoom);
        Close(oldest);
        return true;
    }

    private static void EndProbation(ref Connection connection)
    {
        connection.Place?.Leave();
        connection.Place = null;
    }

    private void WriteOut(int index)
    {
        ref var connection = ref _connections[index];
        if (connection.Output is { } output && connection.OutputEnd > connection.OutputStart)
        {
            var written = connection.Socket!.Write(output.AsSpan(connection.OutputStart..connection.OutputEnd));
            if (written < 0)
            {
                Close(index);
                return;
            }

            connection.OutputStart += written;
        }

        var isEmpty = connection.OutputStart == connection.OutputEnd;
        if (isEmpty)
        {
            ReturnOutput(ref connection);
        }

        if (connection.WantsWrite == isEmpty)
        {
            connection.WantsWrite = !isEmpty;
            _epoll.Modify(connection.Socket!.Fd, isEmpty ? Readiness.In : Readiness.In | Readiness.Out, Token(index));
        }
    }

    private static bool MakeRoom(ref Connection connection, int size)
    {
        var output = connection.Output!;
        if (output.Length - connection.OutputEnd >= size)
        {
            return true;
        }

        var waiting = connection.OutputEnd - connection.OutputStart;
        if (output.Length - waiting < size)
        {
            return false;
        }

        output.AsSpan(connection.OutputStart, waiting).CopyTo(output);
        connection.OutputStart = 0;
        connection.OutputEnd = waiting;
        return true;
    }

    private byte[]? RentOutput()
    {
        if (_outputsOut >= DataPlaneLimits.StreamBacklogsMax)
        {
            return null;
        }

        _outputsOut++;
        return _spareOutputs.TryPop(out var spare) ? spare : new byte[DataPlaneLimits.StreamBacklogBytes];
    }

    private void ReturnOutput(ref Connection connection)
    {
        if (connection.Output is { } output)
        {
            _spareOutputs.Push(output);
            _outputsOut--;
        }

        connection.Output = null;
        connection.OutputStart = connection.OutputEnd = 0;
    }

    private struct Connection
    {
        public StreamSocket? Socket;
        public uint Generation;
        public StreamFramer Framer;
        public byte[]? Output;
        public int OutputStart;
        public int OutputEnd;
        public int Tunnel;
        public Probation<int>.Place? Place;

        /// <summary>Control and data packets that came while it had no tunnel.</summary>
        public int Frames;
        public bool IsProven;
        public bool IsDirty;
        public bool WantsWrite;
        public Instant Deadline;
    }
}
