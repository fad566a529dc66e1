using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.Api.Nodes;
using Sallyport.Api.Rules;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Policies;

public sealed class RuleTests
{
    [Theory]
    [InlineData("pump-17", "application:historian", "from", "'pump-17' does not say what it is", "did you mean device:pump-17?")]
    [InlineData("device:pmp-17", "application:historian", "from", "there is no device 'pmp-17'", "did you mean pump-17?")]
    [InlineData("hq", "application:historian", "from", "'hq' does not say what it is", "did you mean site:hq?")]
    [InlineData("devise:pump-17", "application:historian", "from", "'devise' cannot be a subject", "did you mean device?")]
    [InlineData("label:model", "application:historian", "from", "label 'model' has no valid value", "write key=value with 1 to 128 printable characters after the '='")]
    [InlineData("device:pump-17", "historian", "to", "'historian' is not an application", "did you mean application:historian?")]
    [InlineData("device:pump-17", "application:historain", "to", "there is no application 'historain'", "did you mean historian?")]
    [InlineData("site:hq", "application:historian", "from", "site hq carries application historian itself", "what it does at home does not pass the gateway")]
    public async Task A_bad_rule_is_named_with_its_repair(string from, string to, string field, string message, string hint)
    {
        await using var world = await WorldAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddRuleAsync(new RuleCreate { From = from, To = to }));
        var error = problem.Errors.ShouldHaveSingleItem();
        error.Field.ShouldBe(field);
        error.Message.ShouldBe(message);
        error.Hint.ShouldBe(hint);
    }

    [Fact]
    public async Task The_same_rule_twice_changes_nothing_and_says_which_it_is()
    {
        await using var world = await WorldAsync();
        foreach (var from in new[] { "device:pump-17", "group:pumps", "label:model=P200" })
        {
            var rule = await world.Client.AddRuleAsync(new RuleCreate { From = from, To = "application:historian" });
            rule.From.ShouldBe(from);
            var problem = await ControlWorld.ProblemOf(() => world.Client.AddRuleAsync(new RuleCreate { From = from, To = "application:historian" }));
            problem.Status.ShouldBe(409);
            problem.Detail.ShouldBe($"Rule {rule.Id} already allows {from} to reach application historian; nothing was changed. Nothing is left to do.");
        }

        (await world.Client.ListRulesAsync()).Items.Count.ShouldBe(3);
    }

    [Fact]
    public async Task A_removed_rule_answers_what_the_gateways_cut_and_records_it()
    {
        await using var world = await WorldAsync();
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian" });
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        var removing = world.Client.DeleteRuleAsync(rule.Id);
        var delta = await gateway.ReceiveAsync<Delta>();
        await gateway.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt + 2_000_000, delta.CommittedAt + 1_000_000, 0, 3));
        var cut = await removing;
        (cut.Kind, cut.Name, cut.Enforced, cut.FlowsCut, cut.MillisecondsToLastPacket).ShouldBe(("rule", $"{rule.Id}", true, 3, 1));
        (await world.Client.ListAuditAsync(action: "rule.delete.enforced")).Items.Single().Summary.ShouldBe(
            $"rule {rule.Id} removed: cut 3 flows; last packet 1.0 ms after the commit; enforced after 2.0 ms");
    }

    [Fact]
    public async Task A_change_of_groups_answers_what_it_cut_and_records_only_that()
    {
        await using var world = await WorldAsync();
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        foreach (var flows in (int[])[0, 2])
        {
            var changing = world.Client.UpdateDeviceAsync("pump-17", new DeviceUpdate { Groups = [] });
            var delta = await gateway.ReceiveAsync<Delta>();
            await gateway.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt + 2_000_000, flows == 0 ? 0 : delta.CommittedAt, 0, flows));
            (await changing).Cut!.FlowsCut.ShouldBe(flows);
        }

        (await world.Client.ListAuditAsync(action: "device.update.enforced")).Items.Single().Summary.ShouldBe(
            "device pump-17 changed: cut 2 flows; no packet after the commit; enforced after 2.0 ms");
        (await world.Client.GetDeviceAsync("pump-17")).Cut.ShouldBeNull();
    }

    [Fact]
    public async Task A_narrower_application_answers_what_it_cut()
    {
        await using var world = await WorldAsync();
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        var changing = world.Client.UpdateApplicationAsync("historian", new ApplicationUpdate { Services = ["tcp/8884"] });
        var delta = await gateway.ReceiveAsync<Delta>();
        await gateway.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt + 2_000_000, delta.CommittedAt, 0, 1));
        (await changing).Cut!.FlowsCut.ShouldBe(1);
    }

    [Fact]
    public async Task A_rule_knows_how_many_it_speaks_of()
    {
        await using var world = await WorldAsync();
        (await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian" })).Subjects.ShouldBe(1);
        (await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200", To = "application:historian" })).Subjects.ShouldBe(1);
        (await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P300", To = "application:historian" })).Subjects.ShouldBe(0);
        var welders = await world.Client.AddRuleAsync(new RuleCreate { From = "group:welders", To = "application:historian" });
        welders.Subjects.ShouldBe(0);
        await world.Client.UpdateDeviceAsync("pump-17", new DeviceUpdate { Groups = ["welders"] });
        (await world.Client.GetRuleAsync(welders.Id)).Subjects.ShouldBe(1);
        (await world.Client.ListRulesAsync()).Items.Select(rule => rule.Subjects).ShouldBe([1, 1, 0, 1]);
    }

    [Fact]
    public async Task Who_was_revoked_is_no_subject_any_more()
    {
        await using var world = await WorldAsync();
        var label = await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200", To = "application:historian" });
        await world.Client.QuarantineDeviceAsync("pump-17", null);
        (await world.Client.GetRuleAsync(label.Id)).Subjects.ShouldBe(1);
        await world.Client.RevokeDeviceAsync("pump-17", "stolen");
        (await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian" })).Subjects.ShouldBe(0);
        (await world.Client.ListRulesAsync()).Items.Select(rule => rule.Subjects).ShouldBe([0, 0]);
    }

    [Fact]
    public async Task An_input_that_names_only_what_does_not_exist_is_told_apart()
    {
        await using var world = await WorldAsync();
        (await ControlWorld.ProblemOf(() => world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-71", To = "application:historain" }))).Type
            .ShouldBe(Api.Problems.Problem.UnknownName);
        (await ControlWorld.ProblemOf(() => world.Client.AddRuleAsync(new RuleCreate { From = "label:model", To = "application:historain" }))).Type
            .ShouldBe("urn:sallyport:problem:invalid");
    }

    [Fact]
    public async Task An_explanation_says_who_is_offline()
    {
        await using var world = await WorldAsync();
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian" });
        var away = await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883);
        (away.Allowed, away.FromPresence, away.CarrierPresence).ShouldBe((true, "offline", "offline"));
        away.Steps[^1].ShouldBe("site:hq is offline: nothing passes until it connects.");

        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.SendAsync(new TunnelReport(
        [
            FakeGateway.Tunnel((await world.Client.GetDeviceAsync("pump-17")).Id),
            FakeGateway.Tunnel((await world.Client.GetSiteAsync("hq")).Id, tunnelId: 2),
        ]));
        for (var i = 0; i < 200 && (await world.Client.GetSiteAsync("hq")).Presence != "online"; i++)
        {
            await Task.Delay(25);
        }

        var up = await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883);
        (up.FromPresence, up.CarrierPresence).ShouldBe(("online", "online"));
        up.Steps.ShouldNotContain(step => step.Contains("offline", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Networks_are_isolated()
    {
        await using var world = await WorldAsync();
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-b", Prefixes = ["10.20.0.0/16"] });
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "valve", Network = "plant-b" });
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddRuleAsync(new RuleCreate { From = "device:valve", To = "application:historian" }));
        problem.Errors.Single().Message.ShouldBe("device valve is in network plant-b, application historian in network plant-a");
    }

    [Fact]
    public async Task An_ambiguous_name_means_the_one_of_the_applications_network()
    {
        await using var world = await WorldAsync();
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-b", Prefixes = ["10.20.0.0/16"] });
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "pump-17", Network = "plant-b" });
        (await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian" })).Network.ShouldBe("plant-a");
    }

    [Fact]
    public async Task A_device_that_a_rule_names_is_not_deleted()
    {
        await using var world = await WorldAsync();
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian" });
        (await ControlWorld.ProblemOf(() => world.Client.DeleteDeviceAsync("pump-17"))).Detail
            .ShouldBe($"Device pump-17 is used by rule {rule.Id} (to historian). Remove first what is in the way: sallyport rule remove {rule.Id}.");
    }

    [Theory]
    [InlineData("192.168.50.10", 8883, "sallyport rule add --from device:pump-17 --to application:historian")]
    [InlineData("192.168.50.11", 443, "sallyport application add hq-192-168-50-11-tcp-443 --site hq --target 192.168.50.11 --tcp 443\nsallyport rule add --from device:pump-17 --to application:hq-192-168-50-11-tcp-443")]
    [InlineData("10.99.0.1", 443, "")]
    public async Task An_explanation_carries_the_narrowest_commands(string to, int port, string commands)
    {
        await using var world = await WorldAsync();
        var explanation = await world.Client.ExplainAsync("device:pump-17", to, "tcp", port);
        explanation.Allowed.ShouldBeFalse();
        string.Join('\n', explanation.AllowCommands).ShouldBe(commands);
        explanation.Steps.Count.ShouldBeGreaterThan(1);
    }

    [Fact]
    public async Task An_explanation_names_every_mistake_in_the_question()
    {
        await using var world = await WorldAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.ExplainAsync("pump-17", "somewhere", "tpc", 0));
        problem.Errors.Select(error => (error.Field, error.Hint)).ShouldBe(
        [
            ("from", "did you mean device:pump-17?"),
            ("to", "give an address such as 192.168.50.10, application:NAME or device:NAME"),
            ("protocol", "did you mean tcp?"),
        ]);
        (await ControlWorld.ProblemOf(() => world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 0))).Errors.Single().Field.ShouldBe("port");
    }

    private static async Task<ControlWorld> WorldAsync()
    {
        var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.HqAsync(profile: true);
        await world.PumpAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.10", Services = ["tcp/8883"] });
        return world;
    }
}
