using Microsoft.Extensions.DependencyInjection;
using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Locks;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.Control.Http;
using Sallyport.Control.Locks;
using Sallyport.Control.Policies;
using Sallyport.Control.Tests.Worlds;
using Sallyport.Control.Users;

namespace Sallyport.Control.Tests.Policies;

/// <summary>A rule that leads from one network to another is a matter of both.</summary>
public sealed class RuleRightsTests
{
    [Fact]
    public async Task Who_is_responsible_for_one_of_the_two_networks_sees_a_rule_and_does_not_change_it()
    {
        await using var world = await WorldAsync();
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", FromNetwork = "plant-a", To = "application:mes" });
        var rules = world.App.Services.GetRequiredService<RuleCommands>();
        foreach (var (name, sees) in ((string, bool)[])[("plant-a", true), ("plant-b", true), ("plant-c", false)])
        {
            var limited = await LimitedAsync(world, name);
            rules.List(limited, null, new Paging(10, null)).Items.Count.ShouldBe(sees ? 1 : 0);
            if (sees)
            {
                rules.Get(limited, rule.Id).Id.ShouldBe(rule.Id, "what is listed can be shown");
            }
            else
            {
                StatusOf(() => rules.Get(limited, rule.Id)).ShouldBe(403);
            }

            (await StatusOfAsync(() => rules.UpdateAsync(limited, rule.Id, new RuleUpdate { NoEnd = true }, null, default))).ShouldBe(403, name);
            (await StatusOfAsync(() => rules.DeleteAsync(limited, rule.Id, default))).ShouldBe(403, name);
        }

        (await world.Client.GetRuleAsync(rule.Id)).Revision.ShouldBe(1);
    }

    [Fact]
    public async Task A_lock_on_such_a_rule_is_a_matter_of_both_as_well_and_one_of_all_networks_is_shown_to_each()
    {
        await using var world = await WorldAsync();
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", FromNetwork = "plant-a", To = "application:mes" });
        var locks = world.App.Services.GetRequiredService<LockCommands>();
        var onRule = new LockCreate { Subject = $"rule:{rule.Id}" };
        (await StatusOfAsync(async () => await locks.CreateAsync(await LimitedAsync(world, "plant-b"), onRule, null, default))).ShouldBe(403);
        var made = await world.Client.AddLockAsync(onRule);
        var everywhere = await world.Client.AddLockAsync(new LockCreate { Subject = "group:pumps" });
        foreach (var name in (string[])["plant-a", "plant-b"])
        {
            var limited = await LimitedAsync(world, name);
            locks.List(limited, null, new Paging(10, null)).Items.Select(one => one.Id).ShouldBe([made.Id, everywhere.Id]);
            locks.Get(limited, made.Id).Subject.ShouldBe($"rule:{rule.Id}");
            locks.Get(limited, everywhere.Id).Subject.ShouldBe("group:pumps");
            StatusOf(() => locks.Delete(limited, made.Id)).ShouldBe(403);
            StatusOf(() => locks.Delete(limited, everywhere.Id)).ShouldBe(403);
        }

        var other = await LimitedAsync(world, "plant-c");
        locks.List(other, null, new Paging(10, null)).Items.ShouldHaveSingleItem().Id.ShouldBe(everywhere.Id);
        StatusOf(() => locks.Get(other, made.Id)).ShouldBe(403);
        (await world.Client.ListLocksAsync()).Items.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_rule_to_what_lies_beyond_says_of_which_network_its_group_or_label_is()
    {
        await using var world = await WorldAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "ntp", Host = "internet", Target = "203.0.113.0/24", Services = ["udp/123"] });
        (await RefusedAsync(new RuleCreate { From = "group:pumps", To = "application:ntp" })).ShouldBe(
            ("fromNetwork", "it is not said of which network the group is", "nobody is a member of internet: say whose group is meant: fromNetwork=NETWORK"));
        (await RefusedAsync(new RuleCreate { From = "label:model=P200", To = "application:ntp" })).Field.ShouldBe("fromNetwork");
        (await RefusedAsync(new RuleCreate { From = "network:internet", To = "application:ntp" })).Field.ShouldBe("from");
        (await RefusedAsync(new RuleCreate { From = "group:pumps", FromNetwork = "internet", To = "application:ntp" })).Field.ShouldBe("from");
        (await RefusedAsync(new RuleCreate { From = "group:pumps", FromNetwork = "internet", To = "application:mes" })).Field.ShouldBe("from");
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", FromNetwork = "plant-a", To = "application:ntp" });
        (rule.FromNetwork, rule.Network, rule.Subjects).ShouldBe(("plant-a", "internet", 1));

