using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.Api.Nodes;
using Sallyport.Api.Policy;
using Sallyport.Api.Rules;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Policies;

public sealed class LearnTests
{
    [Fact]
    public async Task What_several_did_is_one_rule_for_all_and_what_one_did_is_a_rule_for_that_one()
    {
        await using var world = await WorldAsync();
        var all = await world.AllowEverythingAsync();
        await world.SeenAsync(all, ("pump-1", "192.168.50.10", 8883), ("pump-2", "192.168.50.10", 8883), ("pump-3", "192.168.50.10", 8883));
        await world.SeenAsync(all, ("pump-1", "192.168.50.11", 443), ("pump-2", "192.168.50.11", 443));
        await world.SeenAsync(all, [.. Enumerable.Range(5000, 11).Select(port => ("pump-1", "192.168.50.11", port))], times: 1);
        await world.SeenAsync(all, [.. Enumerable.Range(5000, 11).Select(port => ("pump-2", "192.168.50.11", port))], times: 1);
        await world.SeenAsync(all, ("pump-3", "192.168.50.12", 22));

        var plan = await world.Client.LearnAsync("group:pumps");
        (plan.Members, plan.MembersSeen).ShouldBe((4, 3));
        plan.Applications.Select(application => $"{application.Name} {application.Site} {application.Target} {string.Join(' ', application.Services)}").ShouldBe(
            ["hq-192-168-50-11 hq 192.168.50.11 tcp/443 tcp/5000-5010", "hq-192-168-50-12-tcp-22 hq 192.168.50.12 tcp/22"]);
        plan.Rules.Select(rule => $"{rule.From} {rule.To} by {rule.Members}").ShouldBe(
            ["group:pumps application:historian by 3", "group:pumps application:hq-192-168-50-11 by 2", "device:pump-3 application:hq-192-168-50-12-tcp-22 by 1"]);
        plan.Skipped.ShouldBeEmpty();
        plan.Commands.ShouldBe(
        [
            "sallyport application add hq-192-168-50-11 --site hq --target 192.168.50.11 --tcp 443 --tcp 5000-5010",
            "sallyport application add hq-192-168-50-12-tcp-22 --site hq --target 192.168.50.12 --tcp 22",
            "sallyport rule add --from group:pumps --to application:historian",
            "sallyport rule add --from group:pumps --to application:hq-192-168-50-11",
            "sallyport rule add --from device:pump-3 --to application:hq-192-168-50-12-tcp-22",
        ]);

        // The plan in the place of what was there blocks nothing that was seen.
        await world.ApplyAsync(plan);
        (await world.Client.ReplayAsync(new ReplayRequest { RemoveRules = [all] })).Blocked.ShouldBe(0);
        var again = await world.Client.LearnAsync("group:pumps");
        again.Commands.ShouldBeEmpty("all of it is there");
        again.Rules.ShouldAllBe(rule => rule.Existing > 0);
    }

    [Fact]
    public async Task What_was_denied_is_covered_where_it_is_asked_for_and_a_scan_never_is()
    {
        await using var world = await WorldAsync();
        await world.DeniedAsync([("pump-1", "192.168.50.10", 8883)], times: 3);
        await world.DeniedAsync([("pump-1", "192.168.50.10", 8884)], times: 1);
        await world.DeniedAsync([.. Enumerable.Range(1, 40).Select(port => ("pump-2", "192.168.50.10", port))], times: 3);
        await world.DeniedAsync([("pump-3", "172.16.0.1", 80)], times: 3, reason: "NotRouted");
        await world.DeniedAsync([("pump-3", "192.168.50.10", 80)], times: 3, reason: "SpoofedSource");

        (await world.Client.LearnAsync("label:model=P200")).Rules.ShouldBeEmpty();
        var plan = await world.Client.LearnAsync("label:model=P200", denied: true);
        var rule = plan.Rules.ShouldHaveSingleItem();
        (rule.From, rule.To, rule.Flows, rule.Denied).ShouldBe(("device:pump-1", "application:historian", 3, 3));
        plan.Applications.ShouldBeEmpty();
        plan.Skipped.Select(one => (one.What, one.Flows)).ShouldBe(
            [("tcp/8884 192.168.50.10", 1), ("tcp/80 172.16.0.1", 3), ("device:pump-2", 120), ("flows", 3)], ignoreOrder: true);
        plan.Skipped.Single(one => one.What == "device:pump-2").Why.ShouldContain("scan");
    }

