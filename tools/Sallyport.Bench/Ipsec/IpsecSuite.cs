using System.Diagnostics;
using Sallyport.Bench.Measures;
using Sallyport.Bench.Stages;
using Sallyport.Bench.Streams;
using Sallyport.Simulator.Fleets;

namespace Sallyport.Bench.Ipsec;

/// <summary>
/// IKE and ESP: forwarding between two stock strongSwan initiators beside stock OpenVPN, what setting up an SA costs the responder, and
/// what it remembers of it. Nothing passes or fails here: it measures.
/// </summary>
internal sealed class IpsecSuite : IAsyncDisposable
{
    /// <summary>SAs that are there before memory and time are read for the first time.</summary>
    private const int FirstSas = 100;

    private const int WarmUpSeconds = 3;

    /// <summary>For what is put off: deletions of half-open state, events, late timers.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    private readonly BenchOptions options;
    private readonly Action<string> tell;
    private readonly Stage stage = new();

    private IpsecSuite(BenchOptions options, Action<string> tell)
    {
        this.options = options;
        this.tell = tell;
    }

    public static async Task<SuiteReport> Run(BenchOptions options, Action<string> tell)
    {
        await using var suite = new IpsecSuite(options, tell);
        return await suite.Measure();
    }

    public ValueTask DisposeAsync() => stage.DisposeAsync();

    private async Task<SuiteReport> Measure()
    {
        var report = new IpsecReport(options);
        var servers = new Dictionary<string, IIpsecServer>();
        try
        {
            foreach (var name in IpsecServers.Names)
            {
                tell($"starting {name}");
                servers.Add(name, await IpsecServers.Start(name, stage));
            }

            if (options.Measures("transfer"))
            {
                await Transfers(servers, report);
            }

            await Streams(servers, report);
            foreach (var (row, proof) in new[] { ("certificate", IkeProof.Certificate), ("psk", IkeProof.Psk) })
            {
                if (options.Measures(row))
                {
                    await SetUps(servers, proof, report);
                }
            }
        }
        finally
        {
            foreach (var server in servers.Values)
            {
                await server.DisposeAsync();
            }
        }

        return report.ToSuite();
    }

    private async Task Transfers(IReadOnlyDictionary<string, IIpsecServer> servers, IpsecReport report)
    {
        var lanes = new List<Lane>();
        try
        {
            lanes.Add(await Lane.OfOpenVpn(stage));
            foreach (var (name, server) in servers)
            {
                lanes.Add(await Lane.Of(name, server, stage, lanes.Count));
            }

            foreach (var lane in lanes)
            {
                tell($"warm-up, {lane.Name}: {(await lane.Transfer(WarmUpSeconds, options.Mbit)).Describe()}");
            }

            for (var round = 1; round <= options.Rounds; round++)
            {
                foreach (var lane in lanes)
                {
                    var made = await lane.Transfer(options.Seconds, options.Mbit);
                    report.Add(lane.Name, made);
                    tell($"round {round}, {lane.Name}: {made.Describe()}");
                }
            }
        }
        finally
        {
            foreach (var lane in lanes)
            {
                await lane.DisposeAsync();
            }
        }
    }

    /// <summary>From lean ends to lean ends, so that the servers are what is full: single packets, and runs of them that arrive coalesced.</summary>
    private async Task Streams(IReadOnlyDictionary<string, IIpsecServer> servers, IpsecReport report)
    {
        if (!options.Measures("lean") && !options.Measures("coalesced"))
        {
            return;
        }

        var stock = await stage.StartStock();
        var beside = await StationFleet.Board(stage, stock, 1, Lane.OpenVpn);
        foreach (var (row, make, coalesces) in new (string, Func<PacketStream>, bool)[] { ("lean", StreamKinds.Full, false), ("coalesced", StreamKinds.Coalesced, true) })
        {
            for (var round = 1; options.Measures(row) && round <= options.Rounds; round++)
            {
                Note(Lane.OpenVpn, await beside.Run(make(), senders: 1, options.Seconds, coalesces));
                foreach (var (name, server) in servers)
                {
                    using var stream = new LeanStream(stage.Load, server, coalesces);
                    Note(name, await stream.Run(make(), options.Seconds));
                }

                void Note(string server, StreamRound made)
                {
                    report.Add(server, row, made);
                    tell($"round {round}, {row}, {server}: {made.Describe()}");
                }
            }
        }

        await beside.Leave();
        await stage.Stop(stock);
    }

    private async Task SetUps(IReadOnlyDictionary<string, IIpsecServer> servers, IkeProof proof, IpsecReport report)
    {
        var callers = new Dictionary<string, IReadOnlyList<IkeCaller>>();
        foreach (var (name, server) in servers)
        {
            tell($"making {FirstSas + options.Clients} identities for {name}, each with a {proof}");
            callers.Add(name, await server.MakeCallers(proof, FirstSas + options.Clients));
        }

        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var (name, server) in servers)
            {
                var made = await SetUp(server, callers[name]);
                report.Add(name, proof, made);
                tell($"round {round}, {name}, {proof}: {made.Describe()}");
            }
        }
    }

    /// <summary>A fresh process: memory with the first and with all SAs, and the processor's time between the two.</summary>
    private async Task<SetUpRound> SetUp(IIpsecServer server, IReadOnlyList<IkeCaller> callers)
    {
        await server.Restart();
        using var crowd = await CallerCrowd.Start(stage.Load, callers, server.AuthorityPem);
        var before = await After(server, crowd, 0, FirstSas);
        var began = Stopwatch.GetTimestamp();
        var after = await After(server, crowd, FirstSas, options.Clients);
        var elapsed = Stopwatch.GetElapsedTime(began) - Settling;
        return new SetUpRound(options.Clients, after.CpuSeconds - before.CpuSeconds, elapsed.TotalSeconds, before.ResidentKib, after.ResidentKib);
    }

    private static async Task<(double CpuSeconds, long ResidentKib)> After(IIpsecServer server, CallerCrowd crowd, int first, int count)
    {
        await crowd.Call(first, count);
        await Task.Delay(Settling);
        var live = await server.CountSas();
        return live == first + count
            ? (ProcessMeter.CpuSeconds(server.ProcessId), ProcessMeter.ResidentKib(server.ProcessId))
            : throw new InvalidOperationException($"{live} SAs are live, not {first + count}");
    }
}
