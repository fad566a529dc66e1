using Sallyport.Api.Nodes;
using Sallyport.Core.Esp;
using Sallyport.Core.Flows;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Dns;
using Sallyport.DataPlane.Handshakes;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Nodes;

/// <summary>
/// What the gateway wants control to know, gathered from every thread and kept, bounded, while control is away. Packet threads only
/// copy structs in under a lock; texts are made by whoever takes.
/// </summary>
internal sealed class Uplink
{
    /// <summary>Records in one frame: some 400 KB of JSON.</summary>
    private const int RecordsPerFrame = 1000;

    /// <summary>Flows kept while control is away, about 150 MB at worst; newer ones push out the oldest that have ended.</summary>
    private const int FlowsMax = 262_144;

    private const int EventsMax = 4096;

    /// <summary>Different questions for names kept while control is away, some 300 bytes each.</summary>
    private const int QueriesMax = 65_536;

    /// <summary>Frames that a broken link gave back.</summary>
    private const int UnsentMax = 1024;

    /// <summary>Frames that were written may not have been read when control died: flows and schedules of the last moments are sent again.</summary>
    private static readonly TimeSpan ResendOf = TimeSpan.FromSeconds(5);

    private readonly Clock _clock;
    private readonly Lock _lock = new();
    private readonly Doorbell _news = new();
    private readonly Dictionary<long, TunnelRecord> _tunnels = [];
    private readonly HashSet<long> _changedTunnels = [];
    private readonly Queue<GatewayEvent> _events = new();
    private readonly Queue<Acknowledge> _acknowledgements = new();
    private readonly Queue<ScheduleReport> _schedules = new();
    private readonly Queue<(Instant At, NodeMessage Report)> _sent = new();
    private readonly Queue<NodeMessage> _unsent = new();
    private Dictionary<long, FlowRecord> _flows = [];
    private Dictionary<QueryKey, QueryRecord> _queries = [];
    private long _lostFlows;
    private long _lostEvents;
    private long _lostQueries;

    public Uplink(Clock clock) => _clock = clock;

    /// <summary>A tunnel that is about to open.</summary>
    public void Announce(TunnelDescription description)
    {
        lock (_lock)
        {
            _tunnels[description.TunnelId] = new TunnelRecord(description);
        }
    }

    /// <summary>An announced tunnel that came to nothing.</summary>
    public void Withdraw(long tunnelId)
    {
        lock (_lock)
        {
            _tunnels.Remove(tunnelId);
        }
    }

    public void CountRenegotiation(long tunnelId)
    {
        lock (_lock)
        {
            if (_tunnels.TryGetValue(tunnelId, out var tunnel))
            {
                tunnel.Renegotiations++;
                _changedTunnels.Add(tunnelId);
            }
        }
    }

    public void Put(in TunnelNotice notice)
    {
        lock (_lock)
        {
            if (!_tunnels.TryGetValue(notice.TunnelId, out var tunnel))
            {
                return;
            }

            tunnel.Path = notice.Path;
            tunnel.Counters = notice.Counters;
            tunnel.IsOpen = true;
            tunnel.End = notice.End;
            _changedTunnels.Add(notice.TunnelId);
        }
    }

    /// <summary>All CHILD_SAs of a tunnel; its counters follow.</summary>
    public void Put(long tunnelId, ReadOnlySpan<SaSnapshot> sas)
    {
        lock (_lock)
        {
            if (_tunnels.TryGetValue(tunnelId, out var tunnel))
            {
                tunnel.Sas.Clear();
                tunnel.Sas.AddRange(sas);
            }
        }
    }

    /// <summary>The IKE SA of a tunnel that was announced.</summary>
    public void Put(long tunnelId, IkeDescription ike)
    {
        lock (_lock)
        {
            if (_tunnels.TryGetValue(tunnelId, out var tunnel))
            {
                tunnel.Ike = ike;
                _changedTunnels.Add(tunnelId);
            }
        }
    }

    /// <summary>When the peer of a tunnel was last heard of by IKE, where its packets do not say so: it lives, whatever it sends.</summary>
    public void Heard(long tunnelId, Instant at)
    {
        lock (_lock)
        {
            if (_tunnels.TryGetValue(tunnelId, out var tunnel) && at > tunnel.HeardByIke)
            {
                tunnel.HeardByIke = at;
                _changedTunnels.Add(tunnelId);
            }
        }
    }

    public void Put(ReadOnlySpan<TunnelCounters> counters)
    {
        lock (_lock)
        {
            foreach (var one in counters)
            {
                if (_tunnels.TryGetValue(one.TunnelId, out var tunnel))
                {
                    tunnel.Counters = one;
                    _changedTunnels.Add(one.TunnelId);
                }
            }
        }
    }

    /// <summary>A later record of a flow replaces an earlier one that was not sent yet.</summary>
    public void Put(ReadOnlySpan<FlowRecord> flows)
    {
        lock (_lock)
        {
            foreach (ref readonly var flow in flows)
            {
                if (_flows.Count < FlowsMax || _flows.ContainsKey(flow.FlowId))
                {
                    _flows[flow.FlowId] = flow;
                }
                else
                {
                    _lostFlows++;
                }
            }
        }
    }