    [Fact]
    public async Task A_scan_through_a_rule_that_is_too_wide_ends_in_no_proposal()
    {
        await using var world = await WorldAsync();
        var all = await world.AllowEverythingAsync();
        // A closed port answers with one packet.
        await world.SeenAsync(all, [.. Enumerable.Range(1, 300).Select(port => ("pump-1", "192.168.50.20", port))], times: 1, answers: 1);
        await world.SeenAsync(all, ("pump-1", "192.168.50.20", 502));
        var plan = await world.Client.LearnAsync("device:pump-1");
        plan.Rules.ShouldHaveSingleItem().Services.ShouldBe(["tcp/502"]);
        plan.Skipped.Count.ShouldBe(11, "ten by name, the others together");
        plan.Skipped.Sum(one => one.Flows).ShouldBe(300);
    }

    [Fact]
    public async Task Of_several_labels_who_has_all_of_them_is_meant()
    {
        await using var world = await WorldAsync();
        foreach (var name in (string[])["pump-1", "pump-2"])
        {
            await world.Client.UpdateDeviceAsync(name, new DeviceUpdate { Labels = new Dictionary<string, string> { ["model"] = "P200", ["region"] = "eu" } });
        }

        var all = await world.AllowEverythingAsync();
        await world.SeenAsync(all, ("pump-1", "192.168.50.10", 8883), ("pump-2", "192.168.50.10", 8883), ("pump-3", "192.168.50.10", 8883));
        var plan = await world.Client.LearnAsync("label:region=eu,model=P200");
        (plan.Subject, plan.Members, plan.Flows).ShouldBe(("label:model=P200,region=eu", 2, 4));
        plan.Commands.ShouldBe(["sallyport rule add --from label:model=P200,region=eu --to application:historian"]);

        // One that all of them have the first label for allows nothing to who lacks the second.
        await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200,region=us", To = "application:historian" });
        (await world.Client.LearnAsync("label:model=P200,region=eu")).Rules.ShouldHaveSingleItem().Existing.ShouldBeNull();
        var made = await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200,region=eu", To = "application:historian" });
        (await world.Client.LearnAsync("label:region=eu,model=P200")).Rules.ShouldHaveSingleItem().Existing.ShouldBe(made.Id);
    }

