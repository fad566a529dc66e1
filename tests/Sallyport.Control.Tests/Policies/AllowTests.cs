using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Flows;
using Sallyport.Api.Locks;
using Sallyport.Api.Nodes;
using Sallyport.Api.Rules;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Policies;

public sealed class AllowTests
{
    [Fact]
    public async Task A_denied_flow_is_allowed_for_a_while_with_one_command_which_is_all_it_changes()
    {
        await using var world = await ControlWorld.StartAsync();
        var flow = await DeniedAsync(world, reason: "NoApplication");
        flow.AllowForCommand.ShouldBe($"sallyport flow allow {flow.Id} --for 8h");
        var allowed = await world.Client.AllowFlowAsync(flow.Id, new FlowAllow { For = "8h" });
        allowed.Application!.Name.ShouldBe("hq-192-168-50-10-tcp-8883");
        allowed.Application.Target.ShouldBe("192.168.50.10");
        allowed.Application.Services.ShouldBe(["tcp/8883"]);
        (allowed.Rule.From, allowed.Rule.To).ShouldBe(("device:pump-17", "application:hq-192-168-50-10-tcp-8883"));
        allowed.Rule.Until!.Value.ShouldBe(DateTimeOffset.UtcNow.AddHours(8), TimeSpan.FromMinutes(1));
        (await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883)).Allowed.ShouldBeTrue();
        (await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8884)).Allowed.ShouldBeFalse();
        (await world.Client.ExplainAsync("device:pump-17", "192.168.50.11", "tcp", 8883)).Allowed.ShouldBeFalse();
        (await world.Client.ListAuditAsync()).Items.Take(2).Select(record => record.Action).ShouldBe(["rule.create", "application.create"]);

        var again = await ControlWorld.ProblemOf(() => world.Client.AllowFlowAsync(flow.Id, new FlowAllow()));
        again.Errors.Single().Message.ShouldBe($"no rule can allow flow {flow.Id}: rule {allowed.Rule.Id} allows it by now");
    }

    [Fact]
    public async Task An_application_that_is_there_is_used()
    {
        await using var world = await ControlWorld.StartAsync();
        var flow = await DeniedAsync(world);
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.10", Services = ["tcp/8883"] });
        var allowed = await world.Client.AllowFlowAsync(flow.Id, new FlowAllow());
        allowed.Application.ShouldBeNull();
        (allowed.Rule.To, allowed.Rule.Until).ShouldBe(("application:historian", null));
    }

    [Theory]
    [InlineData("SpoofedSource", "the source address is not the sender's")]
    [InlineData("InvalidTcpState", "it belongs to no open TCP connection")]
    [InlineData("NotRequested", "it answers nothing that was asked")]
    public async Task What_no_rule_is_about_is_refused(string reason, string why)
    {
        await using var world = await ControlWorld.StartAsync();
        var flow = await DeniedAsync(world, reason);
        (flow.AllowCommand, flow.AllowForCommand).ShouldBe((null, null));
        var problem = await ControlWorld.ProblemOf(() => world.Client.AllowFlowAsync(flow.Id, new FlowAllow()));
        problem.Status.ShouldBe(409);
        problem.Errors.Single().Message.ShouldBe($"no rule can allow flow {flow.Id}: {why}");
        (await world.Client.ListRulesAsync()).Items.ShouldBeEmpty();
        (await world.Client.ListApplicationsAsync()).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task What_would_stay_denied_is_refused_and_leaves_nothing_behind()
    {
        await using var world = await ControlWorld.StartAsync();
        var flow = await DeniedAsync(world);
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.10", Services = ["tcp/8883"] });
        var deny = await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200", To = "application:historian", Effect = "deny" });
        (await MessageOf()).ShouldBe($"no rule can allow flow {flow.Id}: rule {deny.Id} denies it, whatever else allows it");
        await world.Client.DeleteRuleAsync(deny.Id);
        var made = await world.Client.AddLockAsync(new LockCreate { Subject = "application:historian" });
        (await MessageOf()).ShouldBe($"no rule can allow flow {flow.Id}: its application is locked");
        await world.Client.DeleteLockAsync(made.Id);
        await world.Client.QuarantineDeviceAsync("pump-17", null);
        (await MessageOf()).ShouldBe($"no rule can allow flow {flow.Id}: the sender or the carrier is quarantined, locked or retired");
        (await world.Client.ListRulesAsync()).Items.ShouldBeEmpty();
        await world.Client.DeleteDeviceAsync("pump-17");
        (await MessageOf()).ShouldBe($"no rule can allow flow {flow.Id}: device pump-17 is gone");
        (await ControlWorld.ProblemOf(() => world.Client.AllowFlowAsync(99, new FlowAllow()))).Status.ShouldBe(404);
        (await ControlWorld.ProblemOf(() => world.Client.GetFlowAsync(99))).Status.ShouldBe(404);

        async Task<string> MessageOf() => (await ControlWorld.ProblemOf(() => world.Client.AllowFlowAsync(flow.Id, new FlowAllow()))).Errors.Single().Message;
    }

    [Fact]
    public async Task A_rule_that_denies_it_is_named_although_another_allows_it_already()
    {
        await using var world = await ControlWorld.StartAsync();
        var flow = await DeniedAsync(world, reason: "RuleDenies");
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.10", Services = ["tcp/8883"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian" });
        var deny = await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200", To = "application:historian", Effect = "deny" });
        (await MessageOf(flow.Id)).ShouldBe($"no rule can allow flow {flow.Id}: rule {deny.Id} denies it, whatever else allows it");

        // Beyond the gateway it may be the name by which it was denied.
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "web", Host = "internet", Target = "198.51.100.0/24", Services = ["tcp/443"] });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "adverts", Host = "internet", Names = ["*.adverts.example"], Services = ["tcp/443"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:web" });
        var named = await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:adverts", Effect = "deny" });
        var other = await DeniedToAsync(world, "198.51.100.8", 443, "RuleDenies", "a.adverts.example");
        (await MessageOf(other.Id)).ShouldBe($"no rule can allow flow {other.Id}: rule {named.Id} denies it, whatever else allows it");
        await world.Client.DeleteRuleAsync(named.Id);
        (await MessageOf(other.Id)).ShouldEndWith("allows it by now");

        async Task<string> MessageOf(long id) => (await ControlWorld.ProblemOf(() => world.Client.AllowFlowAsync(id, new FlowAllow()))).Errors.Single().Message;
    }

    [Fact]
    public async Task Equal_names_in_two_networks_do_not_meet()
    {
        await using var world = await ControlWorld.StartAsync();
        var flow = await DeniedAsync(world, reason: "NoApplication");
        await world.Client.AddNetworkAsync(new Api.Networks.NetworkCreate { Name = "plant-b", Prefixes = ["10.20.0.0/16"] });
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "pump-17", Network = "plant-b" });
        await world.Client.AddSiteAsync(new Api.Sites.SiteCreate { Name = "hq", Network = "plant-b", Subnets = ["192.168.50.0/24"] });
        await world.Client.AddApplicationAsync(
            new ApplicationCreate { Name = "hq-192-168-50-10-tcp-8883", Site = "hq.plant-b", Target = "192.168.50.10", Services = ["tcp/8883"] });
        (await world.Client.GetFlowAsync(flow.Id)).AllowCommand.ShouldBe(
            "sallyport application add hq-192-168-50-10-tcp-8883 --site hq.plant-a --target 192.168.50.10 --tcp 8883\n"
            + "sallyport rule add --from device:pump-17.plant-a --to application:hq-192-168-50-10-tcp-8883.plant-a");
        (await world.Client.AllowFlowAsync(flow.Id, new FlowAllow())).Rule.Network.ShouldBe("plant-a");
    }

    [Fact]
    public async Task A_flow_to_the_internet_is_allowed_by_an_application_beyond_the_gateway_for_that_address_alone()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        var flow = await DeniedToAsync(world, "203.0.113.9", 443, "NotRouted");
        flow.AllowCommand.ShouldBe(
            "sallyport application add internet-203-0-113-9-tcp-443 --egress --target 203.0.113.9 --tcp 443\n"
            + "sallyport rule add --from device:pump-17 --to application:internet-203-0-113-9-tcp-443");
        (await world.Client.ExplainAsync("device:pump-17", "203.0.113.9", "tcp", 443)).AllowCommands.ShouldBe(flow.AllowCommand!.Split('\n'));
        var allowed = await world.Client.AllowFlowAsync(flow.Id, new FlowAllow { For = "8h" });
        (allowed.Application!.Network, allowed.Application.Target, allowed.Rule.Network, allowed.Rule.FromNetwork).ShouldBe(("internet", "203.0.113.9", "internet", "plant-a"));
        (await world.Client.ExplainAsync("device:pump-17", "203.0.113.9", "tcp", 443)).Allowed.ShouldBeTrue();
        (await world.Client.ExplainAsync("device:pump-17", "203.0.113.10", "tcp", 443)).Allowed.ShouldBeFalse();

        // What is there by now is used; what is there for names, or means no such address, is not.
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "updates", Host = "internet", Names = ["*.vendor.example"], Services = ["tcp/443"] });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "web", Host = "internet", Target = "198.51.100.0/24", Services = ["tcp/443"] });
        (await DeniedToAsync(world, "198.51.100.7", 443, "NotRouted")).AllowCommand.ShouldBe("sallyport rule add --from device:pump-17 --to application:web");
        (await DeniedToAsync(world, "203.0.113.77", 443, "NotRouted")).AllowCommand!.ShouldStartWith("sallyport application add internet-203-0-113-77-tcp-443 --egress");
        var named = await world.Client.ExplainAsync("device:pump-17", "application:updates", "tcp", 443);
        named.AllowCommands.ShouldBe(["sallyport rule add --from device:pump-17 --to application:updates"]);
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "anywhere", Host = "internet", Target = "0.0.0.0/0", Services = ["tcp/8443"] });
        (await DeniedToAsync(world, "203.0.113.78", 8443, "NotRouted")).AllowCommand.ShouldBe("sallyport rule add --from device:pump-17 --to application:anywhere");
        foreach (var other in (string[])["192.168.99.9", "10.99.0.1", "169.254.169.254", "224.0.0.1", "fd00::9"])
        {
            var stays = await DeniedToAsync(world, other, 8443, "NotRouted");
            (stays.AllowCommand, stays.AllowForCommand).ShouldBe((null, null), other);
            (await ControlWorld.ProblemOf(() => world.Client.AllowFlowAsync(stays.Id, new FlowAllow()))).Status.ShouldBe(409);
        }
    }

    private static async Task<FlowInfo> DeniedToAsync(ControlWorld world, string destination, int port, string reason, string? name = null)
    {
        var network = await world.Client.GetNetworkAsync("plant-a");
        var pump = await world.Client.GetDeviceAsync("pump-17");
        await world.RecordAsync(Traffic.Flow(network.Id, pump.Id, 0, destination, port) with { Reason = reason, DnsName = name });
        return (await world.Client.ListFlowsAsync()).Items[0];
    }

    private static async Task<FlowInfo> DeniedAsync(ControlWorld world, string reason = "NoRule")
    {
        var network = await world.PlantAsync();
        var hq = await world.HqAsync(profile: true);
        var pump = await world.PumpAsync();
        FlowState flow = Traffic.Flow(network.Id, pump.Device.Id, hq.Site.Id, "192.168.50.10", 8883);
        await world.RecordAsync(flow with { Reason = reason });
        return (await world.Client.ListFlowsAsync()).Items.Single();
    }
}
