using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Sallyport.Api.Policy;
using Sallyport.Control.Http;
using Sallyport.Control.Policies.Mud;
using Sallyport.Control.Tests.FleetFiles;
using Sallyport.Control.Tests.Worlds;
using Sallyport.Control.Users;

namespace Sallyport.Control.Tests.Policies.Mud;

/// <summary>The file of docs/examples from the manufacturer to what gateways decide: just what it grants, and nothing beside it.</summary>
public sealed class MudRoundTripTests
{
    private static readonly byte[] Door = File.ReadAllBytes(Path.Combine(FleetFileWorld.Examples, "door-controller.mud.json"));

    [Fact]
    public async Task Example_becomes_a_fleet_file_that_grants_what_it_says_in_both_directions()
    {
        await using var world = await WorldAsync();
        var plan = await world.Client.PlanMudAsync(Decided);
        MudText.Found(plan).ShouldBe(["cannot discovery", "remark neighbours", "remark service-page", "covered no-telnet-out", "covered names", "answers updates-back", "answers panel-back"]);
        var planned = await world.PlanAsync(plan.FleetFile);
        planned.Changes.Count.ShouldBe(12, plan.FleetFile);
        planned.Changes.ShouldAllBe(change => change.Action == "add");
        await world.ApplyAsync(plan.FleetFile);

        // The device asks.
        await ShouldReachAsync("device:door-1", "203.0.113.20", "udp", 3478);
        await ShouldReachAsync("device:door-1", "192.168.50.20", "tcp", 8883);
        await ShouldReachAsync("device:door-1", "10.20.0.22", "udp", 5683);
        await ShouldReachAsync("device:door-2", "10.20.0.21", "udp", 5683);
        await ShouldReachAsync("device:door-1", "198.51.100.123", "udp", 123);
        foreach (var name in new[] { "updates.doors.example", "events.doors.example" })
        {
            (await world.Client.ListApplicationsAsync("internet")).Items.Single(one => one.Names.Contains(name)).Services.ShouldBe(["tcp/443"]);
        }

        var cloud = await world.Client.ExplainAsync("device:door-1", "198.51.100.9", "tcp", 443);
        string.Join(' ', cloud.Steps).ShouldContain("events.doors.example, updates.doors.example", customMessage: "to that name alone, and not to any address");
        cloud.Allowed.ShouldBeFalse();

        // The device is asked.
        await ShouldReachAsync("site:hq", "10.20.0.21", "tcp", 443);
        await ShouldReachAsync("site:hq", "10.20.0.22", "tcp", 443);

        // And nothing beside it: other ports, other addresses, other devices, the other way round.
        foreach (var (from, to, protocol, port) in ((string, string, string, int)[])
        [
            ("device:door-1", "203.0.113.20", "tcp", 3478), ("device:door-1", "203.0.113.20", "udp", 3479), ("device:door-1", "203.0.113.32", "udp", 3478),
            ("device:door-1", "192.168.50.20", "tcp", 22), ("device:door-1", "192.168.50.21", "tcp", 8883), ("device:door-1", "10.20.0.23", "udp", 5683),
            ("device:door-1", "10.20.0.22", "tcp", 443), ("device:door-1", "10.20.0.22", "udp", 5684), ("device:door-1", "198.51.100.124", "udp", 123),
            ("device:lamp", "203.0.113.20", "udp", 3478), ("device:lamp", "192.168.50.20", "tcp", 8883), ("device:lamp", "10.20.0.21", "udp", 5683), ("device:lamp", "10.20.0.21", "tcp", 443),
            ("site:hq", "10.20.0.21", "tcp", 80), ("site:hq", "10.20.0.21", "udp", 5683), ("site:hq", "10.20.0.23", "tcp", 443),
        ])
        {
            (await world.Client.ExplainAsync(from, to, protocol, port)).Allowed.ShouldBeFalse($"{from} {protocol} {to}:{port}");
        }

        // A second time nothing is left to do, and what was made is found again.
        var again = await world.Client.PlanMudAsync(Decided);
        again.Commands.ShouldBeEmpty();
        again.Applications.ShouldAllBe(application => application.State == "there");
        again.Rules.ShouldAllBe(rule => rule.Existing > 0);
        (await world.PlanAsync(again.FleetFile)).Changes.ShouldBeEmpty();

        async Task ShouldReachAsync(string from, string to, string protocol, int port)
        {
            var why = await world.Client.ExplainAsync(from, to, protocol, port);
            why.Allowed.ShouldBeTrue($"{from} {protocol} {to}:{port}: {string.Join(' ', why.Steps)}");
        }
    }

