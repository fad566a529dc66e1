using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Sallyport.Bench.Measures;
using Sallyport.Bench.OpenVpn;
using Sallyport.Bench.Stages;
using Sallyport.Harness;

namespace Sallyport.Bench.Flood;

/// <summary>
/// One honest TCP stream between stock clients beside a flood of forged packets. Undisturbed means: the same flood, against a port of the
/// same machine where nobody reads, so that what the flood itself takes of the processors is in both.
/// </summary>
internal static class FloodSuite
{
    private const double Rate = 100_000;
    private const int GatewayPort = 1194;
    private const int DeafPort = 9;

    /// <summary>Connected devices whose tunnels the forged data packets name.</summary>
    private const int Devices = 100;

    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(3);

    public static async Task<SuiteReport> Run(BenchOptions options, Action<string> tell)
    {
        await using var stage = new Stage();
        var (sender, receiver) = (stage.Topology.Attach("sender", 11), stage.Topology.AttachSite("receiver"));
        var ours = await stage.StartOurs();
        using var deaf = stage.Topology.Gateway.Run(Deaf);
        var fleet = await stage.NewFleet(await ours.MakeProfiles(Devices, "tls-crypt-v2"));
        Stage.Complete(await fleet.Connect(0, Devices, Stage.Width), "fleet");
        using var site = new OpenVpnProcess(receiver, ours.ReceiverProfile);
        using var device = new OpenVpnProcess(sender, ours.SenderProfile);
        await site.WaitUntilConnected();
        await device.WaitUntilConnected();

        // What a first flood brings in once (code, pools, the socket's own memory) is no growth.
        await Transfer(DeafPort);
        await Transfer(GatewayPort);
        var before = ProcessMeter.ResidentKib(ours.ProcessId);
        var tunnelsBefore = await Tunnels();
        var (calm, flooded) = (new List<FloodRound>(), new List<FloodRound>());
        for (var round = 1; round <= options.Rounds; round++)
        {
            calm.Add(await Transfer(DeafPort));
            tell($"round {round}, flood elsewhere: {calm[^1].Describe()}");
            flooded.Add(await Transfer(GatewayPort));
            tell($"round {round}, flood at the gateway: {flooded[^1].Describe()}");
        }

        await Task.Delay(Settling);
        var after = ProcessMeter.ResidentKib(ours.ProcessId);
        var online = await fleet.CountOnline();
        var pairs = flooded.Zip(calm).ToArray();
        return new SuiteReport("flood", options)
            .Add("honest_ratio", "honest Mbit/s, flooded / undisturbed", "0.00", Median.Of(flooded.Select(one => one.MbitPerSecond)) / Median.Of(calm.Select(one => one.MbitPerSecond)))
            .Add("mbit_per_second", "  undisturbed", "0", calm.Select(one => one.MbitPerSecond))
            .Add("mbit_per_second_flooded", "  flooded", "0", flooded.Select(one => one.MbitPerSecond))
            .Add("forged_per_second", "forged packets per second", "0", flooded.Select(one => one.Forged / one.Seconds))
            .Add("buffer_full_percent", "  datagrams that found the socket full, % of the forged", "0.0", flooded.Select(one => 100.0 * one.BufferFull / one.Forged))
            .Add("cpu_microseconds_per_forged", "server CPU per forged packet that it read, µs", "0.00", pairs.Select(pair => Each(pair.First, pair.Second)))
            .Add("rss_growth_kib", "growth of resident memory over all rounds, KiB", "0", after - before)
            .Add("tunnels_growth", "growth of the number of tunnels", "0", await Tunnels() - tunnelsBefore)
            .Add("devices_online", $"of {Devices} idle devices online in the end", "0", online);

        async Task<FloodRound> Transfer(int port)
        {
            using var flood = new ForgedFlood(new IPEndPoint(IPAddress.Parse(Topology.GatewayV4), port), Rate, Devices, stage.Load.Enter);
            var (forged, kernel, cpu, began) =
                (flood.Sent, UdpCounters.Read(stage.Topology.Gateway), ProcessMeter.CpuSeconds(ours.ProcessId), Stopwatch.GetTimestamp());
            var sent = await Iperf.Send(sender, receiver, ours.Target, options.Seconds);
            var full = (UdpCounters.Read(stage.Topology.Gateway) - kernel).BufferFull;
            return new FloodRound(
                sent.BitsPerSecond / 1e6, sent.Bytes / 1e9, ProcessMeter.CpuSeconds(ours.ProcessId) - cpu,
                Stopwatch.GetElapsedTime(began).TotalSeconds, flood.Sent - forged, port == GatewayPort ? full : 0);
        }

        async Task<double> Tunnels() => (await ours.Installation.Client.GetStatusAsync()).TunnelsUp;
    }

    /// <summary>What the flood cost beyond what as many honest bytes cost without it.</summary>
    private static double Each(FloodRound flooded, FloodRound calm) =>
        (flooded.CpuSeconds - (calm.CpuSeconds * flooded.Gigabytes / calm.Gigabytes)) * 1e6 / Math.Max(flooded.Forged - flooded.BufferFull, 1);

    private static Socket Deaf()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(Topology.GatewayV4), DeafPort));
        return socket;
    }
}
