using System.Diagnostics;
using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Resilience;

/// <summary>Keepalive as it is by default: a client that is told nothing needs a minute to find out.</summary>
public sealed class OrderlyEndFixture : FleetFixture
{
    public TestSite Site { get; private set; } = null!;

    protected override async Task Prepare() => Site = await AddNetworkWithSite(new NetworkCreate { Name = "plant", Prefixes = ["10.20.0.0/16"] });
}

/// <summary>A gateway that ends in order tells its clients, who come back in seconds and not after their ping-restart.</summary>
public sealed class OrderlyEndTests(OrderlyEndFixture fleet) : IClassFixture<OrderlyEndFixture>
{
    private const string Told = "Connection reset command was pushed by server";

    /// <summary>A third of the ping-restart: a client that asked in vain asks again after two, four and eight seconds.</summary>
    private const int BackWithinSeconds = 20;

    [NetworkFact]
    public async Task Stock_clients_come_back_in_seconds_when_the_gateway_restarts_in_order()
    {
        await ComeBack("restart", async () =>
        {
            var ended = fleet.Installation.EndGateway();
            await Eventually.True(() => !Shell.IsAlive(ended), "the gateway's end");
        });
    }

    [NetworkFact]
    public async Task Stock_clients_come_back_in_seconds_when_everything_is_stopped_and_started()
    {
        await ComeBack("stop", async () =>
        {
            await fleet.Installation.Stop();
            await fleet.Installation.StartControl();
        });
    }

    private async Task ComeBack(string prefix, Func<Task> restart)
    {
        var overUdp = await fleet.AddAllowedDevice($"{prefix}-udp", "plant");
        var overTcp = await fleet.AddAllowedDevice($"{prefix}-tcp", "plant");
        var udpHost = fleet.NewHost($"{prefix}-udp");
        var tcpHost = fleet.NewHost($"{prefix}-tcp");
        using var udp = new OpenVpnProcess(udpHost, overUdp.Dialing(Topology.GatewayV4, "udp4"));
        using var tcp = new OpenVpnProcess(tcpHost, overTcp.Dialing(Topology.GatewayV4, "tcp4"));
        await fleet.Connected(udp);
        await fleet.Connected(tcp);
        var routerConnections = fleet.Site.Router.Connections;
        (await Dial.Tcp(udpHost, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);

        await restart();

        // A busy machine needs seconds to start; what counts is what the clients need from there on.
        await fleet.Installation.UntilReady();
        var watch = Stopwatch.StartNew();
        await udp.WaitForLine(Told, seconds: 5);
        await fleet.Connected(udp, times: 2, seconds: BackWithinSeconds);
        await fleet.Connected(tcp, times: 2, seconds: BackWithinSeconds);
        await fleet.Site.Router.WaitUntilConnected(times: routerConnections + 1, seconds: BackWithinSeconds);
        (await Dial.Tcp(udpHost, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected, udp.Log);
        (await Dial.Tcp(tcpHost, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected, tcp.Log);
        Console.WriteLine($"{prefix}: all clients were back {watch.Elapsed.TotalSeconds:0.0} s after the gateway");
    }
}
