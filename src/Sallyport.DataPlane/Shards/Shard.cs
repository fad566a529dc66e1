using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Dns;
using Sallyport.DataPlane.Handshakes;
using Sallyport.DataPlane.Host;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Nodes;
using Sallyport.DataPlane.Streams;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Shards;

/// <summary>Where a shard listens, which one it is, and its way to the others.</summary>
internal sealed record ShardOptions
{
    public required int Index { get; init; }

    public required Fabric Fabric { get; init; }

    /// <summary>What the first shard is to listen on; of the others, what the first one does.</summary>
    public required IReadOnlyList<BoundSocket> Sockets { get; init; }

    public required IReadOnlyList<OuterAddress> Tcp { get; init; }

    /// <summary>How packets and news reach the threads of IKE; none of them: no IPsec.</summary>
    public required IkeInbox[] Ike { get; init; }

    public required FlowLimits Flows { get; init; }

    /// <summary>For names that are not ours.</summary>
    public required AskUpstream AskUpstream { get; init; }

    /// <summary>Of all shards.</summary>
    public required NameTies Ties { get; init; }
}

/// <summary>
/// One packet thread with everything it owns: sockets, connections, tunnels, flows. Others reach it through its mailbox only.
/// A turn of its loop: wait, mail, sockets within their budgets, timers, flush, news out.
/// </summary>
internal sealed class Shard : IDisposable
{
    private const int StreamSlots = DataPlaneLimits.BatchSize;
    private const int FirstOwnSlot = StreamSlots;
    private const int FirstLaneSlot = FirstOwnSlot + DataPlaneLimits.OwnSlots;

    /// <summary>
    /// A hundredth of the tunnels is looked at a hundred times a second: of 50,000, with the keepalives that are due, half a millisecond in
    /// which packets wait.
    /// </summary>
    private const int SweepParts = 100;
    private const int FlowReportsPerSweep = 20;
    private const int ReconsiderationsPerSweep = 4;
    private const int ReconfigurationsPerTick = 4;
    private const int ReportBuffer = 512;
    private const int SasMax = 64;

    private static readonly TimeSpan TickEvery = TimeSpan.FromSeconds(1) / SweepParts;
    private static readonly TimeSpan IdleWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AcceptPause = TimeSpan.FromSeconds(1);

    private readonly Clock _clock;
    private readonly Uplink _uplink;
    private readonly GatewayLog _log;
    private readonly HandshakeInbox[] _handshakers;
    private readonly IkeInbox[] _ike;
    private readonly Epoll _epoll = new();
    private readonly PacketMemory _memory;
    private readonly Crossing _crossing;
    private Lane[] _inbound = [];
    private readonly ReceiveBatch _receive;
    private readonly List<DatagramSocket> _sockets = [];
    private readonly List<string> _refused = [];
    private readonly PathProbe _probe = new();
    private readonly List<StreamListener> _listeners = [];
    private readonly StreamTable _streams;
    private readonly Outbox _outbox;
    private readonly TunnelTable _tunnels = new();
    private readonly Forwarder _forwarder;
    private readonly NameService _names;
    private readonly PacketPath _path;
    private readonly HostPath _host;
    private readonly Moderation _moderation = new(
        DataPlaneLimits.BusyMessages, DataPlaneLimits.EnoughMessages, DataPlaneLimits.GatherTimeMax);
    private readonly byte[] _streamBuffer = new byte[DataPlaneLimits.StreamBytesPerTurn];
    private readonly FlowRecord[] _flowBuffer = new FlowRecord[ReportBuffer];
    private readonly TunnelCounters[] _counterBuffer = new TunnelCounters[ReportBuffer];
    private readonly SaSnapshot[] _saBuffer = new SaSnapshot[SasMax];
    private readonly Thread _thread;
    private readonly Queue<(int Slot, long TunnelId)> _toReconfigure = new();
    private GatewayModel _model = GatewayModel.Empty;
    private int _streamSlotsUsed;
    private int _sweepPart;
    private Instant _nextTick;
    private Instant _acceptAgain = Instant.Never;
    private Instant _lastFault;
    private long _messages;
    private volatile bool _stop;