    [Fact]
    public async Task What_nobody_decided_stays_denied_and_stands_in_the_file_as_a_remark()
    {
        await using var world = await WorldAsync();
        var plan = await world.Client.PlanMudAsync(MudText.For("label:model=DC-40", Door));
        plan.Findings.Where(finding => finding.Kind == "decide").Select(finding => finding.Entry).ShouldBe(["time", "panel", "neighbours", "service-page"]);
        plan.FleetFile.Split('\n').Count(line => line.StartsWith("# to decide: ", StringComparison.Ordinal)).ShouldBe(4);
        await world.ApplyAsync(plan.FleetFile);
        (await world.Client.ListRulesAsync()).Items.Select(rule => rule.To).ShouldBe(["application:dc-40-tcp-443", "application:dc-40-203-0-113-16-28-udp-3478"], ignoreOrder: true);
        (await world.Client.ExplainAsync("device:door-1", "192.168.50.20", "tcp", 8883)).Allowed.ShouldBeFalse();
    }

    [Fact]
    public async Task The_commands_are_the_same_as_the_file()
    {
        await using var world = await WorldAsync();
        var plan = await world.Client.PlanMudAsync(Decided);
        plan.Commands.ShouldBe(
        [
            "sallyport application add dc-40-tcp-443 --egress --name events.doors.example --name updates.doors.example --tcp 443",
            "sallyport application add dc-40-203-0-113-16-28-udp-3478 --egress --target 203.0.113.16/28 --udp 3478",
            "sallyport application add dc-40-same-manufacturer-door-1-udp-5683 --device door-1.plant-a --target 10.20.0.21 --udp 5683 --group dc-40-same-manufacturer-udp-5683",
            "sallyport application add dc-40-same-manufacturer-door-2-udp-5683 --device door-2.plant-a --target 10.20.0.22 --udp 5683 --group dc-40-same-manufacturer-udp-5683",
            "sallyport application add dc-40-own-door-1-tcp-443 --device door-1.plant-a --target 10.20.0.21 --tcp 443 --group dc-40-own-tcp-443",
            "sallyport application add dc-40-own-door-2-tcp-443 --device door-2.plant-a --target 10.20.0.22 --tcp 443 --group dc-40-own-tcp-443",
            "sallyport rule add --from label:model=DC-40 --from-network plant-a --to application:dc-40-tcp-443.internet",
            "sallyport rule add --from label:model=DC-40 --from-network plant-a --to application:dc-40-203-0-113-16-28-udp-3478.internet",
            "sallyport rule add --from label:model=DC-40 --from-network plant-a --to application:clock.internet",
            "sallyport rule add --from label:model=DC-40 --to application:panel.plant-a",
            "sallyport rule add --from label:model=DC-40 --to application-group:dc-40-same-manufacturer-udp-5683.plant-a",
            "sallyport rule add --from site:hq.plant-a --to application-group:dc-40-own-tcp-443.plant-a",
        ]);
    }

    [Fact]
    public async Task A_newer_file_changes_what_the_older_one_made_and_says_what_it_left_behind()
    {
        await using var world = await MudText.WorldAsync();
        const string Entry = "a \"ipv4\":{\"dst-dnsname\":\"a.example\"},\"tcp\":{\"destination-port\":{\"port\":443}}";
        const string Other = "b \"ipv4\":{\"dst-dnsname\":\"b.example\"},\"tcp\":{\"destination-port\":{\"port\":443}}";
        await world.ApplyAsync((await world.Client.PlanMudAsync(MudText.For("device:cam-1", MudText.Of([Entry, Other])))).FleetFile);
        var newer = await world.Client.PlanMudAsync(MudText.For("device:cam-1", MudText.Of(
            [Entry, Other.Replace("b.example", "c.example", StringComparison.Ordinal)])));
        newer.Applications.Single().State.ShouldBe("changes");
        newer.Rules.Single().Existing.ShouldNotBeNull();
        newer.Findings.ShouldContain(finding => finding.Why.StartsWith("application box-tcp-443 of network internet is there, with tcp/443 at a.example, b.example, and would be changed", StringComparison.Ordinal));
        (await world.ApplyAsync(newer.FleetFile)).Changes.Single().What.ShouldBe(["names: [a.example, b.example] → [a.example, c.example]"]);

        var less = await world.Client.PlanMudAsync(MudText.For("device:cam-1", MudText.Of([Entry])));
        less.Findings.ShouldContain(finding => finding.Hint == "if it is of an older file: sallyport application remove box-tcp-443.internet");
    }

