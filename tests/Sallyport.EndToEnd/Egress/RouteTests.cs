using System.Net;
using Sallyport.Api.Applications;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Egress;

/// <summary>
/// Two boxes of one network whose default way leads past the tunnel, as it does at home, and a server beyond the gateway host that says whom it sees:
/// a box's outer address, or the gateway's.
/// </summary>
public sealed class RouteFixture : FleetFixture
{
    public const int Port = 443;

    private string router = "";

    public static IPAddress Server { get; } = IPAddress.Parse("203.0.113.10");

    public Box One { get; private set; } = null!;

    public Box Two { get; private set; } = null!;

    public Namespace Internet { get; private set; } = null!;

    protected override async Task Prepare()
    {
        Internet = NewHost("internet");
        Internet.AddAddress("lo", $"{Server}/32");
        router = $"10.99.0.{LastHost}";
        Topology.Gateway.Batch($"route add {Server}/32 via {router}");
        Own(new Greeter(Internet, Server, Port, "ten"));
        await Client.AddNetworkAsync(new NetworkCreate { Name = "field", Prefixes = ["10.20.0.0/16"] });
        One = await AddBox("one", 10);
        Two = await AddBox("two", 11);
        await Client.AddApplicationAsync(new ApplicationCreate { Name = "web", Host = "internet", Target = "203.0.113.0/24", Services = [$"tcp/{Port}"] });
    }

    private async Task<Box> AddBox(string name, int last)
    {
        var created = await Client.AddDeviceAsync(new() { Name = name, Network = "field", Addresses = [$"10.20.0.{last}"], Profile = new() });
        var where = NewHost(name);
        var outer = $"10.99.0.{LastHost}";
        where.Batch($"route add default via {router}");
        var client = Own(new OpenVpnProcess(where, created.Profile!.Text, ["--verb", "4"]));
        await Connected(client);
        return new Box(where, client, outer);
    }
}

public sealed record Box(Namespace Where, OpenVpnProcess Client, string Outer)
{
    /// <summary>Whom the server sees when the box asks.</summary>
    public async Task<string> Seen() => (await Greeter.Ask(Where, RouteFixture.Server, RouteFixture.Port)).Replace("ten, you are ", "", StringComparison.Ordinal);
}

/// <summary>Routes to what lies beyond the gateway host: for whom a rule names, and at his cost alone.</summary>
public sealed class RouteTests(RouteFixture fleet) : IClassFixture<RouteFixture>
{
    [NetworkFact]
    public async Task Whom_a_rule_names_gets_the_route_and_the_others_notice_nothing()
    {
        (await fleet.One.Seen()).ShouldBe(fleet.One.Outer, "without a rule the box takes its own way");
        await fleet.UntilTunnel("one", "field", tunnel => tunnel is not null);
        await fleet.UntilTunnel("two", "field", tunnel => tunnel is not null);
        var file = Path.Combine(Directory.CreateTempSubdirectory("sp-routes-").FullName, "fleet.yaml");
        await File.WriteAllTextAsync(file, "rules:\n  - from: device:one.field\n    to: application:web.internet\n");
        fleet.Installation.Say("plan", "-f", file).ShouldContain("1 tunnel would connect anew");
        fleet.One.Client.Connections.ShouldBe(1, "a plan changes nothing");

        fleet.Installation.Say("rule", "add", "--from", "device:one.field", "--to", "application:web.internet").ShouldContain("1 tunnel connects anew");
        await fleet.Connected(fleet.One.Client, times: 2);
        await Eventually.True(() => fleet.Installation.GatewayLog.Contains("egress.opened", StringComparison.Ordinal), "the way out: " + fleet.Installation.GatewayLog);
        (await fleet.One.Seen()).ShouldBe(Topology.GatewayV4);
        var said = (await fleet.Client.ListEventsAsync("network.reroute")).Items.ShouldHaveSingleItem();
        (said.Subject, said.Detail).ShouldBe(
            ("network:field", "network field sends other routes to some of its members: 1 tunnel connects anew for routes to 203.0.113.0/24; device:one (by administrator)"));

        // One of the same network whom no rule names.
        (await fleet.Two.Seen()).ShouldBe(fleet.Two.Outer);
        fleet.Two.Client.Connections.ShouldBe(1);
        fleet.Two.Client.Log.ShouldNotContain("203.0.113.0");

        // By a label he comes under a rule that is there.
        var byLabel = await fleet.Client.AddRuleAsync(new RuleCreate { From = "label:out=yes", FromNetwork = "field", To = "application:web.internet" });
        byLabel.TunnelsReconnecting.ShouldBeNull();
        fleet.Installation.Say("device", "update", "two", "--label", "out=yes").ShouldContain("1 tunnel connects anew");
        await fleet.Connected(fleet.Two.Client, times: 2);
        (await fleet.Two.Seen()).ShouldBe(Topology.GatewayV4);

        // What is taken away makes nobody connect anew; until then what it sends there is denied, and from then on it takes its own way again.
        await fleet.Client.DeleteRuleAsync(byLabel.Id);
        (await Dial.Tcp(fleet.Two.Where, RouteFixture.Server, RouteFixture.Port)).DeniedAtOnce.ShouldBeTrue();
        fleet.Two.Client.Connections.ShouldBe(2);
        fleet.Two.Client.Signal(10);
        await fleet.Connected(fleet.Two.Client, times: 3);
        (await fleet.Two.Seen()).ShouldBe(fleet.Two.Outer);
        fleet.One.Client.Connections.ShouldBe(2);
    }
}
