using System.Net;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Revocation;

/// <summary>The four kinds of flows that one device has to one application: a TCP transfer, a UDP stream, a TCP connection that is idle, and pings.</summary>
public sealed class FourFlows : IAsyncDisposable
{
    private const int Settled = 300; // ms in which a packet that was on its way arrives
    private const int Quiet = 700;
    private readonly TcpStream transfer;
    private readonly UdpStream datagrams;
    private readonly Pinger pings;
    private readonly IdleConnection idle;

    private FourFlows(TcpStream transfer, UdpStream datagrams, Pinger pings, IdleConnection idle)
    {
        this.transfer = transfer;
        this.datagrams = datagrams;
        this.pings = pings;
        this.idle = idle;
    }

    /// <summary>Returns when all four live.</summary>
    public static async Task<FourFlows> Start(Namespace from, IPAddress to)
    {
        var made = new FourFlows(
            await TcpStream.Open(from, to, TestApplication.Port, paceMs: 25),
            new UdpStream(from, to, TestApplication.Port, paceMs: 20),
            new Pinger(from, to, paceMs: 50),
            await IdleConnection.Open(from, to, TestApplication.Port));
        await made.GoOn("at the beginning");
        return made;
    }

    /// <summary>The transfer has had no fault, more of each comes back, and the idle connection is still there.</summary>
    public async Task GoOn(string when)
    {
        var (bytes, received, echoes) = (transfer.Echoed + 2_000, datagrams.Received + 10, pings.Received + 3);
        await Eventually.True(
            () => transfer.Fault is not null || (transfer.Echoed >= bytes && datagrams.Received >= received && pings.Received >= echoes),
            $"all flows go on {when}: {this}", seconds: 30);
        transfer.Fault.ShouldBeNull(when);
        (await idle.Ask(10_000)).ShouldBe("answered", $"the idle connection {when}");
    }

    /// <summary>Nothing of any kind comes back any more.</summary>
    /// <param name="isTold">The tunnel lives, so that the device is told: both connections are reset.</param>
    public async Task HaveStopped(bool isTold, string why)
    {
        await Task.Delay(Settled);
        var before = (transfer.Echoed, datagrams.Received, pings.Received);
        await Task.Delay(Quiet);
        (transfer.Echoed, datagrams.Received, pings.Received).ShouldBe(before, $"{why}: bytes, datagrams and pings");
        if (isTold)
        {
            (await idle.Listen(1_000)).ShouldBe("ConnectionReset", $"{why}: the idle connection, which says nothing");
            await Eventually.True(() => transfer.Fault is not null, $"{why}: the transfer is reset");

            // Of the two that wait for it one is told of the reset, the other that the connection is shut.
            transfer.Fault.ShouldBeOneOf(["ConnectionReset", "Shutdown"], why);
        }
        else
        {
            (await idle.Ask(1_000)).ShouldNotBe("answered", $"{why}: the idle connection");
        }
    }

    public override string ToString() => $"transfer {transfer.Echoed} ({transfer.Fault ?? "lives"}), {datagrams.Received} datagrams, {pings.Received} pings";

    public async ValueTask DisposeAsync()
    {
        await transfer.DisposeAsync();
        await datagrams.DisposeAsync();
        await pings.DisposeAsync();
        idle.Dispose();
    }
}
