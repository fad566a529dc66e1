using System.Diagnostics;
using System.Net;
using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Rules;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Policy;

/// <summary>Conditions, groups of applications, limits and degrees of quarantine, with live connections of stock clients.</summary>
public sealed class ConditionTests(PolicyFixture fleet) : IClassFixture<PolicyFixture>
{
    private const string Historian = "application:historian-plant";

    [NetworkFact]
    public async Task A_device_that_roams_out_of_the_allowed_place_is_cut_at_once_and_is_back_when_it_returns()
    {
        var (host, client) = await Connect("traveller");
        using var online = client;
        var outer = OuterOf(host);
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:traveller", To = Historian, Conditions = new ConditionInput { Sources = [outer] } });
        await using var stream = await TcpStream.Open(host, Topology.Application, Fleet.TestApplication.Port);
        await stream.Progress(5_000);

        host.AddAddress(Topology.Outer, "10.99.0.211/24");
        host.RemoveAddress(Topology.Outer, outer + "/24");
        await Eventually.True(() => stream.Fault is not null, "the connection is reset when it comes from elsewhere");
        (await Dial.Tcp(host, Topology.Application, Fleet.TestApplication.Port)).DeniedAtOnce.ShouldBeTrue();
        await fleet.UntilTunnel("traveller", "plant", found => found?.OuterAddress.StartsWith("10.99.0.211", StringComparison.Ordinal) is true);
        client.Connections.ShouldBe(1, "its tunnel stays");
        (await fleet.Client.ExplainAsync("device:traveller", Topology.Application.ToString(), "tcp", Fleet.TestApplication.Port))
            .Steps.ShouldContain(step => step.EndsWith($"it is only for tunnels from {outer}/32, and the sender's is from 10.99.0.211.", StringComparison.Ordinal));

        host.AddAddress(Topology.Outer, outer + "/24");
        host.RemoveAddress(Topology.Outer, "10.99.0.211/24");
        await Eventually.True(() => Connects(host), "allowed again from where it was");
    }