    public Shard(
        ShardOptions options, Clock clock, IEntropy entropy, Uplink uplink, HandshakeInbox[] handshakers, GatewayLog log)
    {
        _clock = clock;
        _uplink = uplink;
        _log = log;
        _handshakers = handshakers;
        _ike = options.Ike;
        _crossing = new Crossing(options.Fabric, options.Index);
        var lanes = _crossing.Shards - 1;
        _memory = new PacketMemory(
            DataPlaneLimits.BatchSize, FirstLaneSlot + (lanes * DataPlaneLimits.LaneSlots), HostPath.MemoryBytes);
        PeerIds = new SlotAllotter(options.Index, _crossing.Shards, DataPlaneLimits.TunnelsMax / _crossing.Shards);
        Spis = new EspSpis(
            options.Index, _crossing.Shards, DataPlaneLimits.ChildrenPerTunnel * DataPlaneLimits.TunnelsMax / _crossing.Shards, entropy);
        _receive = new ReceiveBatch(_memory, DataPlaneLimits.BatchSize);
        _streams = new StreamTable(options.Index, _epoll, entropy, Drops);
        try
        {
            Listen(options);
        }
        catch
        {
            CloseSockets();
            throw;
        }

        var batches = _sockets.Select(socket => new SendBatch(_memory, socket, DataPlaneLimits.SendBatchSize)).ToArray();
        _outbox = new Outbox(_memory, batches, _streams, Drops, FirstOwnSlot, DataPlaneLimits.OwnSlots);
        _forwarder = new Forwarder(
            options.Flows, entropy, clock.Now, (ushort)options.Index, _crossing.Shards, options.Fabric.Situations, options.Fabric.Meters, options.Ties);
        _names = new NameService(options.Index, options.AskUpstream);
        _path = new PacketPath(_tunnels, PeerIds, _forwarder, _outbox, Drops, handshakers, _crossing, _names, Spis, _ike, _probe.MtuTo);
        _host = new HostPath(_outbox, _path, _crossing, Drops);
        options.Fabric.Join(
            options.Index, Mailbox,
            lane => new Lane(_memory, FirstLaneSlot + (lane * DataPlaneLimits.LaneSlots), DataPlaneLimits.LaneSlots));
        _epoll.Add(Mailbox.WakeUp.Fd, Readiness.In, EpollToken.WakeUp);
        _thread = new Thread(Run) { IsBackground = true, Name = $"shard-{options.Index}" };
    }

    public Mailbox Mailbox { get; } = new();

    public SlotAllotter PeerIds { get; }

    /// <summary>Any thread: an SPI is needed before there is an SA.</summary>
    public EspSpis Spis { get; }

    public DropCounters Drops { get; } = new();

    /// <summary>"udp 0.0.0.0:1194" and so on, and what was wanted and refused.</summary>
    public IReadOnlyList<string> Listening =>
        [.. Sockets.Select(socket => socket.Text), .. _listeners.Select(listener => $"tcp {listener.Bound}"), .. _refused];

    /// <summary>In the order of <see cref="OuterPath.Socket"/>, the same on every shard. With the ports that the kernel chose, for the next shard to share.</summary>
    public IReadOnlyList<BoundSocket> Sockets { get; private set; } = [];

    /// <summary>
    /// Which socket a peer of this family is reached by; -1 where there is none. Of <see cref="SocketKind.Esp"/>: without CAP_NET_RAW there is none,
    /// and ESP has to go in UDP.
    /// </summary>
    public int SocketOf(SocketKind kind, bool isV4) => _sockets.FindIndex(socket => socket.Kind == kind && socket.IsV4 == isV4);

    public IReadOnlyList<OuterAddress> BoundTcp => [.. _listeners.Select(listener => listener.Bound)];

    /// <summary>Raised on the shard's thread when it cannot go on; the process should end.</summary>
    public event Action<Exception>? Failed;

    /// <summary>Adds the drops of the shell and of its forwarder; any thread.</summary>
    public void AddDropsTo(Span<long> sums)
    {
        Drops.AddTo(sums);
        var inner = _forwarder.Drops;
        for (var i = 0; i < inner.Length; i++)
        {
            sums[i] += inner[i];
        }
    }

    /// <summary>To be called on one shard when all have been made. False where packets must find their shard without the kernel's help.</summary>
    public bool TrySteer() => _sockets.TrueForAll(socket => Steering.TryAttach(socket, _crossing.Shards));

    public void Start() => _thread.Start();

    public void Stop()
    {
        _stop = true;
        Mailbox.WakeUp.Signal();
        if (_thread.ThreadState != ThreadState.Unstarted)
        {
            _thread.Join();
        }
    }

