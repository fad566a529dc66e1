using System.Diagnostics;
using Sallyport.Bench.Measures;
using Sallyport.Bench.Stages;
using Sallyport.Bench.Streams;
using Sallyport.Simulator.Fleets;

namespace Sallyport.Bench.Idle;

/// <summary>
/// Many devices that do nothing but keep alive, and one among them that asks: memory, processor at rest, latency, and pauses of the
/// garbage collector. One long look instead of rounds: <c>--seconds</c> of it.
/// </summary>
internal static class IdleSuite
{
    private const int UsualDevices = 10_000;

    /// <summary>Connected before memory is read for the first time: they bring in code and pools.</summary>
    public const int FirstDevices = 100;

    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan TlsLinger = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(20);

    public static async Task<SuiteReport> Run(BenchOptions options, Action<string> tell)
    {
        using var watch = new GcWatch();
        await using var stage = new Stage();
        var ours = await stage.StartOurs(watch.Settings);
        var count = options.Devices ?? UsualDevices;
        tell($"making {count} identities");
        var began = Stopwatch.GetTimestamp();
        var station = await ours.MakeStation(count + 1);
        tell($"made in {Stopwatch.GetElapsedTime(began).TotalSeconds:0} s");

        // A gateway that is told of every device one by one keeps memory for that; what counts is what it needs for tunnels.
        await ours.Restart();
        var probing = await Probing.Board(stage, station.Devices.Take(1), station.Sink, station.Target);
        var first = await stage.NewFleet(station.Devices.Skip(1).Take(FirstDevices), new FleetOptions { FreesTlsAfter = TlsLinger });
        Stage.Complete(await first.Connect(0, FirstDevices, Stage.Width), "first devices");
        await Task.Delay(Settling);
        var before = ProcessMeter.ResidentKib(ours.ProcessId);
        using var crowd = new Crowd(stage, [.. station.Devices.Skip(1 + FirstDevices)]);
        foreach (var wave in await crowd.Connected(Patience))
        {
            tell(wave);
        }

        await Task.Delay(Settling);
        var after = ProcessMeter.ResidentKib(ours.ProcessId);
        tell($"{before} KiB with {FirstDevices} devices, {after} with {count}");

        var (cpu, looked) = (ProcessMeter.CpuSeconds(ours.ProcessId), Stopwatch.GetTimestamp());
        var ((roundTrip, unanswered), gc) = (await probing.During(TimeSpan.FromSeconds(options.Seconds)), watch.Read(ours.ProcessId));
        cpu = (ProcessMeter.CpuSeconds(ours.ProcessId) - cpu) / Stopwatch.GetElapsedTime(looked).TotalSeconds;
        return new SuiteReport("idle", options with { Rounds = 1 })
            .Add("devices", "devices", "0", count)
            .Add("devices_online", "  online in the end", "0", await first.CountOnline() + await crowd.CountOnline())
            .Add("rss_kib", "resident memory of the gateway, KiB", "0", after)
            .Add("kib_per_device", "  growth for each device, KiB", "0.0", (double)(after - before) / (count - FirstDevices))
            .Add("cpu_percent_at_rest", "processor at rest with keepalives and one that asks, % of one core", "0.0", cpu * 100)
            .Add("round_trip_p50_ms", "round trip of an active device among them, p50, ms", "0.000", roundTrip.Percentile(50).TotalMilliseconds)
            .Add("round_trip_p99_ms", "  p99", "0.000", roundTrip.Percentile(99).TotalMilliseconds)
            .Add("unanswered_percent", "  questions without an answer, %", "0.000", unanswered)
            .Add("gc_collections", "collections of the gateway since its start", "0", gc.Collections)
            .Add("gc_longest_pause_ms", "  longest pause, ms", "0.0", gc.LongestMilliseconds)
            .Add("simulator_kib", "resident memory of the simulated crowd, KiB", "0", crowd.ResidentKib);
    }
}
