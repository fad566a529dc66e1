using System.Diagnostics;
using Sallyport.Bench.Measures;
using Sallyport.Bench.Stages;
using Sallyport.Simulator.Fleets;

namespace Sallyport.Bench.Streams;

/// <summary>A station's devices and its sink, connected, on one thread.</summary>
internal sealed class StationFleet
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(500);
    private readonly IVpnServer server;
    private readonly Station station;
    private readonly Fleet fleet;

    private StationFleet(IVpnServer server, Station station, Fleet fleet)
    {
        this.server = server;
        this.station = station;
        this.fleet = fleet;
    }

    private int Sink => station.Devices.Count;

    public static async Task<StationFleet> Board(Stage stage, IVpnServer server, int devices, string title)
    {
        var station = await server.MakeStation(devices);
        var made = new StationFleet(server, station, await stage.NewFleet([.. station.Devices, station.Sink]));
        await made.Connect(title);
        return made;
    }

    public async Task Connect(string title) => Stage.Complete(await fleet.Connect(0, fleet.Count, Stage.Width), title);

    public Task Leave() => fleet.LeaveAll();

    /// <summary>From <paramref name="senders"/> devices for so long; measured once it flows.</summary>
    /// <param name="coalesces">Whether the sink takes several packets as one (UDP_GRO).</param>
    public async Task<StreamRound> Run(PacketStream stream, int senders, int seconds, bool coalesces = false)
    {
        await fleet.CountArrivals(Sink, stream, coalesces);
        await fleet.Pour(0, senders, stream, station.Target);
        await Task.Delay(WarmUp);
        var (arrived, sent, cpu, began) = (stream.Arrived, stream.Sent, ProcessMeter.CpuSeconds(server.ProcessId), Stopwatch.GetTimestamp());
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        (arrived, sent) = (stream.Arrived - arrived, stream.Sent - sent);
        cpu = ProcessMeter.CpuSeconds(server.ProcessId) - cpu;
        var elapsed = Stopwatch.GetElapsedTime(began).TotalSeconds;
        await fleet.StopPouring();
        await Task.Delay(Rest);
        return arrived > 0
            ? new StreamRound(arrived, sent, (double)arrived * stream.PacketBytes, elapsed, cpu)
            : throw new InvalidOperationException("nothing of the stream arrived");
    }
}
