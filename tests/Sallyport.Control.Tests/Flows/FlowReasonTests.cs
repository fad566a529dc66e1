using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Flows;
using Sallyport.Api.Locks;
using Sallyport.Api.Networks;
using Sallyport.Api.Nodes;
using Sallyport.Api.Rules;
using Sallyport.Control.Flows;
using Sallyport.Control.Http;
using Sallyport.Control.Policies;
using Sallyport.Control.Tests.Worlds;
using Sallyport.Control.Tunnels;
using Sallyport.Control.Users;
using Microsoft.Extensions.DependencyInjection;

namespace Sallyport.Control.Tests.Flows;

/// <summary>What is said of a denied flow, and which flows a question finds.</summary>
public sealed class FlowReasonTests
{
    [Fact]
    public async Task A_flow_that_a_rule_would_allow_but_for_a_condition_says_so_and_so_does_the_rule_that_goes_around_it()
    {
        await using var world = await WorldAsync();
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200", To = "application:historian", Conditions = new ConditionInput { Posture = ["firmware>=2.4.1"] } });
        var flow = await DeniedAsync(world);
        flow.ReasonText.ShouldBe($"no rule allowed it then; rule {rule.Id} would now, but it asks for firmware>=2.4.1, and nothing was reported of firmware");
        (flow.Nearest!.RuleId, flow.Nearest.Condition).ShouldBe((rule.Id, "condition"));
        flow.Nearest.ShouldBe((await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883)).Nearest);
        flow.AllowCommand.ShouldBe("sallyport rule add --from device:pump-17 --to application:historian");

