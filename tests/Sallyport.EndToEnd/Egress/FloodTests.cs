using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Sallyport.Api.Applications;
using Sallyport.Api.Rules;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Egress;

/// <summary>The same with a flow table of 8,192, of which half may lead beyond the host, and of that a quarter is one device's.</summary>
public sealed class FloodFixture : EgressFixture
{
    public const int OfOneDevice = 8192 / 2 / 4;

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["SALLYPORT_GATEWAY_PACKET_THREADS"] = "1",
        ["SALLYPORT_GATEWAY_FLOW_TABLE"] = "8192",
    };
}

/// <summary>A stock client that opens as many conversations as it can, and what the gateway host's kernel then has to remember.</summary>
public sealed class FloodTests(FloodFixture fleet) : IClassFixture<FloodFixture>
{
    private const int Attempts = 3000;
    private const int UdpPort = 7001;
    private const int TcpPort = 7002;

    [NetworkFact]
    public async Task One_device_fills_its_part_of_the_kernels_connections_and_neighbours_and_new_tunnels_do_not_notice()
    {
        using var udp = new UdpEcho(fleet.Internet, EgressFixture.Server, UdpPort);
        using var tcp = new TcpEcho(fleet.Internet, EgressFixture.Server, TcpPort);
        await fleet.Client.AddApplicationAsync(new ApplicationCreate { Name = "echo", Host = "internet", Target = "203.0.113.10", Services = [$"udp/{UdpPort}", $"tcp/{TcpPort}"] });
        await Allow("box.east");
        await Eventually.True(() => fleet.Installation.GatewayLog.Contains("egress.opened", StringComparison.Ordinal), "the way out: " + fleet.Installation.GatewayLog);
        fleet.Installation.GatewayLog.ShouldNotContain("egress.no-times");

        // A connection that is up and silent is not remembered for the kernel's five days, but for as long as here.
        using (var idle = await IdleConnection.Open(fleet.East, EgressFixture.Server, TcpPort))
        {
            await Eventually.True(() => SecondsOf(Guests().Single(line => line.Contains("ESTABLISHED", StringComparison.Ordinal))) is > 7000 and <= 7440,
                "two hours and four minutes: " + string.Join('\n', Guests()));
        }

        await using var stream = await TcpStream.Open(fleet.East, EgressFixture.Server, TcpPort, chunkBytes: 1000, paceMs: 50);
        await stream.Progress(5_000);
        Flood();
        var remembered = Guests().Count;
        remembered.ShouldBeInRange(FloodFixture.OfOneDevice * 9 / 10, FloodFixture.OfOneDevice, "the kernel has what one device may have and no more");
        await stream.Progress(5_000);

        // A neighbour who shares the guest's address with it, in a tunnel that is new.
        var created = await fleet.AddDevice("late", "east");
        await Allow("late.east");
        var late = fleet.NewHost("late");
        late.Batch($"route add default via {Topology.GatewayV4}");
        await fleet.Connected(fleet.Own(new OpenVpnProcess(late, created.Profile!.Text, ["--verb", "3"])));
        await using var neighbour = await TcpStream.Open(late, EgressFixture.Server, TcpPort, chunkBytes: 1000, paceMs: 20);
        await neighbour.Progress(5_000);
        Flood();
        Guests().Count.ShouldBeLessThan(FloodFixture.OfOneDevice + 10);
    }

    private Task Allow(string device) => fleet.Client.AddRuleAsync(new RuleCreate { From = $"device:{device}", To = "application:echo.internet" });

    /// <summary>One datagram each from thousands of ports, all of which are answered.</summary>
    private void Flood() => fleet.East.Run(() =>
    {
        for (var i = 0; i < Attempts; i++)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(EgressFixture.Box, 20_000 + i));
            socket.SendTo(new byte[20], new IPEndPoint(EgressFixture.Server, UdpPort));
            if (i % 50 == 0)
            {
                // An answer, while there is one: the tunnel is not to be what loses them.
                socket.Poll(TimeSpan.FromMilliseconds(20), SelectMode.SelectRead);
            }
        }

        return 0;
    });

    /// <summary>Until it is forgotten.</summary>
    private static int SecondsOf(string line) => int.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[4], CultureInfo.InvariantCulture);

    /// <summary>The kernel's connections that guests have opened.</summary>
    private List<string> Guests() => fleet.Topology.Gateway.Run(() => File.ReadAllLines("/proc/thread-self/net/nf_conntrack"))
        .Where(line => line.Contains(" src=198.19.", StringComparison.Ordinal)).ToList();
}