        async Task<(string Field, string Message, string Hint)> RefusedAsync(RuleCreate input)
        {
            var error = (await ControlWorld.ProblemOf(() => world.Client.AddRuleAsync(input))).Errors.ShouldHaveSingleItem();
            return (error.Field, error.Message, error.Hint);
        }
    }

    [Fact]
    public async Task A_group_of_applications_is_that_of_the_subjects_network_where_it_has_one_and_else_the_only_one_there_is()
    {
        await using var world = await WorldAsync();
        var to = new RuleCreate { From = "device:pump.plant-a", To = "application-group:scada" };
        var empty = await world.Client.AddRuleAsync(to);
        (empty.Network, empty.Applications).ShouldBe(("plant-a", 0), "nobody has one: it may be empty still");
        await world.Client.DeleteRuleAsync(empty.Id);

        await world.Client.UpdateApplicationAsync("mes", new ApplicationUpdate { Groups = ["scada"] });
        var other = await world.Client.AddRuleAsync(to);
        (other.Network, other.Applications).ShouldBe(("plant-b", 1));
        await world.Client.DeleteRuleAsync(other.Id);

        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "plc", Device = "spare", Services = ["tcp/502"], Groups = ["scada"] });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "hmi", Device = "spare", Services = ["tcp/443"], Groups = ["scada"] });
        var own = await world.Client.AddRuleAsync(to);
        (own.Network, own.Applications).ShouldBe(("plant-a", 2));
        (await world.Client.ListRulesAsync()).Items.ShouldHaveSingleItem().Applications.ShouldBe(2);
        var said = await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", FromNetwork = "plant-a", To = "application-group:scada" });
        (said.Network, said.FromNetwork).ShouldBe(("plant-a", "plant-a"));
        (await ControlWorld.ProblemOf(() => world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", To = "application-group:scada" }))).Errors
            .ShouldHaveSingleItem().Hint.ShouldBe("say which network: application-group:scada.plant-a");
        (await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump.plant-a", To = "application:plc" })).Applications.ShouldBe(1);
    }

    [Fact]
    public async Task A_locked_rule_to_a_group_is_why_nobody_reaches_its_applications()
    {
        await using var world = await WorldAsync();
        await world.Client.UpdateApplicationAsync("mes", new ApplicationUpdate { Groups = ["scada"] });
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "device:server", To = "application-group:scada" });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "plc", Device = "spare", Services = ["tcp/502"], Groups = ["scada"] });
        var own = await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", To = "application-group:scada.plant-a" });
        var made = await world.Client.AddLockAsync(new LockCreate { Subject = $"rule:{own.Id}" });
        var why = await world.Client.ExplainAsync("device:pump.plant-a", "application:plc", "tcp", 502);
        (why.Nearest!.RuleId, why.Nearest.Condition, why.Nearest.Rule).ShouldBe((own.Id, "locked", "group:pumps to application-group:scada"));
        why.Steps.ShouldContain($"Lock {made.Id} is on rule:{own.Id}.");
        (await world.Client.WhoCanReachAsync("plc")).Notes.ShouldContain($"Rule {own.Id} (group:pumps to application-group:scada) is locked: it lets nobody reach it.");
        (await world.Client.WhoCanReachAsync("mes")).Notes.ShouldNotContain(note => note.Contains("is locked", StringComparison.Ordinal), $"rule {rule.Id} is not");
    }

    private static async Task<Actor> LimitedAsync(ControlWorld world, string network) =>
        new("limited", Role.Administrator, (await world.Client.GetNetworkAsync(network)).Id);

    private static int StatusOf(Action act) => Should.Throw<ProblemException>(act).Problem.Status;

    private static async Task<int> StatusOfAsync(Func<Task> act) => (await Should.ThrowAsync<ProblemException>(act)).Problem.Status;

    private static async Task<ControlWorld> WorldAsync()
    {
        var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        foreach (var name in (string[])["plant-b", "plant-c"])
        {
            await world.Client.AddNetworkAsync(new NetworkCreate { Name = name, Prefixes = ["10.20.0.0/16"] });
        }

        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "pump", Network = "plant-a", Groups = ["pumps"], Profile = new() });
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "spare", Network = "plant-a", Profile = new() });
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "server", Network = "plant-b", Profile = new() });
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "mes-server", Network = "plant-b", Profile = new() });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "mes", Device = "mes-server", Services = ["tcp/443"] });
        return world;
    }
}