        var allowed = await world.Client.AllowFlowAsync(flow.Id, new FlowAllow { For = "8h" });
        allowed.Bypasses.ShouldBe(flow.Nearest);
        (await world.Client.GetFlowAsync(flow.Id)).Nearest.ShouldBeNull("a rule allows it by now");
        (await world.Client.GetFlowAsync(flow.Id)).ReasonText.ShouldBe($"no rule allowed it then; rule {allowed.Rule.Id} does now");
    }

    [Fact]
    public async Task A_rule_that_would_have_allowed_it_and_is_over_since_does_not_allow_it_now()
    {
        var time = new MovedTime();
        await using var world = await WorldAsync(time);
        var flow = await DeniedAsync(world);
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian", For = "1h" });
        (await world.Client.GetFlowAsync(flow.Id)).ReasonText.ShouldBe($"no rule allowed it then; rule {rule.Id} does now");
        time.By = TimeSpan.FromHours(2);
        flow = await world.Client.GetFlowAsync(flow.Id);
        flow.ReasonText.ShouldBe($"no rule allowed it then; rule {rule.Id} would now, but it ended at {rule.Until:yyyy-MM-dd HH:mm:ss} UTC");
        flow.AllowCommand.ShouldBe($"sallyport rule update {rule.Id} --for 8h");
        var other = await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200", To = "application:historian" });
        (await world.Client.GetFlowAsync(flow.Id)).ReasonText.ShouldBe($"no rule allowed it then; rule {other.Id} does now");
    }

    [Fact]
    public async Task Whom_no_rule_speaks_of_is_told_of_none()
    {
        await using var world = await WorldAsync();
        await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P300", To = "application:historian", Conditions = new ConditionInput { Posture = ["firmware>=2.4.1"] } });
        var flow = await DeniedAsync(world);
        (flow.ReasonText, flow.Nearest).ShouldBe(("no rule allows it", null));
        (await world.Client.AllowFlowAsync(flow.Id, new FlowAllow())).Bypasses.ShouldBeNull();
    }

    [Fact]
    public async Task Who_shut_a_flow_out_is_told_by_its_number()
    {
        await using var world = await WorldAsync();
        var (network, pump, hq) = (await world.Client.GetNetworkAsync("plant-a"), await world.Client.GetDeviceAsync("pump-17"), await world.Client.GetSiteAsync("hq"));
        await world.RecordAsync(
            Denied(1, "IdentityNotActive"), Denied(2, "IdentityNotActive") with { Cut = true, FromId = hq.Id, ToId = pump.Id },
            Denied(3, "RuleDenies") with { RuleId = 224 }, Denied(4, "Quarantined"));
        (await TextsAsync()).ShouldBe(
        [
            "the sender or the carrier was not active then", "the sender or the carrier was not active then",
            "rule 224 denies it", "the quarantine that the sender or the carrier was in then did not leave it",
        ]);

        var own = await world.Client.AddLockAsync(new LockCreate { Subject = "device:pump-17" });
        (await TextsAsync())[..2].ShouldBe([$"device pump-17 is locked (lock {own.Id})", $"device pump-17 is locked (lock {own.Id})"]);
        var all = await world.Client.AddLockAsync(new LockCreate { Subject = "network:plant-a" });
        (await TextsAsync())[0].ShouldBe($"device pump-17 is locked (lock {own.Id}, lock {all.Id}), and site hq is locked (lock {all.Id})");
        await world.Client.DeleteLockAsync(own.Id);
        await world.Client.DeleteLockAsync(all.Id);
        (await TextsAsync())[0].ShouldBe("the sender or the carrier was not active then");

        await world.Client.QuarantineDeviceToAsync("pump-17", new QuarantineRequest { Degree = "management" });
        (await TextsAsync())[3].ShouldBe("the quarantine of device pump-17 (management) does not leave it");
        await world.Client.RevokeDeviceAsync("pump-17", null);
        (await TextsAsync())[0].ShouldBe("device pump-17 is retired");
        await world.Client.DeleteDeviceAsync("pump-17");
        (await TextsAsync())[0].ShouldBe("device pump-17 is gone");

        FlowState Denied(int port, string reason) => Traffic.Flow(network.Id, pump.Id, hq.Id, "192.168.50.10", port) with { Reason = reason };

        async Task<List<string>> TextsAsync() => [.. (await world.Client.ListFlowsAsync()).Items.Reverse().Select(flow => flow.ReasonText!)];
    }

    [Fact]
    public async Task Hours_count_as_of_the_flow_and_the_very_rule_is_changed_and_not_made_again()
    {
        await using var world = await WorldAsync();
        var (away, back) = (DateTimeOffset.UtcNow.AddHours(3), DateTimeOffset.UtcNow.AddHours(5));
        var window = $"daily {away:HH:00}-{back:HH:00} Etc/UTC";
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian", Windows = [window] });
        var flow = await DeniedAsync(world);
        flow.ReasonText!.ShouldStartWith($"no rule allowed it then; rule {rule.Id} would now, but its hours are {window}, and are next at ");
        (flow.Nearest!.Condition, flow.AllowCommand, flow.AllowForCommand).ShouldBe(("hours", $"sallyport rule update {rule.Id} --all-hours", null));
    }

    [Fact]
    public async Task A_network_has_the_flows_of_both_its_sides_and_who_sees_one_of_them_sees_the_flow()
    {
        await using var world = await WorldAsync();
        var (a, hq) = (await world.Client.GetNetworkAsync("plant-a"), await world.Client.GetSiteAsync("hq"));
        var b = await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-b", Prefixes = ["10.20.0.0/16"] });
        var twin = (await world.Client.AddDeviceAsync(new DeviceCreate { Name = "pump-17", Network = "plant-b", Profile = new() })).Device;
        var lone = (await world.Client.AddDeviceAsync(new DeviceCreate { Name = "lone", Network = "plant-b", Profile = new() })).Device;
        var pump = await world.Client.GetDeviceAsync("pump-17.plant-a");
        await world.RecordAsync(
            Traffic.Flow(a.Id, pump.Id, hq.Id, "192.168.50.10", 1), Traffic.Flow(b.Id, twin.Id, hq.Id, "198.18.0.1", 2), Traffic.Flow(b.Id, lone.Id, twin.Id, "10.20.0.2", 3));

        (await PortsAsync(network: "plant-a")).ShouldBe([2, 1]);
        (await PortsAsync(network: "plant-b")).ShouldBe([3, 2]);
        (await PortsAsync(network: "plant-a", site: "hq")).ShouldBe([2, 1]);
        (await PortsAsync(network: "plant-a", device: "pump-17.plant-b")).ShouldBe([2]);
        (await PortsAsync()).ShouldBe([3, 2, 1]);
        var first = await world.Client.ListFlowsAsync(network: "plant-a", limit: 1);
        (await world.Client.ListFlowsAsync(network: "plant-a", limit: 1, cursor: first.Next)).Items.Single().DestinationPort.ShouldBe(1);

        // Names that two networks have are told with theirs.
        var flows = (await world.Client.ListFlowsAsync()).Items;
        flows.Select(flow => (flow.From.Name, flow.From.Reference)).ShouldBe([("lone", "lone"), ("pump-17", "pump-17.plant-b"), ("pump-17", "pump-17.plant-a")]);
        (flows[0].To!.Reference, flows[1].To!.Reference).ShouldBe(("pump-17.plant-b", "hq"));

        var queries = world.App.Services.GetRequiredService<FlowQueries>();
        var seen = queries.Get(new Actor("far", Role.Administrator, a.Id), flows[1].Id);
        seen.Network.ShouldBe("plant-b");
        Should.Throw<ProblemException>(() => queries.Get(new Actor("far", Role.Administrator, a.Id), flows[0].Id)).Problem.Status.ShouldBe(403);
        queries.List(new Actor("far", Role.Administrator, a.Id), new FlowQuestion(null, null, null, null, null, null), Sallyport.Control.Http.Paging.Of(null, null))
            .Items.Select(flow => flow.DestinationPort).ShouldBe([2, 1]);

        async Task<List<int>> PortsAsync(string? device = null, string? site = null, string? network = null) =>
            [.. (await world.Client.ListFlowsAsync(device, site, network)).Items.Select(flow => flow.DestinationPort)];
    }

    [Fact]
    public async Task Flows_are_found_by_what_came_of_them_and_by_the_gateway_host()
    {
        await using var world = await WorldAsync();
        var (network, pump, hq) = (await world.Client.GetNetworkAsync("plant-a"), await world.Client.GetDeviceAsync("pump-17"), await world.Client.GetSiteAsync("hq"));
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "dashboard", Host = "plant-a", Services = ["tcp/3000"] });
        var host = world.Control.Feed.State.Identities.Values.Single(identity => identity.Kind == "host").Id;
        var allowed = Traffic.Flow(network.Id, pump.Id, hq.Id, "192.168.50.10", 1).AllowedBy(1, 1) with { PacketsBack = 0, BytesBack = 0 };
        await world.RecordAsync(
            allowed,
            Next(2) with { LastSeen = allowed.FirstSeen + 3_000_000_000 },
            Next(3) with { Ended = true },
            Next(4) with { Reason = "PeerOffline" },
            Next(5) with { PacketsBack = 1 },
            Next(6) with { PacketsBack = 1, Ended = true, ToId = host },
            Next(7) with { Allowed = false, Reason = "NoRule" },
            Next(8) with { Allowed = false, Reason = "NoRule", Cut = true });
        var all = (await world.Client.ListFlowsAsync()).Items;
        foreach (var state in all.Select(flow => flow.State).Distinct())
        {
            (await world.Client.ListFlowsAsync(state: state)).Items.Select(flow => flow.Id).ShouldBe(all.Where(flow => flow.State == state).Select(flow => flow.Id), state);
        }

        all.Select(flow => flow.State).Distinct().Count().ShouldBe(7);
        (await world.Client.ListFlowsAsync(host: "plant-a")).Items.Single().DestinationPort.ShouldBe(6);
        (await world.Client.ListFlowsAsync(device: "pump-17", state: "unreachable")).Items.Single().DestinationPort.ShouldBe(4);
        (await ControlWorld.ProblemOf(() => world.Client.ListFlowsAsync(state: "unreachble"))).Errors.Single().Hint.ShouldBe("did you mean unreachable?");
        (await ControlWorld.ProblemOf(() => world.Client.ListFlowsAsync(device: "pump-17", host: "plant-a"))).Errors.Single().Field.ShouldBe("host");
        (await ControlWorld.ProblemOf(() => world.Client.ListFlowsAsync(host: "plant-x"))).Errors.Single().Field.ShouldBe("host");

        FlowState Next(int port) => Traffic.Flow(network.Id, pump.Id, hq.Id, "192.168.50.10", port) with
        {
            Allowed = true, Reason = "", RuleId = 1, ApplicationId = 1, FirstSeen = allowed.FirstSeen, LastSeen = allowed.LastSeen, PacketsBack = 0,
        };
    }

    /// <summary>Each minute of the rule's hours is another model; who lists a page of such flows makes a few of them, and waits for no more.</summary>
    [Fact]
    public async Task So_many_denied_flows_are_looked_into_at_once_and_the_others_are_told_as_they_were_recorded()
    {
        await using var world = await WorldAsync();
        var (network, pump, hq) = (await world.Client.GetNetworkAsync("plant-a"), await world.Client.GetDeviceAsync("pump-17"), await world.Client.GetSiteAsync("hq"));
        foreach (var (hour, who) in ((int, string)[])[(3, "device:pump-17"), (4, "label:model=P200"), (5, "network:plant-a")])
        {
            await world.Client.AddRuleAsync(new RuleCreate
            {
                From = who, To = "application:historian", Windows = [.. Enumerable.Range(0, 20).Select(n => $"daily 0{hour}:{2 * n:00}-0{hour}:{(2 * n) + 1:00} UTC")],
            });
        }

        var flow = Traffic.Flow(network.Id, pump.Id, hq.Id, "192.168.50.10", 8883) with { ApplicationId = 1 };
        await world.RecordAsync([.. Enumerable.Range(0, 58).Select(n => (Id: n, At: new DateTimeOffset(2026, 11, 2, 3 + (n / 20), 1 + (2 * (n % 20)), 30, TimeSpan.Zero).ToUnixTimeMilliseconds() * 1_000_000))
            .Select(one => flow with { FlowId = flow.FlowId + 100 + one.Id, FirstSeen = one.At, LastSeen = one.At })]);
        var flows = (await world.Client.ListFlowsAsync(limit: 100)).Items;
        flows.Count.ShouldBe(58);
        flows.Count(flow => flow.Nearest is not null).ShouldBeInRange(32, 45);
        flows.Where(flow => flow.Nearest is null).ShouldAllBe(flow => flow.ReasonText == "no rule allows it");
    }

    private static async Task<FlowInfo> DeniedAsync(ControlWorld world)
    {
        var (network, pump, hq) = (await world.Client.GetNetworkAsync("plant-a"), await world.Client.GetDeviceAsync("pump-17"), await world.Client.GetSiteAsync("hq"));
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000;
        await world.RecordAsync(Traffic.Flow(network.Id, pump.Id, hq.Id, "192.168.50.10", 8883) with { ApplicationId = 1, FirstSeen = now, LastSeen = now });
        return (await world.Client.ListFlowsAsync()).Items[0];
    }

    private static async Task<ControlWorld> WorldAsync(TimeProvider? time = null)
    {
        var world = await ControlWorld.StartAsync(time: time);
        await world.PlantAsync();
        await world.HqAsync(profile: true);
        await world.PumpAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.10", Services = ["tcp/8883"] });
        return world;
    }
}
