using System.Text.Json;
using System.Threading.Channels;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sallyport.Api.Audit;
using Sallyport.Api.Events;
using Sallyport.Api.Nodes;
using Sallyport.Control.Audit;
using Sallyport.Control.Changes;
using Sallyport.Control.Dns;
using Sallyport.Control.Events;
using Sallyport.Control.Store;
using Sallyport.Control.Tunnels;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Flows;

/// <summary>
/// Takes what gateways report: tunnels into the registry, flows, questions for names and events into traffic.db, all of it to whoever listens.
/// One writer with a bounded queue; reports that find it full are dropped and counted, because a link must never wait for the disk.
/// </summary>
internal sealed partial class TrafficLog : BackgroundService
{
    private const int QueueMax = 512; // reports; a gateway sends a few a second
    private const int BatchMax = 64; // reports in one transaction

    private static readonly TimeSpan PruneEvery = TimeSpan.FromMinutes(1);

    private readonly Channel<Action<Batch>> queue = Channel.CreateBounded<Action<Batch>>(
        new BoundedChannelOptions(QueueMax) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true });

    private readonly Database database;
    private readonly ChangeFeed feed;
    private readonly TunnelRegistry tunnels;
    private readonly ControlOptions options;
    private readonly TimeProvider time;
    private readonly ILogger<TrafficLog> log;
    private long dropped;

    public TrafficLog(
        TrafficDatabase traffic, ChangeFeed feed, TunnelRegistry tunnels, Commands commands, ControlOptions options, TimeProvider time,
        ILogger<TrafficLog> log)
    {
        database = traffic.Database;
        this.feed = feed;
        this.tunnels = tunnels;
        this.options = options;
        this.time = time;
        this.log = log;
        tunnels.Restore(LastTunnels());
        commands.Audited += Audited;
    }

    public Broadcast<FlowRow> FlowBroadcast { get; } = new();

    public Broadcast<EventInfo> EventBroadcast { get; } = new();

    /// <summary>Reports that were thrown away because the disk could not follow.</summary>
    public long Dropped => Interlocked.Read(ref dropped);

    /// <summary>The number of one process of one gateway.</summary>
    public long RunOf(string gateway, string process) => database.Write(sql =>
    {
        sql.Execute(
            "INSERT INTO gateway_runs (gateway, process, first_seen) VALUES (@gateway, @process, @now) ON CONFLICT DO NOTHING",
            new { gateway, process, now = time.NowNanoseconds() });
        return sql.ExecuteScalar<long>("SELECT id FROM gateway_runs WHERE gateway = @gateway AND process = @process", new { gateway, process });
    });

    public void GatewayConnected(string gateway, long runId)
    {
        var ended = tunnels.Connected(gateway, runId);
        Enqueue(batch =>
        {
            // Flows of a process that is gone ended with it; nobody will report their end.
            batch.Sql.Execute(
                "UPDATE flows SET ended = 1 WHERE ended = 0 AND run_id IN (SELECT id FROM gateway_runs WHERE gateway = @gateway AND id <> @runId)",
                new { gateway, runId });
            foreach (var entry in ended)
            {
                SaveTunnel(batch.Sql, entry);
            }

            batch.Add(EventOf("gateway.connected", gateway));
        });
    }

    public void GatewayDisconnected(string gateway, long runId)
    {
        tunnels.Disconnected(gateway, runId);
        Enqueue(batch => batch.Add(EventOf("gateway.disconnected", gateway)));
    }

    /// <summary>The gateway reported what cannot be; the rest of its reports was taken.</summary>
    public void RecordsSkipped(string gateway, string detail)
    {
        LogRecordsSkipped(log, gateway, detail);
        Enqueue(batch => batch.Add(EventOf("gateway.records.skipped", gateway) with { Detail = detail }));
    }

    public void Tunnels(string gateway, long runId, IReadOnlyList<TunnelState> reported)
    {
        var turned = reported.Select(state => new TunnelEntry(gateway, runId, state)).Where(tunnels.Report).ToList();
        if (turned.Count == 0)
        {
            return;
        }

        Enqueue(batch =>
        {
            foreach (var entry in turned)
            {
                SaveTunnel(batch.Sql, entry);
                batch.Add(EventOf(entry));
            }
        });
    }

    public void Flows(string gateway, long runId, IReadOnlyList<FlowState> flows) => Enqueue(batch =>
    {
        var fleet = feed.State;
        foreach (var flow in flows)
        {
            var row = FlowRow.Of(flow, gateway, fleet);
            row.Id = row.Save(batch.Sql, runId, flow.FlowId);
            batch.Add(row);
        }
    });

    public void DnsQueries(string gateway, IReadOnlyList<DnsQueryState> queries) => Enqueue(batch =>
    {
        var fleet = feed.State;
        foreach (var query in queries)
        {
            DnsQueryRow.Of(query, gateway, fleet).Insert(batch.Sql);
        }
    });

    /// <summary>Sums; a later one of the same period replaces one before it, and a smaller one of it never a greater.</summary>
    public void Meters(string gateway, IReadOnlyList<MeterState> meters) => Enqueue(batch =>
    {
        foreach (var meter in meters)
        {
            batch.Sql.Execute(
                """
                INSERT INTO meters (gateway, kind, id, period, bytes) VALUES (@gateway, @Kind, @Id, @Period, @Bytes)
                ON CONFLICT (gateway, kind, id) DO UPDATE SET period = excluded.period, bytes = excluded.bytes
                    WHERE excluded.period > period OR (excluded.period = period AND excluded.bytes > bytes)
                """,
                new { gateway, meter.Kind, meter.Id, meter.Period, meter.Bytes });
        }
    });

    public void Events(string gateway, IReadOnlyList<GatewayEvent> events) => Enqueue(batch =>
    {
        foreach (var happened in events)
        {
            var (subject, network) = SubjectOf(happened.IdentityId);
            batch.Add(new EventInfo
            {
                Id = 0,
                At = UnixTime.ToTime(happened.At),
                Kind = Printable(happened.Kind),
                Source = gateway,
                Subject = subject,
                Network = network,
                OuterAddress = happened.OuterAddress.Length == 0 ? null : Printable(happened.OuterAddress),
                Detail = Printable(happened.Detail),
            });
        }
    });

    public IReadOnlyList<FlowRow> ListFlows(FlowFilter filter, long before, int limit) =>
        database.Read(sql => FlowRow.List(sql, filter, before, limit));

    public IReadOnlyList<DnsQueryRow> ListDnsQueries(int? identityId, int? networkId, long before, int limit) =>
        database.Read(sql => DnsQueryRow.List(sql, identityId, networkId, before, limit));

    public IReadOnlyList<GuestUse> ListGuestUses(int networkId, string address, int? port, long by) =>
        database.Read(sql => GuestUse.List(sql, networkId, address, port, by));

    public FlowRow? FindFlowOfGuest(int networkId, string address, int? port, long by, GuestUse use) =>
        database.Read(sql => FlowRow.OfGuest(sql, networkId, address, port, by, use));

    public FlowRow? FindFlow(long id) => database.Read(sql => FlowRow.Find(sql, id));

    public IReadOnlyList<EventInfo> ListEvents(string? kind, long before, int limit) => database.Read(sql => EventRow.List(sql, kind, before, limit));

    public long CountFlows() => database.Read(sql => sql.ExecuteScalar<long>("SELECT count(*) FROM flows"));

    /// <summary>For tests: everything reported so far is stored when it returns.</summary>
    internal async Task FlushAsync()
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await queue.Writer.WriteAsync(batch => batch.Committed.Add(done.SetResult));
        await done.Task;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var nextPrune = time.GetUtcNow();
        var reader = queue.Reader;
        try
        {
            while (await reader.WaitToReadAsync(stoppingToken))
            {
                WriteBatch(reader);
                if (time.GetUtcNow() >= nextPrune)
                {
                    Prune();
                    nextPrune = time.GetUtcNow() + PruneEvery;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // What is in the queue was reported: it is stored before the end.
            while (reader.TryPeek(out _))
            {
                WriteBatch(reader);
            }
        }
    }

    internal void Prune() => database.Write(sql =>
    {
        var before = (time.GetUtcNow() - options.FlowAge).ToUnixNanoseconds();
        // Ids are given in order, so the count is kept by id; a scan for each insert would be the alternative.
        var flows = sql.Execute(
            "DELETE FROM flows WHERE last_seen < @before OR id <= (SELECT max(id) FROM flows) - @FlowsKept", new { before, options.FlowsKept });
        sql.Execute("DELETE FROM events WHERE at < @before OR id <= (SELECT max(id) FROM events) - @EventsKept", new { before, options.EventsKept });
        sql.Execute(
            "DELETE FROM dns_queries WHERE last_at < @before OR id <= (SELECT max(id) FROM dns_queries) - @FlowsKept", new { before, options.FlowsKept });
        sql.Execute("DELETE FROM tunnels WHERE last_seen < @before", new { before });
        return flows;
    });

    private void WriteBatch(ChannelReader<Action<Batch>> reader)
    {
        try
        {
            var batch = database.Write(sql =>
            {
                var made = new Batch(sql);
                for (var i = 0; i < BatchMax && reader.TryRead(out var write); i++)
                {
                    write(made);
                }

                made.SaveEvents();
                return made;
            });
            foreach (var flow in batch.Flows)
            {
                FlowBroadcast.Send(flow);
            }

            foreach (var happened in batch.Events)
            {
                EventBroadcast.Send(happened);
            }

            batch.Committed.ForEach(done => done());
        }
        catch (SqliteException e)
        {
            // A full disk must not end the process: flows are lost and counted, decisions go on.
            Interlocked.Increment(ref dropped);
            LogNotStored(log, e.Message);
        }
    }

    private void Enqueue(Action<Batch> write)
    {
        if (!queue.Writer.TryWrite(write) && Interlocked.Increment(ref dropped) == 1)
        {
            LogFallingBehind(log);
        }
    }

    private void Audited(AuditRecord record)
    {
        if (record.Action == AuditChain.BrokenAction)
        {
            LogBrokenTrail(log, record.Detail);
        }

        Enqueue(batch => batch.Add(new EventInfo
        {
            Id = 0,
            At = UnixTime.ToTime(record.At),
            Kind = record.Action,
            Source = "control",
            Subject = record.Subject,
            Detail = $"{AuditSentence.Of(record)} (by {record.Actor})",
        }));
    }

    private EventInfo EventOf(string kind, string gateway) =>
        new() { Id = 0, At = time.GetUtcNow(), Kind = kind, Source = gateway, Detail = "" };

    private EventInfo EventOf(TunnelEntry entry)
    {
        var state = entry.State;
        var (subject, network) = SubjectOf(state.IdentityId);
        return new EventInfo
        {
            Id = 0,
            At = state.Up ? UnixTime.ToTime(state.Since) : time.GetUtcNow(),
            Kind = state.Up ? "tunnel.up" : "tunnel.down",
            Source = entry.Gateway,
            Subject = subject,
            Network = network,
            OuterAddress = Printable(state.OuterAddress),
            Detail = Printable((state.Up ? $"{state.Protocol} {state.Cipher} {state.Tls}" : state.EndReason) + (state.Uplink > 1 ? $", uplink {state.Uplink}" : "")),
        };
    }

    private (string? Subject, string? Network) SubjectOf(int identityId)
    {
        var fleet = feed.State;
        return fleet.Identities.TryGetValue(identityId, out var identity)
            ? ($"{identity.Kind}:{identity.Name}", fleet.Networks.GetValueOrDefault(identity.NetworkId)?.Name)
            : (null, null);
    }

    private static void SaveTunnel(SqliteConnection sql, TunnelEntry entry) => sql.Execute(
        """
        INSERT INTO tunnels (run_id, tunnel_id, identity_id, state, since, last_seen) VALUES (@RunId, @TunnelId, @IdentityId, @json, @Since, @LastSeen)
        ON CONFLICT (run_id, tunnel_id) DO UPDATE SET state = excluded.state, last_seen = excluded.last_seen
        """,
        new
        {
            entry.RunId,
            entry.State.TunnelId,
            entry.State.IdentityId,
            json = JsonSerializer.Serialize(entry.State, NodeJson.Default.TunnelState),
            entry.State.Since,
            entry.State.LastSeen,
        });

    private IReadOnlyList<TunnelEntry> LastTunnels() => database.Read<IReadOnlyList<TunnelEntry>>(sql =>
    [
        .. sql.Query<TunnelRow>(
            """
            SELECT r.gateway, t.run_id AS RunId, t.state, max(t.since) AS Since
            FROM tunnels t JOIN gateway_runs r ON r.id = t.run_id GROUP BY t.identity_id
            """)
            .Select(row => new TunnelEntry(row.Gateway, row.RunId, JsonSerializer.Deserialize(row.State, NodeJson.Default.TunnelState)!)),
    ]);

    private static string Printable(string text) => PlainText.Clean(text);

    [LoggerMessage(2201, LogLevel.Error, "Reports of gateways could not be stored: {Why}")]
    private static partial void LogNotStored(ILogger logger, string why);

    [LoggerMessage(2202, LogLevel.Warning, "Gateways report faster than the disk takes it; reports are dropped and counted in sallyport_reports_dropped_total")]
    private static partial void LogFallingBehind(ILogger logger);

    [LoggerMessage(2203, LogLevel.Error, "The audit trail is not as it was left: {Detail}")]
    private static partial void LogBrokenTrail(ILogger logger, string detail);

    [LoggerMessage(2204, LogLevel.Error, "Gateway {Gateway}: {Detail}")]
    private static partial void LogRecordsSkipped(ILogger logger, string gateway, string detail);

    /// <summary>Reports that are stored in one transaction, and what listeners are told when it is committed.</summary>
    private sealed class Batch(SqliteConnection sql)
    {
        private readonly List<EventInfo> unsaved = [];

        public SqliteConnection Sql { get; } = sql;

        public List<FlowRow> Flows { get; } = [];

        public List<EventInfo> Events { get; } = [];

        public List<Action> Committed { get; } = [];

        public void Add(FlowRow flow) => Flows.Add(flow);

        public void Add(EventInfo happened) => unsaved.Add(happened);

        public void SaveEvents() => Events.AddRange(unsaved.Select(happened => happened with { Id = EventRow.Save(Sql, happened) }));
    }

    private sealed class TunnelRow
    {
        public string Gateway { get; init; } = "";

        public long RunId { get; init; }

        public string State { get; init; } = "";

        public long Since { get; init; }
    }
}

/// <summary>traffic.db, told apart from sallyport.db by its type.</summary>
internal sealed record TrafficDatabase(Database Database);