    public void Dispose()
    {
        Stop();
        CloseSockets();
        _outbox.Dispose();
        _receive.Dispose();
        _memory.Dispose();
        Mailbox.Dispose();
    }

    private void Listen(ShardOptions options)
    {
        foreach (var wanted in options.Sockets)
        {
            // Each socket of an IP protocol gets a copy of everything: one shard hears, and gives the others what is theirs.
            var isDeaf = wanted.Kind == SocketKind.Esp && options.Index > 0;
            DatagramSocket Bind() => new(wanted.Bound, options.Index, _sockets.Count, _crossing.Shards > 1, kind: wanted.Kind, isDeaf: isDeaf);
            if ((wanted.Kind == SocketKind.OpenVpn ? TryListen(wanted.Bound, Bind) : TryListenForIpsec(wanted, Bind)) is not { } socket)
            {
                continue;
            }

            _sockets.Add(socket);
            if (!isDeaf)
            {
                _epoll.Add(socket.Fd, Readiness.In, EpollToken.Udp(socket.Index));
            }
        }

        Sockets = [.. _sockets.Select(socket => new BoundSocket(socket.Kind, socket.Bound))];

        foreach (var address in options.Tcp)
        {
            if (TryListen(address, () => new StreamListener(address, _crossing.Shards > 1)) is { } listener)
            {
                _listeners.Add(listener);
                _epoll.Add(listener.Fd, Readiness.In, EpollToken.Listener(_listeners.Count - 1));
            }
        }

        if (_sockets.Count + _listeners.Count == 0)
        {
            throw new FormatException("There is no address to listen on.");
        }
    }

    /// <summary>Null on a host without IPv6, which is no reason not to serve IPv4.</summary>
    private T? TryListen<T>(OuterAddress address, Func<T> open)
        where T : class
    {
        try
        {
            return open();
        }
        catch (LinuxException e) when (!address.Ip.IsV4 && e.Errno is Native.EAfNoSupport or Native.EAddrNotAvail)
        {
            _log.Write("listen.skipped", $"{address}: this host has no IPv6 ({e.Message})");
            return null;
        }
    }

    /// <summary>
    /// Null where the system refuses: OpenVPN's devices need not suffer for a port below 1024, for a right that a container has not, or for
    /// another daemon that speaks IKE on this host.
    /// </summary>
    private DatagramSocket? TryListenForIpsec(BoundSocket wanted, Func<DatagramSocket> open)
    {
        try
        {
            return TryListen(wanted.Bound, open);
        }
        catch (LinuxException e) when (e.Errno is Native.EAcces or Native.EPerm or Native.EAddrInUse)
        {
            _log.Write("listen.refused", $"{wanted.Text}: {e.Message}");
            _refused.Add($"not {wanted.Text} ({Why(e.Errno)})");
            return null;
        }
    }

    private static string Why(int errno) => errno switch
    {
        Native.EPerm => "it needs CAP_NET_RAW",
        Native.EAcces => "it needs CAP_NET_BIND_SERVICE",
        _ => "it is taken",
    };

    private void CloseSockets()
    {
        _streams.Dispose();
        _probe.Dispose();
        _sockets.ForEach(socket => socket.Dispose());
        _listeners.ForEach(listener => listener.Dispose());
        _epoll.Dispose();
    }

    private void Run()
    {
        try
        {
            Pauses.Sharpen();
            _nextTick = _clock.Now;
            _inbound = [.. _crossing.Inbound];
            while (!_stop)
            {
                RunTurn();
            }

            CloseAll(TunnelEnd.GatewayStopping);
        }
        catch (Exception e)
        {
            _log.Write("shard.failed", e.ToString());
            Failed?.Invoke(e);
        }
    }

    private void RunTurn()
    {
        var pause = _moderation.PauseBefore(_messages, _clock.Now);
        if (pause > DataPlaneLimits.PauseMin)
        {
            Pauses.Pause(pause);
        }

        var ready = _epoll.Wait(WaitMilliseconds());
        try
        {
            TakeMail(_clock.Now);
            for (var i = 0; i < ready; i++)
            {
                var (token, readiness) = _epoll.Event(i);
                HandleReady(token, readiness);
            }

            TakeHandedOver(_clock.Now);
            HandleTimeouts(_clock.Now);
            _path.SendResets(_clock.Now);
        }
        catch (InvariantException e) when (_clock.Now - _lastFault > IdleWait)
        {
            // One broken packet or tunnel is not worth everybody's tunnels; broken twice in a second, nothing can be trusted.
            _lastFault = _clock.Now;
            _log.Write("shard.fault", e.ToString());
        }

        _outbox.Flush();
        ReleaseHandedOver();
        _crossing.WakeOthers();
        _streamSlotsUsed = 0;
        CloseOrphans();
        SendNews();
    }

