using System.Diagnostics;
using Sallyport.Bench.Measures;
using Sallyport.Bench.Stages;
using Sallyport.Bench.Streams;
using Sallyport.Simulator.Fleets;

namespace Sallyport.Bench.Storm;

/// <summary>
/// A fleet that reconnects at once after the gateway was killed, and a few devices that came back first and go on working meanwhile.
/// Ours alone: the target is a time.
/// </summary>
internal static class StormSuite
{
    private const int UsualDevices = 10_000;
    private const int Probes = 10;

    /// <summary>The simulated devices stand back: in life they have processors of their own.</summary>
    private const int Niceness = 10;

    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public static async Task<SuiteReport> Run(BenchOptions options, Action<string> tell)
    {
        await using var stage = new Stage();
        using var watch = new GcWatch();
        var ours = await stage.StartOurs(watch.Settings);
        var count = options.Devices ?? UsualDevices;
        tell($"making {count} identities");
        var station = await ours.MakeStation(count + Probes);
        var probing = await Probing.Board(stage, station.Devices.Take(Probes), station.Sink, station.Target);
        var fleet = await stage.NewFleet(
            station.Devices.Skip(Probes), new FleetOptions { Reconnects = true, Niceness = Niceness, FreesTlsAfter = TimeSpan.FromSeconds(10) });
        var connected = await fleet.Connect(0, count, Stage.Width);
        tell($"{connected.Describe()} in {connected.Elapsed.TotalSeconds:0.0} s");
        var rounds = new List<StormRound>();
        for (var round = 1; round <= options.Rounds; round++)
        {
            rounds.Add(await Round(ours, fleet, probing, watch));
            tell($"round {round}: {rounds[^1].Describe()}");
        }

        return new SuiteReport("storm", options)
            .Add("devices", "devices", "0", count)
            .Add("devices_back", "  back", "0", rounds.Select(one => (double)one.Back))
            .Add("all_back_seconds", "seconds from kill -9 until all are back", "0.0", rounds.Select(one => one.SecondsFromKill))
            .Add("all_back_seconds_from_ready", "  from the new gateway's readiness", "0.0", rounds.Select(one => one.SecondsFromReady))
            .Add("reconnect_p50_ms", "one device's reconnection, p50, ms", "0", rounds.Select(one => one.ReconnectP50))
            .Add("reconnect_p99_ms", "  p99", "0", rounds.Select(one => one.ReconnectP99))
            .Add("timed_out_attempts", "attempts that came to nothing", "0", rounds.Select(one => (double)one.FailedAttempts))
            .Add("calm_p99_ms", "round trip of connected devices before, p99, ms", "0.000", rounds.Select(one => one.CalmP99))
            .Add("storm_p99_ms", "  during the storm", "0.000", rounds.Select(one => one.StormP99))
            .Add("added_p99_ms", "  added", "0.000", rounds.Select(one => one.StormP99 - one.CalmP99))
            .Add("storm_unanswered_percent", "  questions without an answer, %", "0.000", rounds.Select(one => one.UnansweredPercent))
            .Add("gc_longest_pause_ms", "longest collection of the gateway in it, ms", "0.0", rounds.Select(one => one.Collections.LongestMilliseconds))
            .Add("gc_total_ms", "  all together", "0.0", rounds.Select(one => one.Collections.TotalMilliseconds))
            .Add("gateway_cpu_seconds", "CPU-seconds of the gateway in the storm", "0.0", rounds.Select(one => one.CpuSeconds));
    }

    private static async Task<StormRound> Round(OurServer server, Fleet fleet, Probing probing, GcWatch watch)
    {
        var (calm, _) = await probing.During(Calm);
        var killed = Stopwatch.GetTimestamp();
        await server.Restart();
        var ready = Stopwatch.GetTimestamp();

        // Those that the rest is measured by come first, as some always do.
        await probing.Connect();
        var cpu = ProcessMeter.CpuSeconds(server.ProcessId);
        await probing.Begin();
        using var patience = new CancellationTokenSource(Patience);
        var wave = await fleet.Connect(0, fleet.Count, fleet.Count, patience.Token);
        var back = Stopwatch.GetTimestamp();
        var (storm, unanswered) = await probing.End();
        return new StormRound(
            wave.Connected,
            wave.Failed,
            Stopwatch.GetElapsedTime(killed, back).TotalSeconds,
            Stopwatch.GetElapsedTime(ready, back).TotalSeconds,
            wave.Median.TotalMilliseconds,
            wave.Percentile99.TotalMilliseconds,
            calm.Percentile(99).TotalMilliseconds,
            storm.Percentile(99).TotalMilliseconds,
            unanswered,
            ProcessMeter.CpuSeconds(server.ProcessId) - cpu,
            watch.Read(server.ProcessId));
    }
}
