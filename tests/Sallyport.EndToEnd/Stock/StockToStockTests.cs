using System.Net;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Stock;

/// <summary>The harness itself, with the distribution's OpenVPN at both ends: what fails here is no fault of ours.</summary>
public sealed class StockToStockTests : IDisposable
{
    private static readonly IPAddress Server = IPAddress.Parse(StockConfig.ServerInner);
    private readonly Topology topology = new();
    private readonly StockPki pki = new();

    [NetworkTheory]
    [InlineData("udp4", Topology.GatewayV4)]
    [InlineData("tcp4", Topology.GatewayV4)]
    [InlineData("udp6", Topology.GatewayV6)]
    public async Task A_stock_client_reaches_a_stock_server(string protocol, string remote)
    {
        var a = topology.Attach("device-a", 11);
        var serverProtocol = protocol.StartsWith("tcp", StringComparison.Ordinal) ? protocol[..3] + "4-server" : protocol;
        using var server = new OpenVpnProcess(topology.Gateway, StockConfig.Server(pki, serverProtocol));
        await server.WaitUntilConnected();
        using var client = new OpenVpnProcess(a, StockConfig.Client(pki, pki.Client(), protocol, remote));
        await client.WaitUntilConnected();

        using var tcp = new TcpEcho(topology.Gateway, Server, 7000);
        using var udp = new UdpEcho(topology.Gateway, Server, 7000);
        (await Dial.Tcp(a, Server, 7000)).Outcome.ShouldBe(DialOutcome.Connected);
        (await Dial.Tcp(a, Server, 7001)).Outcome.ShouldBe(DialOutcome.Refused);
        (await Dial.Udp(a, Server, 7000)).Outcome.ShouldBe(DialOutcome.Connected);
        (await Dial.Tcp(a, IPAddress.Parse("10.99.0.77"), 1, limitSeconds: 1)).Outcome.ShouldBe(DialOutcome.TimedOut);
        (await Pinger.Once(a, Server)).ShouldBeTrue();
        (await Pinger.Once(a, IPAddress.Parse(StockConfig.ServerInnerV6))).ShouldBeTrue();
    }

    [NetworkFact]
    public async Task Streams_count_what_is_lost_and_survive_a_change_of_address()
    {
        var a = topology.Attach("device-a", 11);
        using var server = new OpenVpnProcess(topology.Gateway, StockConfig.Server(pki, "udp4", "float"));
        await server.WaitUntilConnected();
        using var client = new OpenVpnProcess(a, StockConfig.Client(pki, pki.Client()));
        await client.WaitUntilConnected();
        using var echo = new TcpEcho(topology.Gateway, Server, 7000);
        using var datagrams = new UdpEcho(topology.Gateway, Server, 7000);
        await using var stream = await TcpStream.Open(a, Server, 7000);
        await using var pings = new Pinger(a, Server);
        await using (var numbers = new UdpStream(a, Server, 7000))
        {
            await stream.Progress(50_000);
            var tally = await numbers.Finish();
            tally.Lost.ShouldBe(0, tally.ToString());
            tally.Sent.ShouldBeGreaterThan(20);
        }

        a.AddAddress(Topology.Outer, "10.99.0.111/24");
        a.RemoveAddress(Topology.Outer, "10.99.0.11/24");
        await stream.Progress(50_000);
        (await pings.Finish()).Sent.ShouldBeGreaterThan(5);
    }

    [NetworkFact]
    public async Task What_a_namespace_runs_ends_with_it()
    {
        string name;
        int processId;
        using (var other = new Topology())
        {
            name = other.Gateway.Name;
            var server = new OpenVpnProcess(other.Gateway, StockConfig.Server(pki));
            await server.WaitUntilConnected();
            processId = server.ProcessId;
        }

        Namespace.Existing().ShouldNotContain(name);
        await Eventually.True(() => !Shell.IsAlive(processId), "the server's end");
    }

    public void Dispose()
    {
        pki.Dispose();
        topology.Dispose();
    }
}