    private int WaitMilliseconds()
    {
        if (!Mailbox.IsEmpty || AnyHandedOver())
        {
            return 0;
        }

        var now = _clock.Now;
        var next = Instant.Min(_forwarder.NextDeadline, now + IdleWait);
        next = Instant.Min(next, _acceptAgain);
        if (_tunnels.LiveOrGhostCount > 0 || _streams.Count > 0)
        {
            next = Instant.Min(next, _nextTick);
        }

        return next <= now ? 0 : (int)Math.Ceiling((next - now).TotalMilliseconds);
    }

    private void HandleReady(ulong token, Readiness readiness)
    {
        if (token == EpollToken.WakeUp)
        {
            // What was posted since the mail was taken is seen before the next wait.
            Mailbox.WakeUp.Clear();
            return;
        }

        if (EpollToken.IsUdp(token, out var index))
        {
            ReceiveFrom(_sockets[index]);
        }
        else if (EpollToken.IsListener(token, out index))
        {
            Accept(_listeners[index]);
        }
        else if (token == EpollToken.Host)
        {
            _host.Receive(_forwarder.Model, _clock.Now);
        }
        else if (_streams.Find(token) is >= 0 and var connection)
        {
            HandleConnection(connection, readiness);
        }
    }

    private void ReceiveFrom(DatagramSocket socket)
    {
        for (var batch = 0; batch < DataPlaneLimits.BatchesPerTurn; batch++)
        {
            var count = _receive.Receive(socket);
            var now = _clock.Now;
            for (var i = 0; i < count; i++)
            {
                var datagrams = _receive.Read(i);
                var singles = _outbox.Host.Singles;
                if (socket.Kind == SocketKind.OpenVpn)
                {
                    for (var n = 0; n < datagrams.Count; n++)
                    {
                        _path.Handle(datagrams[n], datagrams.From, now);
                    }
                }
                else
                {
                    for (var n = 0; n < datagrams.Count; n++)
                    {
                        _path.HandleIpsec(socket.Kind, datagrams[n], datagrams.From, datagrams.Tos, now);
                    }
                }

                // What nothing can join does not gather; one other packet in the message is enough.
                _messages += _outbox.Host.Singles - singles < datagrams.Count ? 1 : 0;
            }

            // The slots are about to be received into again.
            _outbox.Flush();
            _crossing.WakeOthers();
            if (count < _receive.Capacity)
            {
                return;
            }
        }
    }

    private void TakeHandedOver(Instant now)
    {
        foreach (var lane in _inbound)
        {
            for (var i = 0; i < DataPlaneLimits.LaneSlots && lane.TryTake(out var head, out var packet); i++)
            {
                _path.HandleHandedOver(head, packet, now);
            }
        }
    }

    private void ReleaseHandedOver()
    {
        foreach (var lane in _inbound)
        {
            lane.Release();
        }
    }

    private bool AnyHandedOver()
    {
        foreach (var lane in _inbound)
        {
            if (!lane.IsEmpty)
            {
                return true;
            }
        }

        return false;
    }

    private void Accept(StreamListener listener)
    {
        var now = _clock.Now;
        for (var i = 0; i < DataPlaneLimits.AcceptsPerTurn; i++)
        {
            if (listener.TryAccept(out var outOfDescriptors) is { } socket)
            {
                _streams.Add(socket, now);
                continue;
            }

            if (outOfDescriptors)
            {
                // Level-triggered, it would wake us again at once and for ever.
                _acceptAgain = now + AcceptPause;
                _listeners.ForEach(one => _epoll.Modify(one.Fd, Readiness.None, EpollToken.Listener(_listeners.IndexOf(one))));
                _log.Write("accept.paused", "no file descriptors left");
            }

            return;
        }
    }

