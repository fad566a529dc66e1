using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Sallyport.Api.Applications;
using Sallyport.Api.Flows;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Egress;

/// <summary>
/// Beyond the gateway host is 203.0.113.0/24 with two servers and a name server, and the operator's LAN 10.50.0.0/24. Two networks have one
/// and the same prefix, and a box of one and the same address each.
/// </summary>
public class EgressFixture : FleetFixture
{
    public const int Port = 443;

    /// <summary>Somebody listens there, too, at the server and at the box in the east: what is refused there policy refuses.</summary>
    public const int OtherPort = 22;

    public static IPAddress Server { get; } = IPAddress.Parse("203.0.113.10");

    public static IPAddress OtherServer { get; } = IPAddress.Parse("203.0.113.11");

    public static IPAddress Lan { get; } = IPAddress.Parse("10.50.0.10");

    /// <summary>In each of the two networks.</summary>
    public static IPAddress Box { get; } = IPAddress.Parse("192.168.1.10");

    /// <summary>As the servers see whoever comes through the gateway.</summary>
    public const string Masquerade = Sallyport.Harness.Topology.GatewayV4;

    public NameServer Names { get; private set; } = null!;

    public Greeter Ten { get; private set; } = null!;

    public Namespace East { get; private set; } = null!;

    public Namespace West { get; private set; } = null!;

    public Namespace Internet { get; private set; } = null!;

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string> { ["SALLYPORT_GATEWAY_PACKET_THREADS"] = "2" };

    protected override async Task Prepare()
    {
        Internet = NewHost("internet");
        var router = $"10.99.0.{LastHost}";
        foreach (var address in new[] { Server, OtherServer, IPAddress.Parse("203.0.113.53"), Lan })
        {
            Internet.AddAddress("lo", $"{address}/32");
            Topology.Gateway.Batch($"route add {address}/32 via {router}");
        }

        Topology.Gateway.Write("/proc/sys/net/ipv4/ip_forward", "0");
        Ten = Own(new Greeter(Internet, Server, Port, "ten"));
        Own(new Greeter(Internet, Server, OtherPort, "ten's other port"));
        Own(new Greeter(Internet, OtherServer, Port, "eleven"));
        Own(new Greeter(Internet, Lan, Port, "lan"));
        Names = Own(new NameServer(Internet, IPAddress.Parse("203.0.113.53"), new Dictionary<string, IPAddress>
        {
            ["updates.vendor.example"] = OtherServer,
            ["rebind.vendor.example"] = Lan,
            ["host.vendor.example"] = IPAddress.Parse(Topology.GatewayV4),
            ["www.other.example"] = Server,
        }));
        East = await AddBox("east", isDefaultRoute: true);
        Own(new Greeter(East, Box, OtherPort, "box"));
        West = await AddBox("west", isDefaultRoute: true);
    }

    private async Task<Namespace> AddBox(string network, bool isDefaultRoute)
    {
        await Client.AddNetworkAsync(new NetworkCreate { Name = network, Prefixes = ["192.168.1.0/24"], DefaultRoute = isDefaultRoute });
        var created = await Client.AddDeviceAsync(new() { Name = "box", Network = network, Addresses = [Box.ToString()], Profile = new() });
        var where = NewHost(network);

        // As at home: its own way to the internet leads past the tunnel, and is not what it should take.
        where.Batch($"route add default via {Topology.GatewayV4}");
        await Connected(Own(new OpenVpnProcess(where, created.Profile!.Text, ["--verb", "3"])));
        return where;
    }
}

/// <summary>Stock clients that reach what lies beyond the gateway host, and no further than rules say.</summary>
public sealed class EgressTests(EgressFixture fleet) : IClassFixture<EgressFixture>
{
    private static readonly IPAddress Resolver = IPAddress.Parse("192.168.1.1");

    [NetworkFact]
    public async Task Prefixes_names_cuts_and_the_end()
    {
        await Prefix();
        await NamesOnly();
        await Rebinding();
        await TheEnd();
    }

