using System.Net;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Fleet;

/// <summary>A TCP conversation, numbered datagrams and pings from one device to the application, all at once.</summary>
public sealed class Load : IAsyncDisposable
{
    private readonly UdpStream datagrams;
    private readonly Pinger pings;

    private Load(TcpStream stream, UdpStream datagrams, Pinger pings)
    {
        Stream = stream;
        this.datagrams = datagrams;
        this.pings = pings;
    }

    public TcpStream Stream { get; }

    public int Datagrams => datagrams.Received;

    public static async Task<Load> Start(Namespace from, IPAddress? to = null)
    {
        var application = to ?? Topology.Application;
        var stream = await TcpStream.Open(from, application, TestApplication.Port, paceMs: 25);

        // A first answer each way before anything is counted: what it costs to find the way is not what is measured.
        (await Dial.Udp(from, application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);

        // Slow enough that the kernel's buffers bridge a second in which a busy machine lets a process wait: such a loss would be nobody's fault.
        return new Load(stream, new UdpStream(from, application, TestApplication.Port, paceMs: 20), new Pinger(from, application, paceMs: 100));
    }

    /// <summary>The connection lives and moves, and no datagram and no ping was lost.</summary>
    public async Task NothingWasLost(string log)
    {
        await Stream.Progress(10_000);
        var tally = await datagrams.Finish();
        var echoes = await pings.Finish();
        tally.Lost.ShouldBe(0, $"datagrams: {tally}\n{log}");
        tally.Sent.ShouldBeGreaterThan(100);
        echoes.Lost.ShouldBe(0, $"pings: {echoes}\n{log}");
    }

    public async ValueTask DisposeAsync()
    {
        await Stream.DisposeAsync();
        await datagrams.DisposeAsync();
        await pings.DisposeAsync();
    }
}