    private void HandleConnection(int connection, Readiness readiness)
    {
        if ((readiness & Readiness.Out) != 0)
        {
            _streams.HandleWritable(connection);
        }

        if ((readiness & (Readiness.In | Readiness.Broken)) == 0 || !_streams.IsOpen(connection))
        {
            return;
        }

        var count = _streams.Read(connection, _streamBuffer);
        if (count == 0)
        {
            _streams.Close(connection);
        }
        else if (count > 0)
        {
            HandleStream(connection, _streamBuffer.AsSpan(0, count), _clock.Now);
        }
    }

    private void HandleStream(int connection, Span<byte> received, Instant now)
    {
        var path = _streams.Path(connection);
        while (true)
        {
            switch (_streams.TryReadFrame(connection, ref received, out var packet))
            {
                case FrameResult.Packet when packet.Length > PacketMemory.PacketMax:
                    Drops.Count(DropReason.TooLong);
                    break;
                case FrameResult.Packet:
                    HandleFrame(packet, path, now);
                    break;
                case FrameResult.Close:
                    _streams.Close(connection);
                    return;
                case FrameResult.NeedMore:
                case FrameResult.Poisoned:
                    return;
            }
        }
    }

    private void HandleFrame(ReadOnlySpan<byte> packet, in OuterPath path, Instant now)
    {
        if (_streamSlotsUsed == StreamSlots)
        {
            _outbox.Flush();
            _streamSlotsUsed = 0;
        }

        if (!_streams.TryTakeFrame(path))
        {
            return;
        }

        // In the stream there is no room in front of a packet to seal it for somebody else.
        var slot = _memory.SmallSlot(_streamSlotsUsed++);
        packet.CopyTo(_memory.Blank(slot));
        if (EndsStream(_path.Handle(slot.With(slot.Start, packet.Length), path, now)))
        {
            _streams.Poison(path);
        }
    }

    /// <summary>
    /// On a stream nothing is lost or reordered: what does not verify was forged or broken, as stock servers have it. Not so a packet that
    /// outran its key's way here, one that the handshake thread had no room for, or one that its destination could not take.
    /// </summary>
    private static bool EndsStream(DropReason reason) =>
        reason is DropReason.TooShort or DropReason.TooLong or DropReason.UnknownOpcode or DropReason.UnknownPeer or DropReason.BadTag;

    private void TakeMail(Instant now)
    {
        for (var i = 0; i < DataPlaneLimits.MailPerTurn && Mailbox.TryTake(out var command); i++)
        {
            Do(command!, now);
        }

        for (var i = 0; i < DataPlaneLimits.MailPerTurn; i++)
        {
            var slot = _outbox.FreeSlot();
            if (!Mailbox.TryTake(_memory.Blank(slot), out var to, out var length))
            {
                break;
            }

            _outbox.Send(to, slot.With(slot.Start, length));
        }
    }

    private void Do(ShardCommand command, Instant now)
    {
        switch (command)
        {
            case OpenTunnel open:
                Open(open.Tunnel, now);
                break;
            case InstallKey install:
                if (!_path.InstallKey(install.Slot, install.TunnelId, install.Key, install.KeyId, now, now + install.HandOver))
                {
                    var key = install.Key;
                    key.Free();
                }

                break;
            case InstallChild install:
                if (!_path.InstallChild(install.Slot, install.TunnelId, install.Child, now))
                {
                    Forget(install.Child);
                }

                break;
            case UseChild use:
                _path.UseChild(use.Slot, use.TunnelId, use.InboundSpi);
                break;
            case RemoveChild remove:
                _path.RemoveChild(remove.Slot, remove.TunnelId, remove.InboundSpi, remove.After, now);
                break;
            case MovePath move:
                _path.MovePath(move, now);
                break;
            case DemoteTunnel demote:
                _path.Demote(demote.Slot, demote.TunnelId, demote.IsDemoted);
                break;
            case PeerNegotiates negotiates:
                _path.PeerNegotiates(negotiates.Slot, negotiates.TunnelId, now);
                break;
            case CloseTunnel close:
                _path.Close(close.Slot, close.TunnelId, close.End);
                break;
            case ProveConnection prove:
                _streams.Prove(prove.Path, now);
                break;
            case PoisonConnection poison:
                _streams.Poison(poison.Path);
                break;
            case DisconnectIdentity disconnect:
                ForAll(disconnect.IdentityId, slot => _path.Close(slot, TunnelEnd.Disconnected));
                _path.Decided(now);
                break;
            case ReplaceTunnel replace:
                _path.ReplaceFromElsewhere(replace.IdentityId, replace.TunnelId, replace.By, now);
                break;
            case AdoptModel adopt:
                Adopt(adopt, now);
                break;
            case DeliverAnswer delivery:
                _path.Deliver(delivery, now);
                break;
            case AttachHost attach:
                Attach(attach);
                break;
            case OpenEgress egress:
                _outbox.Host.IsEgressOpen = egress.IsOpen;
                _forwarder.BeyondFlowsMax = egress.FlowsMax;
                break;
            case DetachHost:
                CloseHost();
                break;
            default:
                throw new InvariantException($"a shard knows {command.GetType().Name}");
        }
    }

