using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Policy;
using Sallyport.Api.Rules;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Policies;

public sealed class LintTests
{
    private static readonly DateTimeOffset Start = new(2026, 7, 1, 10, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_rule_that_another_stands_for_is_found_and_one_of_two_stays()
    {
        await using var world = await WorldAsync(new MovedTime());
        var group = await RuleAsync(world, "group:pumps");
        var device = await RuleAsync(world, "device:pump-1");
        var label = await RuleAsync(world, "label:model=P200");
        var hours = await RuleAsync(world, "device:pump-2", hours: "daily 08:00-17:00 Etc/UTC");
        var findings = (await world.Client.LintAsync()).Findings.Where(finding => finding.Kind == "shadowed").ToList();
        // The group and the label mean the same two pumps.
        findings.Select(finding => finding.RuleId).ShouldBe([device, label, hours], ignoreOrder: true);
        findings.Single(finding => finding.RuleId == device).Why.ShouldBe(
            $"everybody it speaks of is allowed the same by rule {group} (group:pumps to application:historian); without it nothing would change");
        findings.Single(finding => finding.RuleId == device).Fix.ShouldBe($"sallyport rule remove {device}");

        // What they say can all be done at once.
        var replay = await world.Client.ReplayAsync(new ReplayRequest { RemoveRules = [device, label, hours] });
        replay.Changes.ShouldBeEmpty();
        foreach (var id in (int[])[device, label, hours])
        {
            await world.Client.DeleteRuleAsync(id);
        }

        (await world.Client.LintAsync()).Findings.ShouldNotContain(finding => finding.Kind == "shadowed");
        (await world.Client.WhoCanReachAsync("historian")).Items.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Hours_that_only_another_rule_has_keep_a_rule()
    {
        await using var world = await WorldAsync(new MovedTime());
        await RuleAsync(world, "group:pumps", hours: "sat,sun 10:00-12:00 Etc/UTC");
        await RuleAsync(world, "device:pump-1", hours: "mon-fri 08:00-17:00 Etc/UTC");
        (await world.Client.LintAsync()).Findings.ShouldNotContain(finding => finding.Kind == "shadowed");
    }

    [Fact]
    public async Task A_rule_whose_conditions_keep_nobody_out_is_found()
    {
        await using var world = await WorldAsync(new MovedTime());
        var condition = new ConditionInput { Posture = ["firmware>=2.4.1"] };
        var group = await RuleAsync(world, "group:pumps");
        var asks = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-1", To = "application:historian", Conditions = condition });
        var finding = (await world.Client.LintAsync()).Findings.Single(finding => finding.Kind == "shadowed");
        (finding.RuleId, finding.Why).ShouldBe((asks.Id,
            $"its conditions keep nobody out: everybody it speaks of is allowed the same by rule {group} (group:pumps to application:historian), which asks for nothing of the kind"));
        await world.Client.DeleteRuleAsync(group);
        (await world.Client.LintAsync()).Findings.ShouldNotContain(finding => finding.Kind == "shadowed");
    }

    [Fact]
    public async Task A_denial_or_a_lock_by_name_beside_a_way_by_address_is_found()
    {
        await using var world = await WorldAsync(new MovedTime());
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "web", Host = "internet", Target = "0.0.0.0/0", Services = ["tcp/443"] });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "time", Host = "internet", Target = "0.0.0.0/0", Services = ["udp/123"] });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "shop", Host = "internet", Names = ["*.shop.example"], Services = ["tcp/443"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", FromNetwork = "plant-a", To = "application:time" });
        var denial = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-1", To = "application:shop", Effect = "deny" });
        (await world.Client.LintAsync()).Findings.ShouldNotContain(finding => finding.Kind == "by-address", "another port");

        var wide = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-2", To = "application:web" });
        (await world.Client.LintAsync()).Findings.ShouldNotContain(finding => finding.Kind == "by-address", "somebody else");
        await world.Client.DeleteRuleAsync(wide.Id);
        wide = await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", FromNetwork = "plant-a", To = "application:web" });
        var finding = (await world.Client.LintAsync()).Findings.Single(finding => finding.Kind == "by-address");
        (finding.RuleId, finding.Why).ShouldBe((denial.Id,
            $"it denies names, and rule {wide.Id} (group:pumps of network plant-a to application:web) allows the same servers by address to who did not ask the gateway for such a name"));
        finding.Fix.ShouldBe("sallyport policy learn --group pumps --network plant-a --days 30 --commands");

        await world.Client.DeleteRuleAsync(denial.Id);
        await world.Client.AddLockAsync(new Api.Locks.LockCreate { Subject = "application:shop", Reason = "test" });
        (await world.Client.LintAsync()).Findings.Single(finding => finding.Kind == "by-address").What.ShouldBe("application:shop");
    }

    [Fact]
    public async Task A_rule_of_which_a_denial_leaves_nothing_is_found()
    {
        await using var world = await WorldAsync(new MovedTime());
        var deny = await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200", To = "application:historian", Effect = "deny" });
        var rule = await RuleAsync(world, "group:pumps");
        var finding = (await world.Client.LintAsync()).Findings.Single(finding => finding.Kind == "shadowed");
        (finding.RuleId, finding.Why).ShouldBe((rule, $"rule {deny.Id} (label:model=P200 to application:historian) denies all of it"));
    }

    [Fact]
    public async Task A_rule_that_asks_for_several_labels_speaks_of_who_has_all_of_them()
    {
        await using var world = await WorldAsync(new MovedTime());
        await RuleAsync(world, "group:pumps");
        await world.Client.UpdateDeviceAsync("pump-1", new DeviceUpdate { Labels = new Dictionary<string, string> { ["model"] = "P200", ["region"] = "eu" } });
        var nobody = await RuleAsync(world, "label:model=P200,region=us");
        var one = await RuleAsync(world, "label:model=P200,region=eu");
        var findings = (await world.Client.LintAsync()).Findings;
        findings.Select(finding => (finding.Kind, finding.RuleId)).ShouldBe([("no-subject", nobody), ("shadowed", one)]);
        findings[0].Why.ShouldBe("nobody has the labels model=P200,region=us");
    }

    [Theory]
    [InlineData("dark")]
    [InlineData("throttled")]
    [InlineData("management")]
    [InlineData("forensic")]
    public async Task Quarantine_makes_no_rule_useless_whatever_its_degree(string degree)
    {
        await using var world = await WorldAsync(new MovedTime());
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "lab", Site = "hq", Target = "192.168.50.12", Services = ["tcp/22"] });
        await RuleAsync(world, "device:pump-1");
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-1", To = "application:lab" });
        await world.Client.QuarantineDeviceToAsync("pump-1", new QuarantineRequest { Degree = degree, Application = degree == "forensic" ? "lab" : null });
        (await world.Client.LintAsync()).Findings.ShouldBeEmpty();
        (await world.Client.GetDeviceAsync("pump-1")).Quarantine!.Degree.ShouldBe(degree);
    }

    [Fact]
    public async Task A_rule_with_conditions_stands_for_no_other_whether_it_allows_or_denies()
    {
        await using var world = await WorldAsync(new MovedTime());
        await world.Client.ReportDevicePostureAsync("pump-1", new PostureUpdate { Facts = new Dictionary<string, string?> { ["firmware"] = "2.5.0" } });
        var conditions = new ConditionInput { Posture = ["firmware>=2.4.1"] };
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-1", To = "application:historian", Conditions = conditions });
        await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", To = "application:historian", Effect = "deny", Conditions = conditions });
        await RuleAsync(world, "device:pump-1", hours: "mon-fri 08:00-17:00 Etc/UTC");
        (await world.Client.LintAsync()).Findings.ShouldBeEmpty("the facts hold now, and nobody knows for how long");
    }

    [Fact]
    public async Task A_rule_with_another_limit_stands_for_no_other()
    {
        await using var world = await WorldAsync(new MovedTime());
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-1", To = "application:historian", Limit = new LimitInput { Rate = "1mbit" } });
        var limited = await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", To = "application:historian", Limit = new LimitInput { Rate = "1mbit" } });
        (await world.Client.LintAsync()).Findings.ShouldBeEmpty("each counts for itself");
        await world.Client.DeleteRuleAsync(limited.Id);
        await RuleAsync(world, "group:pumps");
        (await world.Client.LintAsync()).Findings.ShouldBeEmpty("the narrower one is limited");
        await world.Client.DeleteRuleAsync(1);
        var free = await RuleAsync(world, "device:pump-1");
        (await world.Client.LintAsync()).Findings.ShouldHaveSingleItem().RuleId.ShouldBe(free);
    }

    [Fact]
    public async Task A_rule_to_a_group_without_applications_is_found()
    {
        await using var world = await WorldAsync(new MovedTime());
        await RuleAsync(world, "group:pumps");
        var empty = await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", To = "application-group:scada.plant-a" });
        var finding = (await world.Client.LintAsync("plant-a")).Findings.ShouldHaveSingleItem();
        (finding.Kind, finding.RuleId, finding.Network, finding.Why, finding.Fix).ShouldBe(
            ("no-application", empty.Id, "plant-a", "no application is in the group scada", $"sallyport rule remove {empty.Id}"));
        await world.Client.UpdateApplicationAsync("historian", new ApplicationUpdate { Groups = ["scada"] });
        (await world.Client.LintAsync("plant-a")).Findings.ShouldNotContain(one => one.Kind == "no-application");
    }

    [Fact]
    public async Task Flows_of_other_networks_count_for_the_rules_that_allowed_them()
    {
        var time = new MovedTime { By = Start - DateTimeOffset.UtcNow };
        await using var world = await WorldAsync(time);
        var plantB = await world.Client.AddNetworkAsync(new Api.Networks.NetworkCreate { Name = "plant-b", Prefixes = ["10.20.0.0/16"] });
        var panel = await world.Client.AddDeviceAsync(new DeviceCreate { Name = "panel", Network = "plant-b", Profile = new() });
        var across = await world.Client.AddRuleAsync(new RuleCreate { From = "device:panel", To = "application:historian" });
        var egress = await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "updates", Host = "internet", Names = ["*.vendor.example"], Services = ["tcp/1-1000"] });
        var named = await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-b", To = "application:updates" });
        await RecordAsync(world, 1, Start.AddMinutes(1)); // so long it was watched
        time.By += TimeSpan.FromDays(9);
        var hq = await world.Client.GetSiteAsync("hq");
        var at = Start.AddDays(8).ToUnixTimeSeconds() * 1_000_000_000;
        var there = (await world.Client.ReachOfAsync("device:panel")).Items.First(row => row.Application == "historian").Destinations.Single();
        var seen = Traffic.Flow(plantB.Id, panel.Device.Id, hq.Id, there, 8883).AllowedBy(across.Id, 1) with { FirstSeen = at, LastSeen = at };
        var outside = Traffic.Flow(plantB.Id, panel.Device.Id, 0, "198.51.100.7", 443).AllowedBy(named.Id, egress.Id) with { FirstSeen = at, LastSeen = at };
        await world.RecordAsync(seen, outside);

        // Asked of either network: the rule is of both, and what used it is of one.
        foreach (var network in (string[])["plant-a", "plant-b", "internet"])
        {
            var report = await world.Client.LintAsync(network);
            report.Findings.ShouldNotContain(finding => finding.Kind == "never-hit" || finding.Kind == "wider", network);
            report.Rules.ShouldBe(network == "plant-b" ? 2 : 1, network);
        }

        (await world.Client.LintAsync("internet")).Flows.ShouldBe(1);
        (await world.Client.LintAsync("plant-a")).Flows.ShouldBe(2);
    }

    [Fact]
    public async Task Rules_that_ended_or_speak_of_nobody_and_applications_that_nobody_reaches_are_found()
    {
        var time = new MovedTime();
        await using var world = await WorldAsync(time);
        var ended = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-1", To = "application:historian", For = "1h" });
        var nobody = await RuleAsync(world, "group:welders");
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "web", Site = "hq", Target = "192.168.50.11", Services = ["tcp/443"] });
        time.By += TimeSpan.FromHours(2);
        var report = await world.Client.LintAsync("plant-a");
        report.Findings.Select(finding => (finding.Kind, finding.RuleId, finding.Fix)).ShouldBe(
        [
            ("ended", ended.Id, $"sallyport rule remove {ended.Id}"),
            ("no-subject", nobody, $"sallyport rule remove {nobody}"),
            ("unreachable", null, "sallyport application remove historian"),
            ("unreachable", null, "sallyport application remove web"),
        ]);
        report.Findings[1].Why.ShouldBe("nobody is in the group welders");
        report.Notes.ShouldBe(["No flows are recorded: what rules were used for is not known."]);
    }

    [Fact]
    public async Task What_was_not_used_is_told_when_it_was_watched_for_long_enough()
    {
        var time = new MovedTime { By = Start - DateTimeOffset.UtcNow };
        await using var world = await WorldAsync(time);
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "all", Site = "hq", Target = "192.168.50.0/24", Services = ["tcp/1-65535"] });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "web", Site = "hq", Target = "10.0.0.1", Services = ["tcp/443"] });
        var never = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-1", To = "application:web" });
        var wide = await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", To = "application:all" });
        await RecordAsync(world, wide.Id, Start.AddMinutes(10));
        time.By += TimeSpan.FromDays(1);
        var early = await world.Client.LintAsync();
        early.Findings.ShouldNotContain(finding => finding.Kind == "never-hit" || finding.Kind == "wider");
        early.Notes.ShouldHaveSingleItem().ShouldStartWith("Flows are recorded for less than 7 days");

        time.By += TimeSpan.FromDays(9);
        await RecordAsync(world, wide.Id, Start.AddDays(9));
        var young = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-2", To = "application:web" });
        var findings = (await world.Client.LintAsync()).Findings;
        findings.Single(finding => finding.RuleId == never.Id).Kind.ShouldBe("never-hit");
        findings.ShouldNotContain(finding => finding.RuleId == young.Id, "it is younger than what was watched");
        var wider = findings.Single(finding => finding.RuleId == wide.Id);
        wider.Kind.ShouldBe("wider");
        wider.Why.ShouldEndWith("1 of 2 subjects used it (pump-1); of 65535 ports it was used for tcp/8883; of 192.168.50.0/24 it was used for 192.168.50.10");
        wider.Fix.ShouldBe("sallyport policy learn --group pumps --network plant-a --days 30 --commands");
        (await ControlWorld.ProblemOf(() => world.Client.LintAsync(days: 0))).Errors.Single().Field.ShouldBe("days");
    }

    private static async Task RecordAsync(ControlWorld world, int rule, DateTimeOffset at)
    {
        var network = await world.Client.GetNetworkAsync("plant-a");
        var from = await world.Client.GetDeviceAsync("pump-1");
        var to = await world.Client.GetSiteAsync("hq");
        var nanoseconds = at.ToUnixTimeSeconds() * 1_000_000_000;
        await world.RecordAsync(Traffic.Flow(network.Id, from.Id, to.Id, "192.168.50.10", 8883).AllowedBy(rule, 2) with { FirstSeen = nanoseconds, LastSeen = nanoseconds });
    }

    private static async Task<int> RuleAsync(ControlWorld world, string from, string? hours = null) =>
        (await world.Client.AddRuleAsync(new RuleCreate { From = from, To = "application:historian", Windows = hours is null ? null : [hours] })).Id;

    private static async Task<ControlWorld> WorldAsync(TimeProvider time)
    {
        var world = await ControlWorld.StartAsync(time: time);
        await world.PlantAsync();
        await world.Client.AddSiteAsync(new Api.Sites.SiteCreate { Name = "hq", Network = "plant-a", Subnets = ["192.168.50.0/24", "10.0.0.0/24"], Profile = new() });
        foreach (var name in (string[])["pump-1", "pump-2"])
        {
            await world.Client.AddDeviceAsync(new DeviceCreate
            {
                Name = name,
                Network = "plant-a",
                Groups = ["pumps"],
                Labels = new Dictionary<string, string> { ["model"] = "P200" },
                Profile = new(),
            });
        }

        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.10", Services = ["tcp/8883"] });
        return world;
    }
}
