using Sallyport.Bench.Measures;
using Sallyport.Bench.Stages;
using Sallyport.Bench.Streams;

namespace Sallyport.Bench.Cores;

/// <summary>CPU per packet of a gateway with one and with two threads for packets, in turns.</summary>
internal static class CoresSuite
{
    private const int Devices = 200;

    private const string Setting = "SALLYPORT_GATEWAY_PACKET_THREADS";

    public static async Task<SuiteReport> Run(BenchOptions options, Action<string> tell)
    {
        var report = new SuiteReport("cores", options);
        var (one, two) = (new List<StreamRound>(), new List<StreamRound>());
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var (threads, rounds) in new[] { (1, one), (2, two) })
            {
                await using var stage = new Stage();
                var ours = await stage.StartOurs(new Dictionary<string, string> { [Setting] = $"{threads}" });
                if (PacketThreads(ours.ProcessId) != threads)
                {
                    return report.Skip($"the gateway runs {PacketThreads(ours.ProcessId)} packet threads where {Setting} asks for {threads}");
                }

                var fleet = await StationFleet.Board(stage, ours, options.Devices ?? Devices, "ours");
                rounds.Add(await fleet.Run(StreamKinds.SmallFlooded(), options.Devices ?? Devices, options.Seconds));
                tell($"round {round}, {threads} packet threads: {rounds[^1].Describe()}");
            }
        }

        return report
            .Add("cpu_per_packet_ratio", "CPU per packet, two threads / one", "0.00", Median.Of(two.Select(Cost)) / Median.Of(one.Select(Cost)))
            .Add("cpu_microseconds_per_packet", "  with one, µs", "0.00", one.Select(Cost))
            .Add("cpu_microseconds_per_packet_two_threads", "  with two, µs", "0.00", two.Select(Cost))
            .Add("packets_per_second", "packets per second with one", "0", one.Select(each => each.PacketsPerSecond))
            .Add("packets_per_second_two_threads", "  with two (the load has the same cores)", "0", two.Select(each => each.PacketsPerSecond));
    }

    private static double Cost(StreamRound round) => round.CpuMicrosecondsPerPacket;

    /// <summary>Threads carry their names.</summary>
    private static int PacketThreads(int processId) => Directory.EnumerateDirectories($"/proc/{processId}/task")
        .Count(task => File.ReadAllText(Path.Combine(task, "comm")).StartsWith("shard-", StringComparison.Ordinal));
}