    /// <summary>The tunnel is gone that it was made for.</summary>
    private void Forget(NewChild child)
    {
        var sa = child.Sa;
        Spis.Return(sa.InboundSpi);
        sa.Free();
    }

    /// <summary>Every tunnel of the identity that is here; each may end meanwhile.</summary>
    private void ForAll(int identityId, Action<int> what)
    {
        for (var slot = _tunnels.OfIdentity(identityId); slot >= 0;)
        {
            var next = _tunnels[slot].NextOfIdentity;
            what(slot);
            slot = next;
        }
    }

    private void Open(in NewTunnel wanted, Instant now)
    {
        _path.Open(wanted, now);
        if (wanted.Kind == TunnelKind.OpenVpn)
        {
            _streams.Bind(wanted.Path, wanted.Slot);
        }

        // It was decided under a model that may have been replaced while the command was on its way.
        CloseUnlessValid(wanted.Slot, _model);
        if (wanted.GrantedBy != _model.Fleet && _model.Fleet.GainsRoutes(wanted.GrantedBy, wanted.IdentityId))
        {
            Reconfigure(wanted.Slot);
        }
    }

    private void Attach(AttachHost attach)
    {
        CloseHost();
        _outbox.Host.Attach(attach.Queue, attach.Handles);
        _epoll.Add(attach.Queue.Fd, Readiness.In, EpollToken.Host);
    }

    private void CloseHost()
    {
        if (_outbox.Host.Detach() is { } queue)
        {
            _epoll.Remove(queue.Fd);
            queue.Dispose();
        }
    }

    private void Adopt(AdoptModel adopt, Instant now)
    {
        _model = adopt.Model;
        _path.Decided(now);
        var cut = _forwarder.Adopt(adopt.Model.Fleet, now);
        var tunnelsCut = 0;
        if (adopt.Change.Everything)
        {
            for (var slot = 0; slot < _tunnels.End; slot++)
            {
                tunnelsCut += CloseUnlessValid(slot, adopt.Model);
            }
        }
        else
        {
            foreach (var identity in adopt.Change.Identities)
            {
                ForAll(identity, slot => tunnelsCut += CloseUnlessValid(slot, adopt.Model));
            }
        }

        foreach (var rerouted in adopt.Change.Rerouted)
        {
            Reconfigure(rerouted, adopt.Model);
        }

        foreach (var identity in adopt.Change.Gaining)
        {
            if (!IsRerouted(adopt.Change, adopt.Model.Fleet.Identity(identity)))
            {
                ForAll(identity, Reconfigure);
            }
        }

        adopt.Adoption.Done(_clock.ToWall(_clock.Now), _clock.ToWall(cut.LastPacketAt), tunnelsCut, cut.FlowsCut, _uplink);
    }

    private static bool IsRerouted(ModelChange change, Identity? identity) => identity is not null && change.Rerouted.Any(reroute => reroute.Concerns(identity));

    private int CloseUnlessValid(int slot, GatewayModel model)
    {
        if (!_tunnels.IsLive(slot))
        {
            return 0;
        }

        var end = TunnelValidity.Judge(_tunnels[slot], model);
        if (end == TunnelEnd.None)
        {
            return 0;
        }

        _path.Close(slot, end);
        return 1;
    }

    private void Reconfigure(Reroute reroute, GatewayModel model)
    {
        for (var slot = 0; slot < _tunnels.End; slot++)
        {
            ref var tunnel = ref _tunnels[slot];
            if (tunnel.IsLive && model.Fleet.Identity(tunnel.IdentityId) is { } identity && reroute.Concerns(identity))
            {
                _toReconfigure.Enqueue((slot, tunnel.Id));
            }
        }
    }

    private void Reconfigure(int slot)
    {
        if (_tunnels.IsLive(slot))
        {
            _toReconfigure.Enqueue((slot, _tunnels[slot].Id));
        }
    }

