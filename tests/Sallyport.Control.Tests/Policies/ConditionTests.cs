using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Nodes;
using Sallyport.Api.Rules;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Policies;

/// <summary>What rules ask for beside their subject, and to whom they lead beside one application.</summary>
public sealed class ConditionTests
{
    private static readonly RuleCreate Historian = new() { From = "device:pump-17", To = "application:historian" };

    [Fact]
    public async Task A_rule_to_a_group_leads_to_who_is_in_it_and_follows_who_comes_and_goes()
    {
        await using var world = await WorldAsync();
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application-group:scada" });
        (rule.To, rule.Network).ShouldBe(("application-group:scada", "plant-a"));
        using var gateway = await FakeGateway.ConnectAsync(world);
        (await gateway.ReceiveAsync<Snapshot>()).Model.Rules.Single().ApplicationIds.ShouldBeEmpty();
        (await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883)).Allowed.ShouldBeFalse();

        var historian = await Answering(gateway, world.Client.UpdateApplicationAsync("historian", new ApplicationUpdate { Groups = ["scada"] }), ids => ids.Count == 1);
        historian.Groups.ShouldBe(["scada"]);
        var why = await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883);
        (why.Allowed, why.RuleId).ShouldBe((true, rule.Id));
        why.Rule.ShouldBe("device:pump-17 to application-group:scada");
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "logger", Site = "hq", Target = "192.168.50.11", Services = ["tcp/514"], Groups = ["scada"] });
        (await gateway.ReceiveAsync<Delta>()).Rules.Single().ApplicationIds.Count.ShouldBe(2);
        await world.Client.DeleteApplicationAsync("logger");
        (await gateway.ReceiveAsync<Delta>()).Rules.Single().ApplicationIds.ShouldBe([historian.Id]);
        (await ControlWorld.ProblemOf(() => world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application-group:scada" }))).Status.ShouldBe(409);
        await Answering(gateway, world.Client.UpdateApplicationAsync("historian", new ApplicationUpdate { Groups = [] }), ids => ids.Count == 0);

        static async Task<ApplicationInfo> Answering(FakeGateway gateway, Task<ApplicationInfo> changing, Func<IReadOnlyList<int>, bool> holds)
        {
            var delta = await gateway.ReceiveAsync<Delta>();
            holds(delta.Rules.Single().ApplicationIds).ShouldBeTrue();
            await gateway.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt, 0, 0, 0));
            return await changing;
        }
    }

    [Fact]
    public async Task The_network_of_a_group_is_said_or_follows_from_the_subject_or_from_who_is_in_it()
    {
        await using var world = await WorldAsync();
        (await ControlWorld.ProblemOf(() => world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", To = "application-group:scada" })))
            .Errors.ShouldHaveSingleItem().Hint.ShouldBe("say which network: application-group:scada.NETWORK");
        (await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", To = "application-group:scada.plant-a" })).Network.ShouldBe("plant-a");
        await world.Client.UpdateApplicationAsync("historian", new ApplicationUpdate { Groups = ["lab"] });
        (await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", To = "application-group:lab" })).Network.ShouldBe("plant-a");
    }

    [Fact]
    public async Task A_selector_counts_who_has_all_of_its_labels()
    {
        await using var world = await WorldAsync();
        await world.PumpAsync("pump-18");
        await world.Client.UpdateDeviceAsync("pump-18", new DeviceUpdate { Labels = new Dictionary<string, string> { ["model"] = "P200", ["region"] = "eu" } });
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "label:region=eu,model=P200", To = "application:historian" });
        (rule.From, rule.Subjects).ShouldBe(("label:model=P200,region=eu", 1));
        (await world.Client.ExplainAsync("device:pump-18", "192.168.50.10", "tcp", 8883)).Allowed.ShouldBeTrue();
        (await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883)).Allowed.ShouldBeFalse();
    }

    [Fact]
    public async Task Conditions_are_kept_merged_and_sent_to_the_gateways()
    {
        await using var world = await WorldAsync();
        var made = await world.Client.AddRuleAsync(Historian with
        {
            Conditions = new ConditionInput { Sources = ["203.0.113.9", "198.51.100.0/24"], Protocols = ["OpenVPN/UDP"], Posture = ["firmware>=2.4.1"], PostureAge = "24h" },
            Limit = new LimitInput { Rate = "1mbit", Volume = "500MB/day" },
        });
        made.Conditions.Sources.ShouldBe(["198.51.100.0/24", "203.0.113.9/32"]);
        made.Conditions.Text.ShouldBe("over openvpn/udp, from 198.51.100.0/24 or 203.0.113.9/32, firmware>=2.4.1 (within 24h)");
        (made.Limit!.Text, made.Limit.VolumeUsed).ShouldBe(("1mbit/s, 500MB/day", 0));
        (await world.Client.AddRuleAsync(Historian)).Id.ShouldNotBe(made.Id, "under no condition it is another rule");

        using var gateway = await FakeGateway.ConnectAsync(world);
        var model = (await gateway.ReceiveAsync<Snapshot>()).Model.Rules.Single(rule => rule.Id == made.Id);
        (model.Conditions!.PostureAgeSeconds, model.Limit!.BitsPerSecond, model.Limit.VolumeBytes, model.Limit.Period).ShouldBe((86_400, 1_000_000, 500_000_000, "day"));
        var updating = world.Client.UpdateRuleAsync(made.Id, new RuleUpdate { Conditions = new ConditionInput { Sources = [], PostureAge = "any" }, Limit = new LimitInput { Rate = "none" } });
        var delta = await gateway.ReceiveAsync<Delta>();
        await gateway.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt, 0, 0, 0));
        var updated = await updating;
        updated.Conditions.Text.ShouldBe("over openvpn/udp, firmware>=2.4.1");
        updated.Limit!.Text.ShouldBe("500MB/day");
        (await world.Client.ListAuditAsync(action: "rule.update")).Items.Single().Summary!.ShouldContain("over openvpn/udp, firmware>=2.4.1");
    }

    [Fact]
    public async Task The_age_of_facts_goes_with_the_last_test_of_one()
    {
        await using var world = await WorldAsync();
        var made = await world.Client.AddRuleAsync(Historian with { Conditions = new ConditionInput { States = ["active"], Posture = ["firmware>=2.4.1"], PostureAge = "24h" } });
        var other = await world.Client.UpdateRuleAsync(made.Id, new RuleUpdate { Conditions = new ConditionInput { Posture = ["firmware>=2.5"] } });
        other.Conditions.Text.ShouldBe("while active, firmware>=2.5 (within 24h)", "another test, the same age");
        var without = await world.Client.UpdateRuleAsync(made.Id, new RuleUpdate { Conditions = new ConditionInput { Posture = [] } });
        (without.Conditions.Text, without.Conditions.PostureAge).ShouldBe(("while active", null));
        (await ControlWorld.ProblemOf(() => world.Client.UpdateRuleAsync(made.Id, new RuleUpdate { Conditions = new ConditionInput { Posture = [], PostureAge = "24h" } })))
            .Errors.ShouldHaveSingleItem().Field.ShouldBe("conditions.postureAge");
    }

    [Fact]
    public async Task What_cannot_be_asked_for_is_named_with_its_repair()
    {
        await using var world = await WorldAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddRuleAsync(Historian with
        {
            Conditions = new ConditionInput
            {
                States = ["awake"], Protocols = ["openvpn/sctp"], Ciphers = ["AES-256-GMC"], Sources = ["203.0.113.9/24"], Countries = ["AT"], Posture = ["firmware"],
            },
            Limit = new LimitInput { Rate = "fast", PacketsPerSecond = -1, Volume = "1PB/day" },
        }));
        problem.Errors.Select(error => error.Field).ShouldBe(
        [
            "conditions.states[0]", "conditions.protocols[0]", "conditions.ciphers[0]", "conditions.sources[0]", "conditions.countries", "conditions.posture[0]",
            "limit.rate", "limit.packetsPerSecond", "limit.volume",
        ]);
        problem.Errors.Single(error => error.Field == "conditions.ciphers[0]").Hint.ShouldBe("did you mean AES-256-GCM?");
        (await ControlWorld.ProblemOf(() => world.Client.AddRuleAsync(Historian with { Conditions = new ConditionInput { PostureAge = "24h" } })))
            .Errors.ShouldHaveSingleItem().Field.ShouldBe("conditions.postureAge");
        (await ControlWorld.ProblemOf(() => world.Client.AddRuleAsync(Historian with { Effect = "deny", Limit = new LimitInput { Rate = "1mbit" } })))
            .Errors.ShouldHaveSingleItem().Field.ShouldBe("limit");
    }

    [Fact]
    public async Task An_explanation_names_the_one_condition_that_does_not_hold()
    {
        await using var world = await WorldAsync();
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        var pump = await world.Client.GetDeviceAsync("pump-17");
        var rule = await world.Client.AddRuleAsync(Historian with { Conditions = new ConditionInput { Sources = ["203.0.113.0/24"], Posture = ["firmware>=2.4.1"] } });
        (await Step()).ShouldBe($"Rule {rule.Id} would allow it, but it is only for tunnels from 203.0.113.0/24, and the sender has had no tunnel.");
        await gateway.SendAsync(new TunnelReport([FakeGateway.Tunnel(pump.Id) with { OuterAddress = "198.51.100.7:40000" }]));
        await ControlWorld.UntilAsync(async () => (await world.Client.GetDeviceAsync("pump-17")).Presence == "online");
        (await Step()).ShouldBe($"Rule {rule.Id} would allow it, but it is only for tunnels from 203.0.113.0/24, and the sender's is from 198.51.100.7.");
        await gateway.SendAsync(new TunnelReport([FakeGateway.Tunnel(pump.Id)]));
        await ControlWorld.UntilAsync(async () => (await Step()).Contains("firmware", StringComparison.Ordinal));
        (await Step()).ShouldBe($"Rule {rule.Id} would allow it, but it asks for firmware>=2.4.1, and nothing was reported of firmware.");
        await world.Client.ReportDevicePostureAsync("pump-17", Facts("firmware", "2.4.0"));
        (await Step()).ShouldBe($"Rule {rule.Id} would allow it, but it asks for firmware>=2.4.1, and firmware is 2.4.0.");
        await world.Client.ReportDevicePostureAsync("pump-17", Facts("firmware", "2.10"));
        (await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883)).Allowed.ShouldBeTrue();

        async Task<string> Step() => (await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883)).Steps.Single(step => step.StartsWith("Rule", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Facts_are_kept_with_their_time_sent_to_the_gateways_and_recorded()
    {
        await using var world = await WorldAsync();
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        var revision = (await world.Client.GetDeviceAsync("pump-17")).Revision;
        var reporting = world.Client.ReportDevicePostureAsync("pump-17", Facts("firmware", "2.4.1"));
        var delta = await gateway.ReceiveAsync<Delta>();
        delta.Identities.Single().Posture.Single().ShouldBe(new FactModel("firmware", "2.4.1", delta.Identities.Single().Posture[0].At));
        await gateway.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt, delta.CommittedAt, 0, 1));
        var pump = await reporting;
        pump.Posture.Single().At.ShouldBe(DateTimeOffset.UtcNow, TimeSpan.FromMinutes(1));
        pump.Revision.ShouldBe(revision, "what devices report is no change that operators compete with");
        (await world.Client.ListAuditAsync(action: "device.posture")).Items.Single().Summary.ShouldBe("facts of device pump-17 reported: firmware=2.4.1");
        (await world.Client.ListAuditAsync(action: "device.posture.enforced")).Items.Count.ShouldBe(1);
        var removed = world.Client.ReportDevicePostureAsync("pump-17", Facts("firmware", null));
        await gateway.SendAsync(new Acknowledge((await gateway.ReceiveAsync<Delta>()).Version, delta.CommittedAt, 0, 0, 0));
        (await removed).Posture.ShouldBeEmpty();
        (await world.Client.ListAuditAsync(action: "device.posture.enforced")).Items.Count.ShouldBe(1, "nothing was cut");
        foreach (var (name, value) in ((string, string?)[])[("", "1"), ("firm ware", "1"), ("firmware", ""), ("firmware", "a\nb"), ("firmware", new string('x', 129))])
        {
            (await ControlWorld.ProblemOf(() => world.Client.ReportDevicePostureAsync("pump-17", Facts(name, value)))).Errors.ShouldHaveSingleItem().Field.ShouldStartWith("facts.");
        }
    }

    [Fact]
    public async Task Volumes_that_were_carried_are_shown_and_given_back_to_a_gateway_that_begins_anew()
    {
        await using var world = await WorldAsync();
        var rule = await world.Client.AddRuleAsync(Historian with { Limit = new LimitInput { Volume = "500MB/day" } });
        var today = (int)(DateTimeOffset.UtcNow.ToUnixTimeSeconds() / 86_400);
        using (var gateway = await FakeGateway.ConnectAsync(world))
        {
            await gateway.ReceiveAsync<Snapshot>();
            await gateway.SendAsync(new MeterReport([new MeterState("rule", rule.Id, today, 1_000_000), new MeterState("nobody", 1, today, 1)]));
            await ControlWorld.UntilAsync(async () => (await world.Client.GetRuleAsync(rule.Id)).Limit!.VolumeUsed == 1_000_000);
            await gateway.SendAsync(new MeterReport([new MeterState("rule", rule.Id, today, 999_999)]));
        }

        (await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883)).Allowed.ShouldBeTrue("there is some left");

        using (var other = await FakeGateway.ConnectAsync(world, "gw-2"))
        {
            await other.ReceiveAsync<Snapshot>();
            await other.SendAsync(new MeterReport([new MeterState("rule", rule.Id, today, 5)]));
            await ControlWorld.UntilAsync(async () => (await world.Client.GetRuleAsync(rule.Id)).Limit!.VolumeUsed == 1_000_005);
        }

        using var again = await FakeGateway.ConnectAsync(world);
        (await again.ReceiveAsync<MeterReport>()).Meters.ShouldBe([new MeterState("rule", rule.Id, today, 1_000_000)]);
        await again.ReceiveAsync<Snapshot>();

        // Once it is used up an explanation says what the gateway does.
        await again.SendAsync(new MeterReport([new MeterState("rule", rule.Id, today, 500_000_000)]));
        await ControlWorld.UntilAsync(async () => !(await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883)).Allowed);
        var why = await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883);
        (why.Reason, why.RuleId).ShouldBe(("VolumeUsed", rule.Id));
        why.Steps.ShouldContain($"But the volume of rule {rule.Id} (500MB/day) is used up: nothing passes until it begins anew, by UTC.");
        (await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883, DateTimeOffset.UtcNow.AddDays(1))).Allowed.ShouldBeTrue("tomorrow");
    }

    private static PostureUpdate Facts(string name, string? value) => new() { Facts = new Dictionary<string, string?> { [name] = value } };

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