    [NetworkFact]
    public async Task A_tunnel_over_the_wrong_protocol_gets_nothing()
    {
        var created = await fleet.AddDevice("streamer", "plant");
        var host = fleet.NewHost("streamer");
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:streamer", To = Historian, Conditions = new ConditionInput { Protocols = ["openvpn/tcp"] } });
        using (var udp = new OpenVpnProcess(host, created.Profile!.Text.Dialing(Topology.GatewayV4, "udp4")))
        {
            await fleet.Connected(udp);
            (await Dial.Tcp(host, Topology.Application, Fleet.TestApplication.Port)).DeniedAtOnce.ShouldBeTrue();
        }

        using var tcp = new OpenVpnProcess(host, created.Profile!.Text.Dialing(Topology.GatewayV4, "tcp4-client"));
        await fleet.Connected(tcp);
        (await Dial.Tcp(host, Topology.Application, Fleet.TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
    }

    [NetworkFact]
    public async Task A_fact_that_is_reported_opens_and_cuts_and_one_that_ages_cuts_by_the_clock()
    {
        var (host, client) = await Connect("patient");
        using var online = client;
        await fleet.Client.AddRuleAsync(new RuleCreate
        {
            From = "device:patient", To = Historian, Conditions = new ConditionInput { Posture = ["firmware>=2.4.1"], PostureAge = "60s" },
        });
        (await Dial.Tcp(host, Topology.Application, Fleet.TestApplication.Port)).DeniedAtOnce.ShouldBeTrue();
        await Report("2.10.0");
        await Eventually.True(() => Connects(host), "allowed with the fact");
        await using (var stream = await TcpStream.Open(host, Topology.Application, Fleet.TestApplication.Port))
        {
            await stream.Progress(5_000);
            await Report("2.4.0");
            await Eventually.True(() => stream.Fault is not null, "the connection is reset when the fact changes");
        }

        await Report("2.4.1");
        await using var aging = await TcpStream.Open(host, Topology.Application, Fleet.TestApplication.Port);
        var watch = Stopwatch.StartNew();
        await Eventually.True(() => aging.Fault is not null, "the connection is reset when the fact is a minute old", 75);
        watch.Elapsed.ShouldBeGreaterThan(TimeSpan.FromSeconds(55));
        await Eventually.True(
            () => fleet.Client.ListAuditAsync(action: "device.posture.age.enforced").GetAwaiter().GetResult().Items.Any(record => record.Subject == "device:patient.plant"),
            "the cut is recorded");

        Task Report(string firmware) =>
            fleet.Client.ReportDevicePostureAsync("patient", new PostureUpdate { Facts = new Dictionary<string, string?> { ["firmware"] = firmware } });
    }

    [NetworkFact]
    public async Task An_application_that_leaves_its_group_takes_the_connections_of_the_groups_rule_with_it()
    {
        var (host, client) = await Connect("grouped");
        using var online = client;
        await fleet.Client.UpdateApplicationAsync("historian-plant", new ApplicationUpdate { Groups = ["scada"] });
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:grouped", To = "application-group:scada" });
        await using var stream = await TcpStream.Open(host, Topology.Application, Fleet.TestApplication.Port);
        await stream.Progress(5_000);
        var left = await fleet.Client.UpdateApplicationAsync("historian-plant", new ApplicationUpdate { Groups = [] });
        left.Cut!.FlowsCut.ShouldBe(1);
        await Eventually.True(() => stream.Fault is not null, "the connection is reset");
    }

    [NetworkFact]
    public async Task A_rate_slows_a_connection_down_and_leaves_it_alive()
    {
        var (host, client) = await Connect("slow");
        using var online = client;
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:slow", To = Historian, Limit = new LimitInput { Rate = "400kbit" } });
        await using var stream = await TcpStream.Open(host, Topology.Application, Fleet.TestApplication.Port, chunkBytes: 4000, paceMs: 5);
        await stream.Progress(20_000);
        var (begin, watch) = (stream.Echoed, Stopwatch.StartNew());
        await Task.Delay(TimeSpan.FromSeconds(6));
        var perSecond = (stream.Echoed - begin) * 8 / watch.Elapsed.TotalSeconds;

        // Both ways count: what is echoed has passed twice.
        perSecond.ShouldBeInRange(40_000, 230_000);
        stream.Fault.ShouldBeNull();
        (await fleet.Client.GetStatusAsync()).Gateways.Single().Drops.GetValueOrDefault("RateLimited").ShouldBeGreaterThan(0);
    }

    [NetworkFact]
    public async Task A_volume_that_is_used_up_cuts_is_told_and_survives_a_restart_of_the_gateway()
    {
        var (host, client) = await Connect("metered");
        using var online = client;
        var rule = await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:metered", To = Historian, Limit = new LimitInput { Volume = "200kB/day" } });
        await using var stream = await TcpStream.Open(host, Topology.Application, Fleet.TestApplication.Port);
        await Eventually.True(() => stream.Fault is not null, "the connection is cut when its volume is used up", 30);
        stream.Echoed.ShouldBeLessThan(150_000);
        (await Dial.Tcp(host, Topology.Application, Fleet.TestApplication.Port)).DeniedAtOnce.ShouldBeTrue();
        await Eventually.True(
            () => fleet.Client.ListEventsAsync("volume.used", limit: 10).GetAwaiter().GetResult().Items.Any(one => one.Detail.StartsWith($"rule {rule.Id} ", StringComparison.Ordinal)),
            "an event tells it");
        await Eventually.True(() => fleet.Client.GetRuleAsync(rule.Id).GetAwaiter().GetResult().Limit!.VolumeUsed >= 200_000, "control knows what was carried");

        await fleet.Installation.KillGateway();
        await fleet.Connected(client, times: 2, seconds: 90);
        (await Dial.Tcp(host, Topology.Application, Fleet.TestApplication.Port)).Outcome.ShouldNotBe(DialOutcome.Connected);
        await fleet.Client.UpdateRuleAsync(rule.Id, new RuleUpdate { Limit = new LimitInput { Volume = "1GB/day" } });
        await Eventually.True(() => Connects(host), "more volume opens it again", 60);
    }

    [NetworkFact]
    public async Task A_quarantine_leaves_what_its_degree_says_and_ends_by_the_clock()
    {
        var (host, client) = await Connect("suspect");
        using var online = client;
        await fleet.Client.AddApplicationAsync(new ApplicationCreate
        {
            Name = "updates", Site = fleet.Site.Name, Target = Topology.Application.ToString(), Services = [$"udp/{Fleet.TestApplication.Port}"], Management = true,
        });
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:suspect", To = Historian });
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:suspect", To = "application:updates" });
        await using var stream = await TcpStream.Open(host, Topology.Application, Fleet.TestApplication.Port);
        await stream.Progress(5_000);

        var cut = await fleet.Client.QuarantineDeviceToAsync("suspect", new QuarantineRequest { Degree = "management", For = "8s", Reason = "scans its neighbours" });
        (cut.FlowsCut, cut.TunnelsCut).ShouldBe((1, 0));
        cut.MillisecondsToEnforced!.Value.ShouldBeLessThan(1000);
        await Eventually.True(() => stream.Fault is not null, "the connection is reset");
        (await Dial.Tcp(host, Topology.Application, Fleet.TestApplication.Port)).DeniedAtOnce.ShouldBeTrue();
        (await Dial.Udp(host, Topology.Application, Fleet.TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected, "what manages devices is left");
        client.Connections.ShouldBe(1, "the tunnel stays");
        (await fleet.Client.GetDeviceAsync("suspect")).Quarantine!.Degree.ShouldBe("management");
        await Eventually.True(() => Connects(host), "released by the clock", 30);
        (await fleet.Client.GetDeviceAsync("suspect")).State.ShouldBe("active");
    }

    private static bool Connects(Namespace host) => Dial.Tcp(host, Topology.Application, Fleet.TestApplication.Port).GetAwaiter().GetResult().Outcome == DialOutcome.Connected;

    private static string OuterOf(Namespace host) =>
        Shell.Run("ip", "-n", host.Name, "-o", "-4", "addr", "show", "dev", Topology.Outer).Split(' ', StringSplitOptions.RemoveEmptyEntries)[3].Split('/')[0];

    private async Task<(Namespace Host, OpenVpnProcess Client)> Connect(string name)
    {
        var created = await fleet.AddDevice(name, "plant");
        var host = fleet.NewHost(name);
        var client = new OpenVpnProcess(host, created.Profile!.Text.Dialing(Topology.GatewayV4, "udp4"));
        await fleet.Connected(client);
        return (host, client);
    }
}