    [Fact]
    public async Task A_rule_that_is_there_with_hours_keeps_them()
    {
        await using var world = await MudText.WorldAsync();
        await world.Client.AddRuleAsync(new() { From = "device:cam-1", To = "application:recorder", Windows = ["mon-fri 08:00-17:00 Europe/Vienna"] });
        var plan = await world.Client.PlanMudAsync(
            MudText.For("device:cam-1", MudText.Of(["a \"ietf-mud:mud\":{\"my-controller\":[null]},\"tcp\":{\"destination-port\":{\"port\":554}}"])) with { MyController = ["application:recorder"] });
        plan.Rules.Single().Existing.ShouldNotBeNull();
        plan.Findings.ShouldContain(finding => finding.Why.Contains("is there with hours", StringComparison.Ordinal));
        (await world.PlanAsync(plan.FleetFile)).Changes.ShouldBeEmpty("a rule of a file is wholly what the file says, so it is not in it");
    }

    /// <summary>Texts of the file come from whoever wrote it: none of them becomes a line of the fleet file.</summary>
    [Fact]
    public async Task Nothing_of_the_file_ends_a_comment_or_a_quote()
    {
        await using var world = await MudText.WorldAsync();
        const string Evil = "x\\nrules:\\u2028\\u0085\\r# \\\" }";
        var plan = await world.Client.PlanMudAsync(MudText.For("device:cam-1", MudText.Of(
            [$"{Evil.Replace(' ', '\u00a0')} \"ietf-mud:mud\":{{\"controller\":\"{Evil}\"}},\"tcp\":{{\"destination-port\":{{\"port\":1}}}}"],
            container: $"\"systeminfo\":\"{Evil}\",\"model-name\":\"{Evil}\",")));
        plan.FleetFile.ShouldNotContain('\r');
        plan.FleetFile.Split('\n').ShouldAllBe(line => line.Length == 0 || line.StartsWith('#') || line == "applications: {}" || line == "rules: []");
        plan.FleetFile.ShouldAllBe(c => c == '\n' || (c >= ' ' && c <= '~'));
        (await world.PlanAsync(plan.FleetFile)).Changes.ShouldBeEmpty();
    }

    [Fact]
    public async Task Who_answers_for_one_network_neither_asks_for_another_nor_names_what_is_in_it()
    {
        await using var world = await MudText.WorldAsync();
        await world.Client.ApplyFleetAsync(Encoding.UTF8.GetBytes("networks: { plant-b: { prefixes: [10.30.0.0/20] } }\ndevices: { lamp.plant-b: { labels: { model: L1 } } }"));
        var networks = (await world.Client.ListNetworksAsync()).Items.ToDictionary(network => network.Name, network => network.Id);
        var queries = world.App.Services.GetRequiredService<MudQueries>();
        var keeper = new Actor("keeper", Role.Administrator, networks["plant-b"]);
        var file = MudText.Of(["a \"ietf-mud:mud\":{\"my-controller\":[null]},\"tcp\":{\"destination-port\":{\"port\":554}}"]);
        queries.Plan(keeper, MudText.For("label:model=L1", file)).Network.ShouldBe("plant-b");
        Forbidden(MudText.For("device:cam-1", file));
        Forbidden(MudText.For("label:model=C1", file) with { Network = "plant-a" });
        Forbidden(MudText.For("label:model=L1", file) with { MyController = ["device:cam-1"] });
        Forbidden(MudText.For("label:model=L1", file) with { MyController = ["network:plant-a"] });
        Forbidden(MudText.For("label:model=L1", file) with { MyController = ["application:recorder"] });

        void Forbidden(MudRequest request) => Should.Throw<ProblemException>(() => queries.Plan(keeper, request)).Problem.Status.ShouldBe(403);
    }

    private static MudRequest Decided => MudText.For("label:model=DC-40", Door) with
    {
        Controller = ["urn:ietf:params:mud:ntp=application:clock"],
        MyController = ["application:panel"],
        SameManufacturer = ["label:maker=doors"],
        LocalNetworks = ["site:hq"],
    };

    private static async Task<ControlWorld> WorldAsync()
    {
        var world = await ControlWorld.StartAsync();
        await world.Client.ApplyFleetAsync(Encoding.UTF8.GetBytes(
            """
            networks:
              plant-a: { prefixes: [10.20.0.0/20] }
            sites:
              hq: { subnets: [192.168.50.0/24] }
            devices:
              door-1: { labels: { model: DC-40, maker: doors }, addresses: [10.20.0.21] }
              door-2: { labels: { model: DC-40, maker: doors }, addresses: [10.20.0.22] }
              lamp: { addresses: [10.20.0.23] }
            applications:
              panel: { site: hq, target: 192.168.50.20, services: [tcp/8883] }
              clock: { host: internet, target: 198.51.100.123, services: [udp/123] }
            """));
        foreach (var name in new[] { "door-1", "door-2", "lamp" })
        {
            await world.Client.IssueDeviceProfileAsync(name, new());
        }

        await world.Client.IssueSiteProfileAsync("hq", new());
        return world;
    }
}
