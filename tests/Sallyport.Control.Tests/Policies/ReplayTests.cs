using System.Diagnostics;
using Dapper;
using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Policy;
using Sallyport.Api.Rules;
using Sallyport.Control.Tests.Worlds;
using Xunit.Abstractions;

namespace Sallyport.Control.Tests.Policies;

public sealed class ReplayTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_draft_says_which_flows_of_whom_it_would_block_and_allow_and_changes_nothing()
    {
        await using var world = await WorldAsync();
        var plant = new Plant(await world.Client.GetNetworkAsync("plant-a"), await world.Client.GetDeviceAsync("pump-17"), await world.Client.GetDeviceAsync("pump-18"), await world.Client.GetSiteAsync("hq"));
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200", To = "application:historian" });
        await world.RecordAsync(
            plant.Flow(plant.Pump17, "192.168.50.10", 8883).AllowedBy(rule.Id, 1),
            plant.Flow(plant.Pump17, "192.168.50.10", 8883).AllowedBy(rule.Id, 1),
            plant.Flow(plant.Pump18, "192.168.50.10", 8883).AllowedBy(rule.Id, 1),
            plant.Flow(plant.Pump17, "192.168.50.11", 443),
            plant.Flow(plant.Pump18, "192.168.50.11", 443),
            plant.Flow(plant.Pump18, "192.168.50.12", 22) with { Reason = "NoApplication" },
            plant.Flow(plant.Pump18, "192.168.50.10", 8883) with { Reason = "SpoofedSource" });

        var report = await world.Client.ReplayAsync(new ReplayRequest
        {
            RemoveRules = [rule.Id],
            AddRules = [new RuleCreate { From = "device:pump-18", To = "application:historian" }, new RuleCreate { From = "device:pump-17", To = "application:web" }],
        });
        (report.Flows, report.Blocked, report.BlockedFrom, report.Allowed, report.AllowedFrom, report.StayAllowed, report.StayDenied).ShouldBe((7, 2, 1, 1, 1, 1, 2));
        report.NotJudged.Sum(one => one.Flows).ShouldBe(1);
        report.RecordedOtherwise.ShouldBe(0);
        var blocked = report.Changes[0];
        (blocked.Change, blocked.From, blocked.To, blocked.Destination, blocked.Service, blocked.Application, blocked.Flows, blocked.Bytes, blocked.RuleId)
            .ShouldBe(("blocked", "device:pump-17", "site:hq", "192.168.50.10", "tcp/8883", "historian", 2, 200, rule.Id));
        blocked.Reason.ShouldBe("no rule allows it");
        var allowed = report.Changes[1];
        (allowed.Change, allowed.From, allowed.Service, allowed.Application, allowed.Rule).ShouldBe(("allowed", "device:pump-17", "tcp/443", "web", "device:pump-17 to application:web"));

        (await world.Client.ListRulesAsync()).Items.Select(one => one.Id).ShouldBe([rule.Id], "a draft is nothing that was");
        (await world.Client.ListAuditAsync(action: "rule.delete")).Items.ShouldBeEmpty();
        (await world.Client.VerifyAuditAsync()).Valid.ShouldBeTrue();
        (await world.Client.ReplayAsync(new ReplayRequest())).Changes.ShouldBeEmpty("the policy of today decides as itself");
    }

    [Fact]
    public async Task Hours_count_as_of_when_a_flow_was_opened()
    {
        var monday = new DateTimeOffset(2026, 7, 6, 0, 0, 0, TimeSpan.Zero);
        var time = new MovedTime { By = monday.AddDays(2) - DateTimeOffset.UtcNow };
        await using var world = await WorldAsync(time);
        var plant = new Plant(await world.Client.GetNetworkAsync("plant-a"), await world.Client.GetDeviceAsync("pump-17"), await world.Client.GetDeviceAsync("pump-18"), await world.Client.GetSiteAsync("hq"));
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200", To = "application:historian" });
        await world.RecordAsync([.. Enumerable.Range(0, 48).Select(hour => At(plant.Flow(plant.Pump17, "192.168.50.10", 8883).AllowedBy(rule.Id, 1), monday.AddHours(hour)))]);
        var report = await world.Client.ReplayAsync(new ReplayRequest
        {
            RemoveRules = [rule.Id],
            AddRules = [new RuleCreate { From = "label:model=P200", To = "application:historian", Windows = ["daily 08:00-17:00 Etc/UTC"] }],
        });
        (report.StayAllowed, report.Blocked).ShouldBe((18, 30));
        (await world.Client.ReplayAsync(new ReplayRequest { Days = 1, RemoveRules = [rule.Id] })).Flows.ShouldBe(24);

        static Api.Nodes.FlowState At(Api.Nodes.FlowState flow, DateTimeOffset at) =>
            flow with { FirstSeen = at.ToUnixTimeSeconds() * 1_000_000_000, LastSeen = at.AddMinutes(1).ToUnixTimeSeconds() * 1_000_000_000 };
    }

    [Fact]
    public async Task Who_is_gone_or_shut_out_cannot_be_judged_and_that_is_said()
    {
        await using var world = await WorldAsync();
        var plant = new Plant(await world.Client.GetNetworkAsync("plant-a"), await world.Client.GetDeviceAsync("pump-17"), await world.Client.GetDeviceAsync("pump-18"), await world.Client.GetSiteAsync("hq"));
        await world.RecordAsync(plant.Flow(plant.Pump17, "192.168.50.10", 8883), plant.Flow(plant.Pump18, "192.168.50.10", 8883));
        await world.Client.DeleteDeviceAsync("pump-17");
        await world.Client.QuarantineDeviceAsync("pump-18", null);
        var report = await world.Client.ReplayAsync(new ReplayRequest { AddRules = [new RuleCreate { From = "label:model=P200", To = "application:historian" }] });
        report.Changes.ShouldBeEmpty();
        report.NotJudged.Select(one => (one.Why, one.Flows)).ShouldBe(
        [
            ("who opened it or carried its destination is gone (device:pump-17)", 1),
            ("who opened it or carries its destination is shut out now (device:pump-18 is quarantined: dark)", 1),
        ]);
    }

    [Fact]
    public async Task What_a_degree_of_quarantine_or_a_lock_on_the_application_decides_is_not_judged_and_that_is_said()
    {
        await using var world = await WorldAsync();
        var plant = new Plant(await world.Client.GetNetworkAsync("plant-a"), await world.Client.GetDeviceAsync("pump-17"), await world.Client.GetDeviceAsync("pump-18"), await world.Client.GetSiteAsync("hq"));
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200", To = "application:historian" });
        await world.RecordAsync(
            plant.Flow(plant.Pump17, "192.168.50.10", 8883) with { Reason = "Quarantined" },
            plant.Flow(plant.Pump18, "192.168.50.10", 8883) with { Reason = "Quarantined" },
            plant.Flow(plant.Pump18, "192.168.50.11", 443) with { Reason = "ApplicationLocked" });
        await world.Client.QuarantineDeviceToAsync("pump-17", new QuarantineRequest { Degree = "management" });
        await world.Client.AddLockAsync(new Api.Locks.LockCreate { Subject = "application:web" });
        var report = await world.Client.ReplayAsync(new ReplayRequest { RemoveRules = [rule.Id], AddRules = [new RuleCreate { From = "device:pump-18", To = "application:web" }] });
        report.NotJudged.Select(one => (one.Why, one.Flows)).ShouldBe(
            [("who opened it or carries its destination is shut out now (device:pump-17 is quarantined: management)", 1), ("its application is locked now", 1)]);
        // Whose quarantine is over is judged as anybody.
        report.Changes.ShouldHaveSingleItem().From.ShouldBe("device:pump-18");
        report.Blocked.ShouldBe(1);
    }

    [Fact]
    public async Task A_file_is_tried_on_the_policy_of_the_same_moment_whoever_changes_it_meanwhile()
    {
        await using var world = await WorldAsync();
        var plant = new Plant(await world.Client.GetNetworkAsync("plant-a"), await world.Client.GetDeviceAsync("pump-17"), await world.Client.GetDeviceAsync("pump-18"), await world.Client.GetSiteAsync("hq"));
        await world.RecordAsync(plant.Flow(plant.Pump17, "192.168.50.10", 8883));
        using var done = new CancellationTokenSource();
        var others = Task.Run(async () =>
        {
            while (!done.IsCancellationRequested)
            {
                await world.Client.DeleteRuleAsync((await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian" })).Id);
            }
        });
        for (var i = 0; i < 100; i++)
        {
            var report = await world.Client.ReplayAsync(new ReplayRequest { File = "devices:\n  spare: { network: plant-a }\n" });
            (report.Flows, report.Blocked, report.Allowed).ShouldBe((1, 0, 0), "the file has nothing to do with that rule");
        }

        await done.CancelAsync();
        await others;
    }

    [Fact]
    public async Task A_draft_that_cannot_be_says_which_part_of_it()
    {
        await using var world = await WorldAsync();
        (await FieldOf(new ReplayRequest { AddRules = [new RuleCreate { From = "device:pmp-17", To = "application:historian" }] })).ShouldBe("addRules[0].from");
        (await FieldOf(new ReplayRequest { RemoveRules = [99] })).ShouldBe("removeRules[0]");
        (await FieldOf(new ReplayRequest { Days = 0 })).ShouldBe("days");
        (await FieldOf(new ReplayRequest { Limit = 1_000_000 })).ShouldBe("limit");
        (await FieldOf(new ReplayRequest { Network = "plant-x" })).ShouldBe("network");

        async Task<string> FieldOf(ReplayRequest request) => (await ControlWorld.ProblemOf(() => world.Client.ReplayAsync(request))).Errors.ShouldHaveSingleItem().Field;
    }

    [Fact]
    public async Task Of_any_number_of_flows_so_many_groups_are_kept()
    {
        const int Flows = 100_000;
        await using var world = await WorldAsync();
        var plant = new Plant(await world.Client.GetNetworkAsync("plant-a"), await world.Client.GetDeviceAsync("pump-17"), await world.Client.GetDeviceAsync("pump-18"), await world.Client.GetSiteAsync("hq"));
        await world.RecordAsync(plant.Flow(plant.Pump17, "192.168.50.10", 8883));
        Multiply(world, Flows);
        var request = new ReplayRequest { AddRules = [new RuleCreate { From = "label:model=P200", To = "application:all" }] };
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "all", Site = "hq", Target = "192.168.50.0/24", Services = ["tcp/1-65535"] });
        var watch = Stopwatch.StartNew();
        var report = await world.Client.ReplayAsync(request);
        output.WriteLine($"{report.Flows} flows in {watch.ElapsedMilliseconds} ms");
        (report.Flows, report.Allowed).ShouldBe((Flows, Flows));
        report.Changes.Count.ShouldBe(1000);
        (report.Changes.Sum(change => change.Flows) + report.FlowsLeftOut).ShouldBeLessThan(Flows + 1);
        report.FlowsLeftOut.ShouldBeGreaterThan(0, "20,000 groups are kept, and there were 60,000 ports");
    }

    /// <summary>Copies the one flow that is there, to other ports and times.</summary>
    private static void Multiply(ControlWorld world, int flows) => world.Control.Traffic.Database.Write(sql => sql.Execute(
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < @flows - 1)
        INSERT INTO flows (run_id, flow_id, gateway, network_id, network, from_id, from_kind, from_name, to_id, to_kind, to_name, protocol, source,
            source_port, destination, destination_port, allowed, cut, rule_id, application_id, application, reason, first_seen, last_seen,
            packets_out, bytes_out, packets_back, bytes_back, ended)
        SELECT run_id, flow_id + i, gateway, network_id, network, from_id, from_kind, from_name, to_id, to_kind, to_name, protocol, source,
            source_port, destination, 1 + i % 60000, allowed, cut, rule_id, application_id, application, reason, first_seen - i * 1000000, last_seen - i * 1000000,
            packets_out, bytes_out, packets_back, bytes_back, ended FROM flows, n
        """,
        new { flows }));

    private static async Task<ControlWorld> WorldAsync(TimeProvider? time = null)
    {
        var world = await ControlWorld.StartAsync(time: time);
        await world.PlantAsync();
        await world.HqAsync(profile: true);
        await world.PumpAsync("pump-17");
        await world.PumpAsync("pump-18");
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.10", Services = ["tcp/8883"] });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "web", Site = "hq", Target = "192.168.50.11", Services = ["tcp/443"] });
        return world;
    }

    private sealed record Plant(Api.Networks.NetworkInfo Network, DeviceInfo Pump17, DeviceInfo Pump18, Api.Sites.SiteInfo Hq)
    {
        public Api.Nodes.FlowState Flow(DeviceInfo from, string destination, int port) => Traffic.Flow(Network.Id, from.Id, Hq.Id, destination, port);
    }
}