    private void HandleTimeouts(Instant now)
    {
        if (_forwarder.NextDeadline <= now)
        {
            _forwarder.HandleTimeout(now);
        }

        if (_acceptAgain <= now)
        {
            _acceptAgain = Instant.Never;
            _listeners.ForEach(one => _epoll.Modify(one.Fd, Readiness.In, EpollToken.Listener(_listeners.IndexOf(one))));
        }

        if (now < _nextTick)
        {
            return;
        }

        _nextTick = now + TickEvery;
        Sweep(now);
        if (_sweepPart % (SweepParts / FlowReportsPerSweep) == 0)
        {
            ReportFlows();
            _names.Log.Report(_uplink, now);
        }

        if (_sweepPart % (SweepParts / ReconsiderationsPerSweep) == 0)
        {
            _forwarder.Reconsider(now);
        }

        for (var i = 0; i < ReconfigurationsPerTick && _toReconfigure.TryDequeue(out var next); i++)
        {
            _path.AskToReconfigure(next.Slot, next.TunnelId);
        }
    }

    private void Sweep(Instant now)
    {
        var parts = (_tunnels.End + SweepParts - 1) / SweepParts;
        var end = Math.Min(_tunnels.End, (_sweepPart + 1) * parts);
        var reported = 0;
        for (var slot = _sweepPart * parts; slot < end; slot++)
        {
            _path.HandleTimeout(slot, now);
            if (TunnelReporter.TryTake(ref _tunnels[slot], now, out var counters))
            {
                if (_tunnels[slot].Kind == TunnelKind.Ipsec)
                {
                    _uplink.Put(counters.TunnelId, _saBuffer.AsSpan(0, _path.Describe(_tunnels[slot], _saBuffer)));
                }

                _counterBuffer[reported++] = counters;
                if (reported == ReportBuffer)
                {
                    _uplink.Put(_counterBuffer.AsSpan());
                    reported = 0;
                }
            }
        }

        if (reported > 0)
        {
            _uplink.Put(_counterBuffer.AsSpan(0, reported));
        }

        if (++_sweepPart == SweepParts)
        {
            _sweepPart = 0;
            _streams.HandleTimeout(now);
        }
    }

    private void ReportFlows()
    {
        while (_forwarder.TryDequeueUsedUp(out var used))
        {
            _uplink.Put(MeterStates.UsedUp(used, _forwarder.Model, _clock));
        }

        var count = 0;
        while (_forwarder.TryDequeueFlow(out _flowBuffer[count]))
        {
            if (++count == ReportBuffer)
            {
                _uplink.Put(_flowBuffer.AsSpan());
                count = 0;
            }
        }

        if (count > 0)
        {
            _uplink.Put(_flowBuffer.AsSpan(0, count));
        }
    }

    private void CloseOrphans()
    {
        while (_streams.OrphanedTunnels.TryDequeue(out var orphan))
        {
            var slot = orphan.Tunnel;
            if (_tunnels.IsLive(slot) && _tunnels[slot].Path == orphan.Path)
            {
                _path.Close(slot, TunnelEnd.ConnectionClosed);
            }
        }
    }

    private void SendNews()
    {
        while (_path.TryDequeueNotice(out var notice))
        {
            if (notice.Kind is TunnelNoticeKind.Opened or TunnelNoticeKind.Moved or TunnelNoticeKind.Ended)
            {
                _uplink.Put(notice);
            }

            if (notice.Kind == TunnelNoticeKind.Ended && notice.Path.IsStream)
            {
                _streams.Unbind(notice.Path, _clock.Now);
            }

            (notice.IsIpsec ? _ike : _handshakers)[notice.Handshaker].Put(notice);
        }

        foreach (var handshaker in _handshakers)
        {
            handshaker.Wake();
        }

        foreach (var ike in _ike)
        {
            ike.Wake();
        }
    }

    private void CloseAll(TunnelEnd end)
    {
        for (var slot = 0; slot < _tunnels.End; slot++)
        {
            if (_tunnels.IsLive(slot))
            {
                _path.Close(slot, end);
            }
            else if (_tunnels.IsGhost(slot))
            {
                _path.FreeGhost(slot);
            }
        }

        ReportFlows();
        _names.Log.Report(_uplink, _clock.Now, everything: true);
        SendNews();
    }
}