    /// <summary>The same question as one that was not sent yet is counted with it.</summary>
    /// <param name="lost">Further ones, of which nothing but the number is known.</param>
    public void Put(IReadOnlyCollection<QueryRecord> queries, long lost)
    {
        lock (_lock)
        {
            _lostQueries += lost;
            foreach (var query in queries)
            {
                if (_queries.TryGetValue(query.Key, out var known))
                {
                    _queries[query.Key] = known.With(query);
                }
                else if (_queries.Count < QueriesMax)
                {
                    _queries.Add(query.Key, query);
                }
                else
                {
                    _lostQueries += query.Count;
                }
            }
        }
    }

    /// <summary>
    /// Leaves with the next look, in a tenth of a second: mostly said by handshake threads, which stand back for others. A thread that the pool
    /// made at their call would stand back for ever after.
    /// </summary>
    public void Put(GatewayEvent happened)
    {
        lock (_lock)
        {
            if (_events.Count >= EventsMax)
            {
                _events.Dequeue();
                _lostEvents++;
            }

            _events.Enqueue(happened with { Detail = PeerText.Cut(happened.Detail, PeerText.DetailMax) });
        }
    }

    public void Put(Acknowledge acknowledgement)
    {
        lock (_lock)
        {
            _acknowledgements.Enqueue(acknowledgement);
        }

        _news.Ring();
    }

    /// <summary>Kept while control is away: it goes to the audit trail.</summary>
    public void Put(ScheduleReport report)
    {
        lock (_lock)
        {
            if (_schedules.Count >= EventsMax)
            {
                _schedules.Dequeue();
                _lostEvents++;
            }

            _schedules.Enqueue(report);
        }

        _news.Ring();
    }

    /// <summary>Until there is news that should not wait, or the time is over.</summary>
    public ValueTask WaitAsync(TimeSpan atMost, CancellationToken cancel) => _news.WaitAsync(atMost, cancel);

    /// <summary>Control is there again: it hears of every live tunnel, and of the last flows once more.</summary>
    public void Resync()
    {
        lock (_lock)
        {
            // Acknowledgements were for a model version of the connection before; the new snapshot gets its own.
            _acknowledgements.Clear();
            foreach (var (id, tunnel) in _tunnels)
            {
                if (tunnel.IsOpen)
                {
                    _changedTunnels.Add(id);
                }
            }
        }
    }

    /// <summary>What was sent in the last moments before the link broke, and what it gave back. To be sent before anything newer.</summary>
    public List<NodeMessage> TakeAgain()
    {
        lock (_lock)
        {
            ForgetSent(_clock.Now);
            List<NodeMessage> again = [.. _sent.Select(sent => sent.Report), .. TakeUnsent()];
            _sent.Clear();
            return again;
        }
    }

    public List<NodeMessage> TakeUnsent()
    {
        lock (_lock)
        {
            List<NodeMessage> unsent = [.. _unsent];
            _unsent.Clear();
            return unsent;
        }
    }

    /// <summary>These could not be sent. An acknowledgement is worth nothing on another connection, and sums are told again.</summary>
    public void PutBack(IEnumerable<NodeMessage> messages)
    {
        lock (_lock)
        {
            foreach (var message in messages.Where(message => message is not (Acknowledge or DropReport or MeterReport)))
            {
                if (_unsent.Count < UnsentMax)
                {
                    _unsent.Enqueue(message);
                }
                else
                {
                    _lostEvents++;
                }
            }
        }
    }

    /// <summary>Everything there is to say now, in frames of bounded size; acknowledgements first, since somebody waits for them.</summary>
    public List<NodeMessage> Take()
    {
        var messages = new List<NodeMessage>();
        List<TunnelState> tunnels = [];
        Dictionary<long, FlowRecord> flows;
        List<GatewayEvent> events = [];
        Dictionary<QueryKey, QueryRecord> queries;
        lock (_lock)
        {
            messages.AddRange(_acknowledgements);
            _acknowledgements.Clear();
            messages.AddRange(_schedules);
            _schedules.Clear();
            foreach (var id in _changedTunnels)
            {
                if (_tunnels.TryGetValue(id, out var tunnel) && tunnel.IsOpen)
                {
                    tunnels.Add(State(tunnel));
                    if (tunnel.End != TunnelEnd.None)
                    {
                        _tunnels.Remove(id);
                    }
                }
            }

            _changedTunnels.Clear();
            flows = _flows;
            _flows = [];
            queries = _queries;
            _queries = queries.Count > 0 ? [] : queries;
            events.AddRange(_events);
            _events.Clear();
            TakeLosses(events);
        }

        messages.AddRange(tunnels.Chunk(RecordsPerFrame).Select(chunk => new TunnelReport(chunk)));
        messages.AddRange(events.Chunk(RecordsPerFrame).Select(chunk => new EventReport(chunk)));
        foreach (var chunk in flows.Values.OrderBy(flow => flow.FlowId).Chunk(RecordsPerFrame))
        {
            messages.Add(new FlowReport([.. chunk.Select(flow => FlowStates.Of(flow, _clock))]));
        }

        messages.AddRange(queries.Values.OrderBy(query => query.Last).Chunk(RecordsPerFrame)
            .Select(chunk => new DnsReport([.. chunk.Select(query => query.ToState(_clock))])));
        return messages;
    }

