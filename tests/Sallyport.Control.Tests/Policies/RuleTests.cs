using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.Api.Nodes;
using Sallyport.Api.Rules;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Policies;

public sealed class RuleTests
{
    private static readonly RuleCreate Historian = new() { From = "device:pump-17", To = "application:historian" };

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
            problem.Detail.ShouldBe($"Rule {rule.Id} already allows {from} to reach application:historian; nothing was changed. Nothing is left to do.");
        }

        (await world.Client.ListRulesAsync()).Items.Count.ShouldBe(3);
    }

    [Theory]
    [InlineData("allow", null, "allowed device:pump-17 to reach", "--no-end (or --for 8h, --until TIME)")]
    [InlineData("deny", "4h", "denied device:pump-17", "--for 4h")]
    public async Task The_same_rule_that_is_over_is_said_to_be_over_and_how_it_holds_again(string effect, string? span, string did, string flag)
    {
        var time = new MovedTime();
        await using var world = await WorldAsync(time);
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian", Effect = effect, For = "1h" });
        time.By = TimeSpan.FromHours(2);
        var problem = await ControlWorld.ProblemOf(() =>
            world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian", Effect = effect, For = span }));
        var error = problem.Errors.ShouldHaveSingleItem();
        error.Message.ShouldBe($"rule {rule.Id} {did} application:historian until it ended at {rule.Until:u}; nothing was changed");
        error.Hint.ShouldBe($"let it hold again: sallyport rule update {rule.Id} {flag}, or remove it first: sallyport rule remove {rule.Id}");
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

    [Theory]
    [InlineData("mon-fri 8:00-17:00 Etc/UTC", "'8:00-17:00' is not two times of a day", "write it like 'mon-fri 08:00-17:00 Europe/Vienna'")]
    [InlineData("mon-fri 08:00-17:00 Europe/Wien", "there is no time zone 'Europe/Wien'", "use a name of IANA's, such as Europe/Vienna or Etc/UTC")]
    [InlineData("mon-fri 08:00-17:00 europe/vienna", "there is no time zone 'europe/vienna'", "use a name of IANA's, such as Europe/Vienna or Etc/UTC")]
    [InlineData("mon-fri 08:00-17:00 ../../etc/passwd", "there is no time zone '../../etc/passwd'", "use a name of IANA's, such as Europe/Vienna or Etc/UTC")]
    public async Task Hours_that_cannot_be_read_are_named_with_their_repair(string window, string message, string hint)
    {
        await using var world = await WorldAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddRuleAsync(Historian with { Windows = ["daily 08:00-17:00 Etc/UTC", window] }));
        var error = problem.Errors.ShouldHaveSingleItem();
        error.Field.ShouldBe("windows[1]");
        error.Message.ShouldEndWith(message);
        error.Hint.ShouldBe(hint);
    }

    [Fact]
    public async Task An_end_is_in_the_future_and_given_once()
    {
        await using var world = await WorldAsync();
        var now = DateTimeOffset.UtcNow;
        (await FieldOf(Historian with { Until = now.AddSeconds(-1) })).ShouldBe("until");
        (await FieldOf(Historian with { Until = DateTimeOffset.MaxValue })).ShouldBe("until");
        (await FieldOf(Historian with { Until = new DateTimeOffset(1026, 12, 1, 0, 0, 0, TimeSpan.Zero) })).ShouldBe("until");
        (await FieldOf(Historian with { Until = now.AddHours(1), For = "1h" })).ShouldBe("for");
        (await FieldOf(Historian with { For = "forever" })).ShouldBe("for");
        (await FieldOf(Historian with { Effect = "maybe" })).ShouldBe("effect");
        var rule = await world.Client.AddRuleAsync(Historian with { For = "2h" });
        rule.Until!.Value.ShouldBe(now.AddHours(2), TimeSpan.FromMinutes(1));
        rule.NextChange.ShouldBe(rule.Until);
        (await ControlWorld.ProblemOf(() => world.Client.UpdateRuleAsync(rule.Id, new RuleUpdate { NoEnd = true, For = "1h" }))).Errors.Single().Field.ShouldBe("noEnd");
        (await world.Client.UpdateRuleAsync(rule.Id, new RuleUpdate { NoEnd = true })).Until.ShouldBeNull();

        async Task<string> FieldOf(RuleCreate create) =>
            (await ControlWorld.ProblemOf(() => world.Client.AddRuleAsync(create))).Errors.ShouldHaveSingleItem().Field;
    }

    [Fact]
    public async Task A_rule_tells_when_it_is_in_force_and_explains_itself_when_it_is_not()
    {
        var time = new MovedTime { By = new DateTimeOffset(2026, 7, 6, 10, 0, 0, TimeSpan.Zero) - DateTimeOffset.UtcNow };
        await using var world = await WorldAsync(time);
        var rule = await world.Client.AddRuleAsync(Historian with { Windows = ["mon,tue,wed 13:00-14:00 Europe/Vienna"], For = "1d" });
        rule.Windows.ShouldBe(["mon-wed 13:00-14:00 Europe/Vienna"]);
        rule.State.ShouldBe("waiting");
        rule.NextChange.ShouldBe(new DateTimeOffset(2026, 7, 6, 11, 0, 0, TimeSpan.Zero));
        var why = await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883);
        (why.Allowed, why.RuleId).ShouldBe((false, rule.Id));
        why.Steps.ShouldContain(step => step.StartsWith($"Rule {rule.Id} would allow it, but is not in force now", StringComparison.Ordinal));

        time.By += TimeSpan.FromHours(1.5);
        (await world.Client.GetRuleAsync(rule.Id)).State.ShouldBe("in force");
        (await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883)).Allowed.ShouldBeTrue();
        time.By += TimeSpan.FromHours(25);
        (await world.Client.GetRuleAsync(rule.Id)).State.ShouldBe("over");
        (await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883)).Allowed.ShouldBeFalse();
    }

    [Theory]
    [InlineData("device:pump-17", "group:valves", "subject", "device pump-17 is not in the group valves", "sallyport device update pump-17 --group valves")]
    [InlineData("device:pump-17", "label:model=P300", "subject", "device pump-17 has model=P200, not model=P300", "sallyport device update pump-17 --label model=P300")]
    [InlineData("device:pump-17", "label:hall=3", "subject", "device pump-17 has no label hall=3", "sallyport device update pump-17 --label hall=3")]
    [InlineData("device:pump-17", "device:spare", "subject", "it speaks of device:spare alone", null)]
    [InlineData("device:pump-17", "label:model=P200,region=eu", "subject", "device pump-17 has no label region=eu", "sallyport device update pump-17 --label region=eu")]
    [InlineData("device:pump-17", "label:hall=3,model=P300", "subject", "device pump-17 has no label hall=3 and has model=P200, not model=P300", "sallyport device update pump-17 --label hall=3 --label model=P300")]
    [InlineData("device:pump-17", "label:hall=3 b", "subject", "device pump-17 has no label hall=3 b", "sallyport device update pump-17 --label 'hall=3 b'")]
    public async Task A_flow_that_is_denied_names_the_nearest_rule_and_what_it_lacks(string asks, string from, string condition, string why, string? fix)
    {
        await using var world = await WorldAsync();
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "spare", Network = "plant-a" });
        var rule = await world.Client.AddRuleAsync(Historian with { From = from });
        var explanation = await world.Client.ExplainAsync(asks, "192.168.50.10", "tcp", 8883);
        explanation.Allowed.ShouldBeFalse();
        var nearest = explanation.Nearest.ShouldNotBeNull();
        (nearest.RuleId, nearest.Condition, nearest.Why, nearest.Fix).ShouldBe((rule.Id, condition, why, fix));
        explanation.Steps[^1].ShouldBe($"Nearest is rule {rule.Id} ({from} to application:historian): {why}.");
    }

    [Fact]
    public async Task Of_several_rules_the_one_that_lacks_least_is_named_and_other_conditions_too()
    {
        var time = new MovedTime();
        await using var world = await WorldAsync(time);
        await world.Client.AddRuleAsync(Historian with { From = "group:valves" });
        var label = await world.Client.AddRuleAsync(Historian with { From = "label:model=P300" });
        (await NearestAsync(8883)).ShouldBe((label.Id, "subject"));

        var ended = await world.Client.AddRuleAsync(Historian with { For = "1h" });
        (await NearestAsync(22)).ShouldBe((ended.Id, "service"));
        // Of two labels pump-17 has but one: that rule leads it nowhere.
        await world.Client.UpdateDeviceAsync("pump-17", new DeviceUpdate { Labels = new Dictionary<string, string> { ["a"] = "1", ["model"] = "P200" } });
        var selector = await world.Client.AddRuleAsync(Historian with { From = "label:a=1,model=P300" });
        await world.Client.UpdateRuleAsync(ended.Id, new RuleUpdate { Windows = ["sat 00:00-00:01 Etc/UTC"], NoEnd = true });
        (await NearestAsync(22)).ShouldBe((null, null));
        await world.Client.DeleteRuleAsync(selector.Id);
        await world.Client.UpdateRuleAsync(ended.Id, new RuleUpdate { Windows = [], For = "1h" });
        time.By += TimeSpan.FromHours(2);
        (await NearestAsync(8883)).ShouldBe((ended.Id, "ended"));
        await world.Client.UpdateRuleAsync(ended.Id, new RuleUpdate { NoEnd = true });
        await world.Client.AddLockAsync(new Api.Locks.LockCreate { Subject = $"rule:{ended.Id}" });
        (await NearestAsync(8883)).ShouldBe((ended.Id, "locked"));

        async Task<(int?, string?)> NearestAsync(int port)
        {
            var nearest = (await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", port)).Nearest;
            return (nearest?.RuleId, nearest?.Condition);
        }
    }

    [Fact]
    public async Task What_is_advised_of_a_rule_that_lacks_several_things_would_do_by_itself_or_nothing_is_advised()
    {
        await using var world = await WorldAsync();
        var asked = new DateTimeOffset(DateTimeOffset.UtcNow.Year + 1, 1, 1, 12, 0, 0, TimeSpan.Zero);
        var rule = await world.Client.AddRuleAsync(Historian with { From = "device:pump-17", For = "1h" });
        (await NearestAsync(asked)).ShouldBe(("ended", $"sallyport rule update {rule.Id} --until {asked.Year}-01-01T20:00Z"));
        (await NearestAsync(DateTimeOffset.UtcNow.AddHours(2))).ShouldBe(("ended", $"sallyport rule update {rule.Id} --for 8h"));

        await world.Client.UpdateRuleAsync(rule.Id, new RuleUpdate { Windows = ["daily 03:00-03:30 Etc/UTC"] });
        (await NearestAsync(asked)).ShouldBe(("ended", $"sallyport rule update {rule.Id} --until {asked.Year}-01-01T20:00Z --all-hours"));
        await world.Client.UpdateRuleAsync(rule.Id, new RuleUpdate { NoEnd = true });
        (await NearestAsync(asked)).ShouldBe(("hours", $"sallyport rule update {rule.Id} --all-hours"));

        await world.Client.UpdateRuleAsync(rule.Id, new RuleUpdate { Conditions = new ConditionInput { Posture = ["firmware>=2.4.1"] } });
        (await NearestAsync(asked)).ShouldBe(("hours", null));
        (await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883, asked)).Nearest!.Why.ShouldBe(
            $"its hours are daily 03:00-03:30 Etc/UTC, and are next at {asked.Year}-01-02 03:00:00 UTC; and it asks for firmware>=2.4.1, and nothing was reported of firmware");
        await world.Client.UpdateRuleAsync(rule.Id, new RuleUpdate { Windows = [], For = "1h" });
        (await NearestAsync(asked)).ShouldBe(("ended", null));

        async Task<(string?, string?)> NearestAsync(DateTimeOffset at)
        {
            var nearest = (await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883, at)).Nearest;
            return (nearest?.Condition, nearest?.Fix);
        }
    }

    [Fact]
    public async Task A_rule_of_which_a_condition_does_not_hold_is_the_nearest_one_also_where_it_leads_to_a_group()
    {
        await using var world = await WorldAsync();
        await world.Client.UpdateApplicationAsync("historian", new ApplicationUpdate { Groups = ["scada"] });
        var rule = await world.Client.AddRuleAsync(new RuleCreate
        {
            From = "device:pump-17", To = "application-group:scada.plant-a", Conditions = new ConditionInput { Posture = ["firmware>=2.4.1"] },
        });
        var nearest = (await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883)).Nearest.ShouldNotBeNull();
        (nearest.RuleId, nearest.Condition, nearest.Why, nearest.Fix).ShouldBe(
            (rule.Id, "condition", "it asks for firmware>=2.4.1, and nothing was reported of firmware", null));
        nearest.Rule.ShouldBe("device:pump-17 to application-group:scada (firmware>=2.4.1)");
        var service = (await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 22)).Nearest.ShouldNotBeNull();
        (service.RuleId, service.Condition).ShouldBe((rule.Id, "service"));
    }

    [Fact]
    public async Task A_rule_that_denies_stands_beside_one_that_allows_and_wins()
    {
        await using var world = await WorldAsync();
        await world.Client.AddRuleAsync(Historian with { From = "group:pumps" });
        var deny = await world.Client.AddRuleAsync(Historian with { Effect = "deny" });
        await world.Client.AddRuleAsync(Historian);
        var why = await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883);
        (why.Allowed, why.RuleId, why.Reason).ShouldBe((false, deny.Id, "RuleDenies"));
        why.AllowCommands.ShouldBeEmpty();
        why.Steps[^1].ShouldBe($"Rule {deny.Id} denies it, whatever else allows it: device:pump-17 to application:historian.");
        (await world.Client.ListAuditAsync(action: "rule.create")).Items.ShouldContain(record =>
            record.Summary == $"rule {deny.Id} added: device pump-17 may not reach application historian");
    }

    [Fact]
    public async Task Gateways_get_the_hours_with_the_clocks_they_are_kept_by()
    {
        await using var world = await WorldAsync();
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        var adding = world.Client.AddRuleAsync(Historian with { Windows = ["daily 08:00-17:00 Europe/Vienna", "sat 08:00-09:00 Europe/Vienna"] });
        var delta = await gateway.ReceiveAsync<Delta>();
        await gateway.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt, 0, 0, 0));
        await adding;
        delta.Rules.Single().Windows.Count.ShouldBe(2);
        var zone = delta.Zones.ShouldHaveSingleItem();
        zone.Name.ShouldBe("Europe/Vienna");
        var summer = new DateTimeOffset(2026, 3, 29, 1, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds();
        zone.Offsets.Chunk(2).ShouldContain(pair => pair[0] == summer && pair[1] == 7200);
    }

    [Fact]
    public async Task Hours_that_opened_and_closed_are_recorded_once_also_across_a_restart_of_control()
    {
        var time = new MovedTime { By = new DateTimeOffset(2026, 7, 6, 10, 0, 0, TimeSpan.Zero) - DateTimeOffset.UtcNow };
        var directory = ControlWorld.NewDirectory();
        var opens = new DateTimeOffset(2026, 7, 6, 11, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds() * 1_000_000_000L;
        var closes = opens + (3_600 * 1_000_000_000L);
        try
        {
            foreach (var start in (int[])[1, 2])
            {
                await using var world = start == 1 ? await WorldAsync(time, directory) : await ControlWorld.StartAsync(directory, time);
                if (start == 1)
                {
                    string[] hours = ["daily 13:00-14:00 Europe/Vienna"];
                    await world.Client.AddRuleAsync(Historian with { Windows = hours });
                    await world.Client.AddRuleAsync(Historian with { From = "group:pumps", Windows = hours });
                    time.By += TimeSpan.FromHours(3);
                }

                using var gateway = await FakeGateway.ConnectAsync(world);
                await gateway.ReceiveAsync<Snapshot>();
                await gateway.SendAsync(new ScheduleReport([1, 2], opens, opens + 1_000_000, 0, 0));
                await gateway.SendAsync(new ScheduleReport([1, 2], closes, closes + 1_000_000, closes, 4));
                await gateway.SendAsync(new Ready(["0.0.0.0:1194"]));
                await ControlWorld.UntilAsync(async () => (await world.Client.GetStatusAsync()).Gateways.Any(one => one.Ready));
                (await world.Client.ListAuditAsync(action: "rule.open.enforced")).Items.Count.ShouldBe(2);
                (await world.Client.ListAuditAsync(action: "rule.close.enforced")).Items.Select(record => record.Summary).ShouldBe(
                [
                    "rule 2 closed: cut 4 flows; no packet after that moment; together with 1 other rule of that moment; enforced after 1.0 ms",
                    "rule 1 closed: cut 4 flows; no packet after that moment; together with 1 other rule of that moment; enforced after 1.0 ms",
                ]);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task What_the_clock_did_at_a_gateway_is_recorded_and_only_what_it_can_have_done()
    {
        var time = new MovedTime();
        await using var world = await WorldAsync(time);
        var rule = await world.Client.AddRuleAsync(Historian with { For = "1h" });
        var end = (rule.Until!.Value.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) * 100;
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        await gateway.SendAsync(new ScheduleReport([rule.Id], end, end + 2_000_000, end, 9)); // it has not come
        await gateway.SendAsync(new Ready(["0.0.0.0:1194"]));
        await ControlWorld.UntilAsync(async () => (await world.Client.GetStatusAsync()).Gateways.Any(one => one.Ready));
        time.By = TimeSpan.FromHours(2);
        end = (await world.Client.GetRuleAsync(rule.Id)).Until is { } until ? (until.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) * 100 : 0;
        await gateway.SendAsync(new ScheduleReport([404], end, end, 0, 9));
        await gateway.SendAsync(new ScheduleReport([], end, end, 0, 9));
        using var other = await FakeGateway.ConnectAsync(world, "other");
        await other.ReceiveAsync<Snapshot>();
        await other.SendAsync(new ScheduleReport([rule.Id], end - 1, end, 0, 9));
        await other.SendAsync(new ScheduleReport([rule.Id], end, end + 2_000_000, end + 1_000_000, 3));
        await other.SendAsync(new ScheduleReport([rule.Id], end, end + 2_000_000, end + 1_000_000, 9)); // a second time
        await other.SendAsync(new Ready(["0.0.0.0:1194"]));
        await ControlWorld.UntilAsync(async () => (await world.Client.ListAuditAsync(action: "rule.expire.enforced")).Items.Count > 0);
        (await world.Client.ListAuditAsync(action: "rule.expire.enforced")).Items.Single().Summary.ShouldBe(
            $"rule {rule.Id} expired: cut 3 flows; last packet 1.0 ms after that moment; enforced after 2.0 ms");
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
    public async Task A_name_that_only_another_network_has_means_that_one_and_the_rule_says_so()
    {
        await using var world = await WorldAsync();
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-b", Prefixes = ["10.20.0.0/16"] });
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "valve", Network = "plant-b" });
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "device:valve", To = "application:historian" });
        (rule.FromNetwork, rule.Network).ShouldBe(("plant-b", "plant-a"));
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

    private static async Task<ControlWorld> WorldAsync(TimeProvider? time = null, string? directory = null)
    {
        var world = await ControlWorld.StartAsync(directory, time);
        await world.PlantAsync();
        await world.HqAsync(profile: true);
        await world.PumpAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.10", Services = ["tcp/8883"] });
        return world;
    }
}