    [Fact]
    public async Task What_lies_beyond_the_gateway_is_learned_by_address_and_what_went_by_name_by_its_application()
    {
        await using var world = await WorldAsync();
        await world.DeniedAsync([("pump-1", "203.0.113.9", 443), ("pump-2", "203.0.113.9", 443)], times: 3, reason: "NotRouted", toSite: false);
        var plan = await world.Client.LearnAsync("group:pumps", denied: true);
        plan.Commands.ShouldBe(
        [
            "sallyport application add internet-203-0-113-9-tcp-443 --egress --target 203.0.113.9 --tcp 443",
            "sallyport rule add --from group:pumps --from-network plant-a --to application:internet-203-0-113-9-tcp-443",
        ]);
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "ntp", Host = "internet", Target = "192.0.2.0/24", Services = ["udp/123"] });
        await world.Client.UpdateNetworkAsync("internet", new NetworkUpdate { Guests = "shared" });
        await world.ApplyAsync(plan);
        (await world.Client.ReplayAsync(new ReplayRequest { AddRules = [] })).RecordedOtherwise.ShouldBe(6, "they are allowed by now");

        var updates = await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "updates", Host = "internet", Names = ["*.vendor.example"], Services = ["tcp/8443"] });
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:updates" });
        await world.SeenAsync(rule.Id, [("pump-1", "198.51.100.1", 8443), ("pump-2", "198.51.100.2", 8443)], times: 2, application: updates.Id);
        var again = await world.Client.LearnAsync("group:pumps");
        again.Applications.ShouldBeEmpty();
        again.Rules.Select(one => (one.To, one.Existing)).Distinct().ShouldBe([("application:updates", rule.Id)]);
    }

    [Fact]
    public async Task A_subject_that_cannot_be_is_named_with_its_repair()
    {
        await using var world = await WorldAsync();
        (await FieldOf("group:welders")).ShouldBe(("subject", "see who there is: sallyport device list"));
        (await FieldOf("device:pmp-1")).Hint.ShouldBe("did you mean pump-1?");
        (await FieldOf("pump-1")).Hint.ShouldBe("did you mean device:pump-1?");
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-b", Prefixes = ["10.20.0.0/16"] });
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "pump-1", Network = "plant-b", Groups = ["pumps"] });
        (await FieldOf("group:pumps")).ShouldBe(("network", "say which: plant-a or plant-b"));
        (await world.Client.LearnAsync("group:pumps", network: "plant-b")).Members.ShouldBe(1);

        async Task<(string Field, string Hint)> FieldOf(string subject)
        {
            var error = (await ControlWorld.ProblemOf(() => world.Client.LearnAsync(subject))).Errors.ShouldHaveSingleItem();
            return (error.Field, error.Hint);
        }
    }

    [Fact]
    public async Task What_came_by_a_rule_with_conditions_or_hours_is_there_and_a_rule_that_goes_around_one_says_so()
    {
        await using var world = await WorldAsync();
        var fit = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-1", To = "application:historian", Conditions = new ConditionInput { Posture = ["firmware>=2.4.1"] } });
        var day = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-2", To = "application:historian", Windows = ["daily 08:00-17:00 Etc/UTC"] });
        await world.SeenAsync(fit.Id, [("pump-1", "192.168.50.10", 8883)], times: 2, application: 1);
        await world.SeenAsync(day.Id, [("pump-2", "192.168.50.10", 8883)], times: 2, application: 1);
        var one = await world.Client.LearnAsync("device:pump-1");
        one.Commands.ShouldBeEmpty();
        (one.Rules.ShouldHaveSingleItem().Existing, one.Rules[0].Bypasses.Count).ShouldBe((fit.Id, 0));
        (await world.Client.LearnAsync("group:pumps")).Rules.ShouldHaveSingleItem().Existing.ShouldBe(fit.Id, "each of them came by one of the two");

        // What was denied by the hours, or came around them, is another thing.
        await world.DeniedAsync([("pump-2", "192.168.50.10", 8883)], times: 3);
        (await world.Client.LearnAsync("device:pump-2")).Commands.ShouldBeEmpty();
        var denied = (await world.Client.LearnAsync("device:pump-2", denied: true)).Rules.ShouldHaveSingleItem();
        denied.Existing.ShouldBeNull();
        denied.Bypasses.ShouldBe([day.Id]);
        var all = await world.AllowEverythingAsync();
        await world.SeenAsync(all, ("pump-1", "192.168.50.10", 8883));
        var around = (await world.Client.LearnAsync("device:pump-1")).Rules.ShouldHaveSingleItem();
        around.Existing.ShouldBeNull();
        around.Bypasses.ShouldBe([fit.Id]);
    }

    private static async Task<Seen> WorldAsync()
    {
        var world = await ControlWorld.StartAsync();
        var network = await world.PlantAsync();
        var hq = await world.HqAsync(profile: true);
        var ids = new Dictionary<string, int>();
        for (var i = 1; i <= 4; i++)
        {
            var made = await world.Client.AddDeviceAsync(new DeviceCreate
            {
                Name = $"pump-{i}",
                Network = "plant-a",
                Groups = ["pumps"],
                Labels = new Dictionary<string, string> { ["model"] = "P200" },
                Profile = new(),
            });
            ids[made.Device.Name] = made.Device.Id;
        }

        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.10", Services = ["tcp/8883"] });
        return new Seen(world, network.Id, hq.Site.Id, ids);
    }

    /// <summary>A world with four pumps and what they were seen to do.</summary>
    private sealed class Seen(ControlWorld world, int network, int site, IReadOnlyDictionary<string, int> ids) : IAsyncDisposable
    {
        public Api.Client.SallyportClient Client => world.Client;

        public async Task<int> AllowEverythingAsync()
        {
            await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "all", Site = "hq", Target = "192.168.50.0/24", Services = ["tcp/1-65535"] });
            return (await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", To = "application:all" })).Id;
        }

        public Task SeenAsync(int rule, params (string From, string To, int Port)[] flows) => SeenAsync(rule, flows, times: 2);

        public Task SeenAsync(int rule, (string From, string To, int Port)[] flows, int times, int answers = 5, int application = 2) =>
            RecordAsync(flows, times, flow => flow.AllowedBy(rule, application) with { PacketsBack = answers });

        public Task DeniedAsync((string From, string To, int Port)[] flows, int times, string reason = "NoRule", bool toSite = true) =>
            RecordAsync(flows, times, flow => flow with { Reason = reason, ToId = toSite ? flow.ToId : 0 });

        public async Task ApplyAsync(LearnPlan plan)
        {
            foreach (var application in plan.Applications)
            {
                await world.Client.AddApplicationAsync(new ApplicationCreate
                {
                    Name = application.Name,
                    Site = application.Site,
                    Host = application.Host,
                    Target = application.Target,
                    Services = application.Services,
                });
            }

            foreach (var rule in plan.Rules)
            {
                await world.Client.AddRuleAsync(new RuleCreate { From = rule.From, FromNetwork = rule.FromNetwork, To = rule.To });
            }
        }

        public ValueTask DisposeAsync() => world.DisposeAsync();

        private Task RecordAsync((string From, string To, int Port)[] flows, int times, Func<FlowState, FlowState> change) => world.RecordAsync(
            [.. flows.SelectMany(flow => Enumerable.Range(0, times).Select(_ => change(Traffic.Flow(network, ids[flow.From], flow.To.StartsWith("172", StringComparison.Ordinal) ? 0 : site, flow.To, flow.Port))))]);
    }
}