    public void HasSent(NodeMessage message)
    {
        if (message is FlowReport or ScheduleReport)
        {
            lock (_lock)
            {
                var now = _clock.Now;
                ForgetSent(now);
                _sent.Enqueue((now, message));
            }
        }
    }

    private void ForgetSent(Instant now)
    {
        while (_sent.TryPeek(out var oldest) && now - oldest.At > ResendOf)
        {
            _sent.Dequeue();
        }
    }

    private void TakeLosses(List<GatewayEvent> events)
    {
        if (_lostFlows + _lostEvents + _lostQueries == 0)
        {
            return;
        }

        events.Add(new GatewayEvent(
            "reports.lost", _clock.ToWall(_clock.Now), 0, "",
            $"{_lostFlows} flow records, {_lostEvents} events and {_lostQueries} questions for names were lost: control was away, or there were too many."));
        _lostFlows = _lostEvents = _lostQueries = 0;
    }

    private TunnelState State(TunnelRecord tunnel) => new()
    {
        TunnelId = tunnel.Description.TunnelId,
        IdentityId = tunnel.Description.IdentityId,
        Up = tunnel.End == TunnelEnd.None,
        Protocol = tunnel.Description.Protocol,
        OuterAddress = tunnel.Path.ToString(),
        Cipher = tunnel.Sas.Count == 0 ? tunnel.Description.Cipher : tunnel.Sas.Select(sa => sa.Suite.TunnelCipher()).Aggregate(EspCiphers.Weaker).Word(),
        Tls = tunnel.Description.Tls,
        Wrapping = tunnel.Description.Wrapping,
        ClientVersion = tunnel.Description.ClientVersion,
        ClientPlatform = tunnel.Description.ClientPlatform,
        Uplink = tunnel.Description.Uplink,
        Since = tunnel.Description.Since,
        LastSeen = _clock.ToWall(Instant.Max(new Instant(tunnel.Counters.LastSeen), tunnel.HeardByIke)),
        BytesIn = tunnel.Counters.BytesIn,
        BytesOut = tunnel.Counters.BytesOut,
        PacketsIn = tunnel.Counters.PacketsIn,
        PacketsOut = tunnel.Counters.PacketsOut,
        Renegotiations = tunnel.Renegotiations,
        EndReason = tunnel.End.Text(),
        Sas = [.. tunnel.Sas.Select(State)],
        Ike = tunnel.Ike is { } ike ? State(ike) : null,
    };

    private IkeState State(IkeDescription ike) => new()
    {
        InitiatorSpi = ike.Spis.Initiator,
        ResponderSpi = ike.Spis.Responder,
        ByGateway = ike.Spis.WeBegan,
        Suite = ike.Suite,
        Since = _clock.ToWall(ike.Since),
        Rekeys = ike.Rekeys,
        HasChildren = ike.HasChildren,
    };

    private SaState State(SaSnapshot sa) => new()
    {
        InboundSpi = sa.InboundSpi,
        OutboundSpi = sa.OutboundSpi,
        Suite = sa.Suite.ToString(),
        Mode = sa.Mode == EspMode.Tunnel ? "tunnel" : "transport",
        Sends = sa.IsUsed,
        Local = [.. Texts(sa.Selectors.Local)],
        Remote = [.. Texts(sa.Selectors.Remote)],
        Since = _clock.ToWall(sa.Since),
        Rekeys = sa.Rekeys,
        BytesIn = (long)sa.BytesIn,
        BytesOut = (long)sa.BytesOut,
        PacketsIn = (long)sa.PacketsIn,
        PacketsOut = (long)sa.PacketsOut,
        BadTags = (long)sa.BadTags,
        Replays = (long)sa.Replays,
    };

    private static IEnumerable<string> Texts(ReadOnlySpan<TrafficSelector> selectors) => selectors.ToArray().Select(selector => selector.ToString());

    private sealed class TunnelRecord(TunnelDescription description)
    {
        public TunnelDescription Description { get; } = description;

        /// <summary>The shard has it.</summary>
        public bool IsOpen { get; set; }

        public OuterPath Path { get; set; }

        public TunnelCounters Counters { get; set; }

        public List<SaSnapshot> Sas { get; } = [];

        public IkeDescription? Ike { get; set; }

        public Instant HeardByIke { get; set; }

        public int Renegotiations { get; set; }

        public TunnelEnd End { get; set; }
    }
}