    private async Task Prefix()
    {
        (await Dial.Tcp(fleet.East, EgressFixture.Server, EgressFixture.Port)).DeniedAtOnce.ShouldBeTrue("nothing is allowed without a rule");
        fleet.Installation.Say("application", "add", "web", "--egress", "--target", "203.0.113.10", "--tcp", "443");
        var rule = await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:box.east", To = "application:web.internet" });
        await Eventually.True(() => fleet.Installation.GatewayLog.Contains("egress.opened", StringComparison.Ordinal), "the way out: " + fleet.Installation.GatewayLog);
        (await Greeter.Ask(fleet.East, EgressFixture.Server, EgressFixture.Port)).ShouldBe($"ten, you are {EgressFixture.Masquerade}");

        // A connection of his from the port that the gateway listens on would take its clients' packets (CVE-2021-3773).
        using (var shadow = fleet.East.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)))
        {
            shadow.Bind(new IPEndPoint(EgressFixture.Box, 1194));
            await shadow.ConnectAsync(new IPEndPoint(EgressFixture.Server, EgressFixture.Port));
            (await shadow.ReceiveAsync(new byte[100], SocketFlags.None)).ShouldBeGreaterThan(0);
            fleet.Ten.LastPort.ShouldBeInRange(32_768, 60_999);
        }

        // Not the other server, not another port, not the twin of the same address in the other network.
        (await Dial.Tcp(fleet.East, EgressFixture.OtherServer, EgressFixture.Port)).DeniedAtOnce.ShouldBeTrue();
        (await Greeter.Ask(fleet.Internet, EgressFixture.Server, EgressFixture.OtherPort)).ShouldStartWith("ten's other port");
        (await Dial.Tcp(fleet.East, EgressFixture.Server, EgressFixture.OtherPort)).DeniedAtOnce.ShouldBeTrue();
        (await Dial.Tcp(fleet.West, EgressFixture.Server, EgressFixture.Port)).DeniedAtOnce.ShouldBeTrue();
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:box.west", To = "application:web.internet" });
        (await Greeter.Ask(fleet.West, EgressFixture.Server, EgressFixture.Port)).ShouldBe($"ten, you are {EgressFixture.Masquerade}");

        // A machine that was no router is none for others.
        fleet.Topology.Gateway.Run(() => File.ReadAllText("/proc/sys/net/ipv4/ip_forward")).Trim().ShouldBe("1");
        fleet.Internet.Batch($"route add 198.19.0.0/16 via {Topology.GatewayV4}");
        (await Greeter.Ask(fleet.East, EgressFixture.Box, EgressFixture.OtherPort)).ShouldStartWith("box");
        foreach (var guest in new[] { "198.19.0.1", "198.19.0.10" })
        {
            await ShouldNotGetIn(fleet.Internet, IPAddress.Parse(guest));
        }

        using var echo = new TcpEcho(fleet.Internet, EgressFixture.Server, 7000);
        await fleet.Client.AddApplicationAsync(new ApplicationCreate { Name = "echo", Host = "internet", Target = "203.0.113.10", Services = ["tcp/7000"] });
        var echoRule = await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:box.east", To = "application:echo.internet" });
        await using var stream = await TcpStream.Open(fleet.East, EgressFixture.Server, 7000, chunkBytes: 8_000, paceMs: 5);
        await stream.Progress(1_000_000);
        var cut = await fleet.Client.DeleteRuleAsync(echoRule.Id);
        cut.FlowsCut.ShouldBe(1);
        await Eventually.True(() => stream.Fault is not null, "the connection is reset");
        await fleet.Client.DeleteRuleAsync(rule.Id);
        (await Dial.Tcp(fleet.East, EgressFixture.Server, EgressFixture.Port)).DeniedAtOnce.ShouldBeTrue();
    }

    /// <summary>No connection comes about: a greeter would say so before it was asked anything.</summary>
    private static async Task ShouldNotGetIn(Namespace from, IPAddress to)
    {
        using var socket = from.Run(() => new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        var fault = await Record.ExceptionAsync(async () => await socket.ConnectAsync(new IPEndPoint(to, EgressFixture.OtherPort), limit.Token));
        (fault is OperationCanceledException or SocketException).ShouldBeTrue($"{to} let it in: {fault}");
    }

    private async Task NamesOnly()
    {
        fleet.Installation.Say("network", "update", "internet", "--dns-forward", ".=203.0.113.53");
        fleet.Installation.Say("application", "add", "updates", "--egress", "--name", "*.vendor.example", "--tcp", "443");
        (await Ask(fleet.East, "updates.vendor.example")).ShouldBe("REFUSED", "a name is asked for when a rule leads there");
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:box.east", To = "application:updates.internet" });

        // The right server, but not an address that the resolver gave.
        (await Dial.Tcp(fleet.East, EgressFixture.OtherServer, EgressFixture.Port)).DeniedAtOnce.ShouldBeTrue();
        (await Ask(fleet.East, "updates.vendor.example")).ShouldBe("203.0.113.11");
        (await Greeter.Ask(fleet.East, EgressFixture.OtherServer, EgressFixture.Port)).ShouldBe($"eleven, you are {EgressFixture.Masquerade}");
        (await Ask(fleet.East, "www.other.example")).ShouldBe("REFUSED");
        (await Ask(fleet.East, "vendor.example")).ShouldBe("REFUSED", "a wildcard is for names below");

        // Who did not ask has nothing of it, though a rule would let him; and asks in vain without one.
        (await Ask(fleet.West, "updates.vendor.example")).ShouldBe("REFUSED");
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:box.west", To = "application:updates.internet" });
        (await Dial.Tcp(fleet.West, EgressFixture.OtherServer, EgressFixture.Port)).DeniedAtOnce.ShouldBeTrue();
        (await Ask(fleet.West, "updates.vendor.example")).ShouldBe("203.0.113.11");
        (await Greeter.Ask(fleet.West, EgressFixture.OtherServer, EgressFixture.Port)).ShouldBe($"eleven, you are {EgressFixture.Masquerade}");

        await Hello(fleet.East, EgressFixture.OtherServer, "updates.vendor.example");
        await Eventually.True(
            () => Flows("east").Any(flow => flow is { Verdict: "allowed", DnsName: "updates.vendor.example", ServerName: "updates.vendor.example", Application: "updates" }),
            "the record has the names");
        var denied = Flows("west").First(flow => flow is { Verdict: "denied", Destination: "203.0.113.11" });
        denied.Reason.ShouldBe("NameNotAsked");
    }

    private async Task Rebinding()
    {
        (await Ask(fleet.East, "rebind.vendor.example")).ShouldBe("10.50.0.10");
        (await Dial.Tcp(fleet.East, EgressFixture.Lan, EgressFixture.Port)).DeniedAtOnce.ShouldBeTrue("a name does not lead into the operator's LAN");
        using var onHost = new Greeter(fleet.Topology.Gateway, IPAddress.Any, 443, "host");
        (await Ask(fleet.East, "host.vendor.example")).ShouldBe(Topology.GatewayV4);
        fleet.Installation.Say("application", "add", "everything", "--egress", "--target", "0.0.0.0/0", "--tcp", "443");
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:box.west", To = "application:everything.internet" });
        (await Greeter.Ask(fleet.West, EgressFixture.Server, EgressFixture.Port)).ShouldBe($"ten, you are {EgressFixture.Masquerade}");
        (await Dial.Tcp(fleet.West, EgressFixture.Lan, EgressFixture.Port)).DeniedAtOnce.ShouldBeTrue("the internet is not the operator's LAN");
        await fleet.Client.AddApplicationAsync(new ApplicationCreate { Name = "lan", Host = "internet", Target = "10.50.0.0/24", Services = ["tcp/443"] });
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:box.west", To = "application:lan.internet" });
        (await Greeter.Ask(fleet.West, EgressFixture.Lan, EgressFixture.Port)).ShouldBe($"lan, you are {EgressFixture.Masquerade}", "what is named is reached");

        // The host itself, at an address that a rule covers.
        await fleet.Client.AddApplicationAsync(new ApplicationCreate { Name = "uplink", Host = "internet", Target = "10.77.0.1", Services = ["tcp/443"] });
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:box.west", To = "application:uplink.internet" });
        fleet.Topology.Gateway.AddAddress("lo", "10.77.0.1/32");
        (await Dial.Tcp(fleet.West, IPAddress.Parse("10.77.0.1"), EgressFixture.Port, limitSeconds: 3)).Outcome.ShouldNotBe(DialOutcome.Connected);
    }

    private async Task TheEnd()
    {
        fleet.Topology.Gateway.Execute("nft", "list", "tables").Output.ShouldContain("sallyport_egress");
        await fleet.Installation.KillGateway();
        fleet.Topology.Gateway.Execute("nft", "list", "tables").Output.ShouldContain("sallyport_egress", customMessage: "it had no time");
        await fleet.Installation.UntilReady();
        await Eventually.True(() => fleet.Installation.GatewayLog.Split("egress.opened").Length > 2, "the next gateway takes it over");
        await fleet.Installation.Stop();
        fleet.Topology.Gateway.Execute("nft", "list", "tables").Output.Trim().ShouldBeEmpty();
        fleet.Topology.Gateway.Execute("ip", "route").Output.ShouldNotContain("198.19");
        fleet.Topology.Gateway.Run(() => File.ReadAllText("/proc/sys/net/ipv4/ip_forward")).Trim().ShouldBe("0", "as it was before");
    }

    private List<FlowInfo> Flows(string network) => [.. fleet.Client.ListFlowsAsync(network: network, limit: 200).GetAwaiter().GetResult().Items];

    /// <summary>Begins a TLS handshake; what comes of it does not matter.</summary>
    private static async Task Hello(Namespace from, IPAddress to, string name)
    {
        using var socket = from.Run(() => new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        await socket.ConnectAsync(to, EgressFixture.Port);
        await using var tls = new SslStream(new NetworkStream(socket));
        try
        {
            await tls.AuthenticateAsClientAsync(name);
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
        {
            // A greeter speaks no TLS.
        }
    }

    /// <summary>The addresses in the answer, or its code.</summary>
    private static async Task<string> Ask(Namespace from, string name)
    {
        using var socket = from.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        await socket.ConnectAsync(new IPEndPoint(Resolver, 53), limit.Token);
        await socket.SendAsync(DnsWire.Question(name, 1, 77), SocketFlags.None, limit.Token);
        var answer = new byte[2048];
        return DnsWire.Read(answer.AsSpan(0, await socket.ReceiveAsync(answer, SocketFlags.None, limit.Token)));
    }
}
