using System.Diagnostics;
using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.OpenVpn;
using Xunit.Abstractions;
using static Sallyport.Core.Tests.Policy.Fleets;

namespace Sallyport.Core.Tests.Policy;

public sealed class FleetModelTests(ITestOutputHelper output)
{
    private static readonly FleetModel Plant = Of(
        Network(1, "10.20.0.0/16"),
        Device(17, 1, "10.20.0.17", groups: ["pumps"], labels: ["model=P200"]),
        Device(18, 1, "10.20.0.18"),
        Site(2, 1, "10.20.0.2", "192.168.50.0/24"),
        Application(5, 1, 2, "192.168.50.10", Tcp(8883), Udp(5000, 5010), Ping));

    private static readonly IpAddress Historian = IpAddress.Parse("192.168.50.10");

    [Fact]
    public void Without_a_rule_nothing_is_allowed()
    {
        Decide(Plant, 17, "192.168.50.10", IpProtocol.Tcp, 8883).ShouldBe(Decision.Deny(DropReason.NoRule, 5));
        Decide(Plant, 17, "192.168.50.10", IpProtocol.Tcp, 8884).ShouldBe(Decision.Deny(DropReason.NoApplication));
        Decide(Plant, 17, "192.168.50.11", IpProtocol.Tcp, 8883).ShouldBe(Decision.Deny(DropReason.NoApplication));
        Decide(Plant, 17, "10.20.0.18", IpProtocol.Tcp, 22).ShouldBe(Decision.Deny(DropReason.NoApplication));
        Decide(Plant, 2, "10.20.0.17", IpProtocol.Tcp, 22).ShouldBe(Decision.Deny(DropReason.NoApplication));
        Decide(Plant, 17, "192.168.51.1", IpProtocol.Tcp, 22).ShouldBe(Decision.Deny(DropReason.NotRouted));
        Decide(Plant, 17, "10.20.0.17", IpProtocol.Tcp, 22).ShouldBe(Decision.Deny(DropReason.ToItself));
    }

    [Fact]
    public void A_rule_allows_its_subject_its_application_and_nothing_else()
    {
        foreach (var rule in new[] { ForDevice(9, 17, 5), ForGroup(9, "pumps", 5), ForLabel(9, "model=P200", 5) })
        {
            var model = Plant.With(rule);
            model.Epoch.ShouldBe(Plant.Epoch + 1);
            Decide(model, 17, "192.168.50.10", IpProtocol.Tcp, 8883).ShouldBe(Decision.Allow(9, 5));
            Decide(model, 17, "192.168.50.10", IpProtocol.Udp, 5007).ShouldBe(Decision.Allow(9, 5));
            Decide(model, 17, "192.168.50.10", IpProtocol.Icmp, 0).ShouldBe(Decision.Allow(9, 5));
            Decide(model, 17, "192.168.50.10", IpProtocol.Udp, 8883).Allowed.ShouldBeFalse();
            Decide(model, 17, "192.168.50.10", IpProtocol.Tcp, 8884).Allowed.ShouldBeFalse();
            Decide(model, 17, "192.168.50.11", IpProtocol.Tcp, 8883).Allowed.ShouldBeFalse();
            Decide(model, 18, "192.168.50.10", IpProtocol.Tcp, 8883).ShouldBe(Decision.Deny(DropReason.NoRule, 5));
            Decide(model, 2, "10.20.0.17", IpProtocol.Tcp, 8883).Allowed.ShouldBeFalse();
        }
    }

    [Fact]
    public void A_rule_that_denies_wins_over_every_rule_that_allows_whatever_application_it_names()
    {
        var wide = Application(6, 1, 2, "192.168.50.0/24", Tcp(1, 65535));
        var model = Plant.With(wide, ForGroup(9, "pumps", 5), ForDevice(10, 17, 6), ForLabel(11, "model=P200", 6) with { Effect = RuleEffect.Deny });
        Decide(model, 17, "192.168.50.10", IpProtocol.Tcp, 8883).ShouldBe(Decision.Deny(DropReason.RuleDenies, 6, 11));
        Decide(model, 17, "192.168.50.10", IpProtocol.Udp, 5000).ShouldBe(Decision.Allow(9, 5), "the other application has no UDP");
        var why = model.Explain(17, default, Historian, IpProtocol.Tcp, 8883);
        (why.Kind, why.Rule!.Id).ShouldBe((ExplanationKind.RuleDenies, 11));
        Decide(model.With(model.Identity(17)! with { Labels = [] }), 17, "192.168.50.10", IpProtocol.Tcp, 8883).ShouldBe(Decision.Allow(9, 5));
    }

    [Fact]
    public void A_locked_application_is_reached_through_no_other_that_has_the_same_address()
    {
        var wide = Application(6, 1, 2, "192.168.50.0/24", Tcp(1, 65535));
        var model = Plant.With(wide, Application(5, 1, 2, "192.168.50.10", Tcp(8883)) with { Locked = true }, ForDevice(9, 17, 5), ForDevice(10, 17, 6));
        Decide(model, 17, "192.168.50.10", IpProtocol.Tcp, 8883).ShouldBe(Decision.Deny(DropReason.ApplicationLocked, 5));
        Decide(model, 17, "192.168.50.10", IpProtocol.Tcp, 22).ShouldBe(Decision.Allow(10, 6));
        model.Explain(17, default, Historian, IpProtocol.Tcp, 8883).Kind.ShouldBe(ExplanationKind.ApplicationLocked);
    }

    [Fact]
    public void A_rule_counts_in_its_time_and_the_model_knows_when_that_changes()
    {
        var noon = Instant.FromUnixSeconds(Zones.Unix("2026-07-06 10:00:00"));
        var end = noon + TimeSpan.FromDays(1);
        var hours = new TimeWindow(WeekDays.All, 13 * 3600, 14 * 3600, Zones.Clock("Europe/Vienna"));
        var before = Plant.With(new FleetChange { Rules = [ForDevice(9, 17, 5) with { Time = new RuleTime(end, [hours]) }] }, noon);
        Decide(before, 17, "192.168.50.10", IpProtocol.Tcp, 8883).ShouldBe(Decision.Deny(DropReason.NoRule, 5));
        var why = before.Explain(17, default, Historian, IpProtocol.Tcp, 8883);
        (why.Kind, why.Rule!.Id).ShouldBe((ExplanationKind.NotInForce, 9));
        before.NextChange.ShouldBe(noon + TimeSpan.FromHours(1));
        before.At(noon + TimeSpan.FromMinutes(59)).ShouldBeSameAs(before);

        var open = before.At(noon + TimeSpan.FromHours(1));
        open.Epoch.ShouldBe(before.Epoch + 1);
        Decide(open, 17, "192.168.50.10", IpProtocol.Tcp, 8883).ShouldBe(Decision.Allow(9, 5));
        before.JudgesAlike(open, 1, 17, 2).ShouldBeFalse("live flows must be judged again");
        open.NextChange.ShouldBe(noon + TimeSpan.FromHours(2));
        var closed = open.At(noon + TimeSpan.FromHours(2));
        Decide(closed, 17, "192.168.50.10", IpProtocol.Tcp, 8883).Allowed.ShouldBeFalse();
        closed.NextChange.ShouldBe(end);
        var over = closed.At(end);
        over.NextChange.ShouldBe(Instant.Never);
        Decide(over.At(end + TimeSpan.FromHours(1)), 17, "192.168.50.10", IpProtocol.Tcp, 8883).Allowed.ShouldBeFalse();
    }

    [Fact]
    public void A_clock_that_steps_back_brings_no_rule_back()
    {
        var start = Instant.FromUnixSeconds(1_800_000_000);
        var rule = ForDevice(9, 17, 5) with { Time = new RuleTime(start + TimeSpan.FromMinutes(1), []) };
        var over = Plant.With(new FleetChange { Rules = [rule] }, start).At(start + TimeSpan.FromMinutes(1));
        Decide(over.With(new FleetChange { Rules = [rule] }, start), 17, "192.168.50.10", IpProtocol.Tcp, 8883).Allowed.ShouldBeFalse();
    }

    [Fact]
    public void An_inactive_identity_neither_sends_nor_receives()
    {
        var model = Plant.With(ForDevice(9, 17, 5));
        var noSender = model.With(model.Identity(17)! with { Active = false });
        var noTarget = model.With(model.Identity(2)! with { Active = false });
        Decide(noSender, 17, "192.168.50.10", IpProtocol.Tcp, 8883).ShouldBe(Decision.Deny(DropReason.IdentityNotActive));
        Decide(noTarget, 17, "192.168.50.10", IpProtocol.Tcp, 8883).ShouldBe(Decision.Deny(DropReason.IdentityNotActive));
    }

    [Fact]
    public void Equal_addresses_in_two_networks_never_meet()
    {
        var model = Plant.With(
            Network(7, "10.20.0.0/16"),
            Device(70, 7, "10.20.0.17", groups: ["pumps"]),
            Site(71, 7, "10.20.0.2", "192.168.50.0/24"),
            ForGroup(9, "pumps", 5));
        Decide(model, 17, "192.168.50.10", IpProtocol.Tcp, 8883).Allowed.ShouldBeTrue();
        model.IdentityAt(7, Historian)!.Id.ShouldBe(71);
        model.IdentityAt(1, Historian)!.Id.ShouldBe(2);
        // In the same group, at the same address, but the application is of the other network.
        Decide(model, 70, "192.168.50.10", IpProtocol.Tcp, 8883).ShouldBe(Decision.Deny(DropReason.NoApplication));
        // Even when somebody asks about the other network's site outright.
        model.Decide(model.Identity(70)!, model.Identity(2), Historian, IpProtocol.Tcp, 8883, default).ShouldBe(Decision.Deny(DropReason.NoRule, 5));
        // And when an application of one network names an owner in another.
        var crossed = model.With(Application(6, 1, 71, "192.168.50.10", Tcp(8883)), ForGroup(10, "pumps", 6));
        Decide(crossed, 70, "192.168.50.10", IpProtocol.Tcp, 8883).Allowed.ShouldBeFalse();
    }

    [Fact]
    public void The_longest_subnet_carries_the_address_and_an_own_address_beats_every_subnet()
    {
        var model = Plant.With(
            Site(3, 1, null, "192.168.0.0/16"),
            Site(4, 1, null, "192.168.50.128/25"),
            Device(19, 1, "192.168.50.200"));
        model.IdentityAt(1, IpAddress.Parse("192.168.50.10"))!.Id.ShouldBe(2);
        model.IdentityAt(1, IpAddress.Parse("192.168.50.130"))!.Id.ShouldBe(4);
        model.IdentityAt(1, IpAddress.Parse("192.168.50.200"))!.Id.ShouldBe(19);
        model.IdentityAt(1, IpAddress.Parse("192.168.9.9"))!.Id.ShouldBe(3);
        model.IdentityAt(1, IpAddress.Parse("192.169.0.0")).ShouldBeNull();
        model.Owns(2, IpAddress.Parse("192.168.50.10")).ShouldBeTrue();
        model.Owns(3, IpAddress.Parse("192.168.50.10")).ShouldBeFalse();
        model.Owns(2, IpAddress.Parse("192.168.50.200")).ShouldBeFalse();
        model.Owns(404, Historian).ShouldBeFalse();
    }

    [Fact]
    public void The_most_specific_target_decides_and_a_wider_one_helps_out()
    {
        var model = Plant.With(
            Application(6, 1, 2, "192.168.50.0/24", Tcp(1, 65535)),
            ForDevice(20, 17, 6), ForDevice(9, 17, 5), ForDevice(21, 18, 6));
        Decide(model, 17, "192.168.50.10", IpProtocol.Tcp, 8883).ShouldBe(Decision.Allow(9, 5));
        Decide(model, 17, "192.168.50.10", IpProtocol.Tcp, 22).ShouldBe(Decision.Allow(20, 6));
        Decide(model, 18, "192.168.50.10", IpProtocol.Tcp, 8883).ShouldBe(Decision.Allow(21, 6));
    }

    [Fact]
    public void Two_claims_to_one_address_are_settled_by_the_lowest_id_in_any_order()
    {
        var address = IpAddress.Parse("10.20.9.9");
        var up = Plant.With(Device(30, 1, "10.20.9.9")).With(Device(31, 1, "10.20.9.9"));
        var down = Plant.With(Device(31, 1, "10.20.9.9")).With(Device(30, 1, "10.20.9.9"));
        up.IdentityAt(1, address)!.Id.ShouldBe(30);
        down.IdentityAt(1, address)!.Id.ShouldBe(30);
        up.With(new FleetChange { RemovedIdentities = [30] }).IdentityAt(1, address)!.Id.ShouldBe(31);
    }

    [Fact]
    public void Addresses_swap_within_one_change()
    {
        var model = Plant.With(Device(17, 1, "10.20.0.18"), Device(18, 1, "10.20.0.17"));
        model.IdentityAt(1, IpAddress.Parse("10.20.0.18"))!.Id.ShouldBe(17);
        model.IdentityAt(1, IpAddress.Parse("10.20.0.17"))!.Id.ShouldBe(18);
    }

    [Fact]
    public void A_model_that_was_changed_is_what_it_was()
    {
        var before = Plant.With(ForDevice(9, 17, 5));
        _ = before.With(new FleetChange { RemovedRules = [9], RemovedIdentities = [18], RemovedApplications = [5], RemovedNetworks = [1] });
        Decide(before, 17, "192.168.50.10", IpProtocol.Tcp, 8883).ShouldBe(Decision.Allow(9, 5));
        before.Identities.Select(identity => identity.Id).ShouldBe([2, 17, 18]);
        before.Rules.ShouldHaveSingleItem().Id.ShouldBe(9);
        before.Applications.ShouldHaveSingleItem().Id.ShouldBe(5);
        before.Networks.ShouldHaveSingleItem().Id.ShouldBe(1);
    }

    [Fact]
    public void Explanations_name_what_decides_or_what_is_missing()
    {
        var model = Plant.With(Device(40, 1, "10.20.0.40", active: false));
        Why(model, 404, "10.0.0.1", 1).Kind.ShouldBe(ExplanationKind.SenderUnknown);
        Why(model, 40, "192.168.50.10", 8883).Kind.ShouldBe(ExplanationKind.SenderNotActive);
        Why(model, 17, "8.8.8.8", 53).Kind.ShouldBe(ExplanationKind.NotRouted);
        Why(model, 17, "10.20.0.17", 53).Kind.ShouldBe(ExplanationKind.ToItself);
        Why(model, 17, "10.20.0.40", 53).Kind.ShouldBe(ExplanationKind.TargetNotActive);
        Why(model, 17, "192.168.50.11", 8883).Kind.ShouldBe(ExplanationKind.NoApplicationAtAddress);
        var port = Why(model, 17, "192.168.50.10", 8884);
        port.Kind.ShouldBe(ExplanationKind.NoApplicationAtPort);
        port.Candidates.ShouldHaveSingleItem().Id.ShouldBe(5);
        port.To!.Id.ShouldBe(2);
        var rule = Why(model, 17, "192.168.50.10", 8883);
        rule.Kind.ShouldBe(ExplanationKind.NoRule);
        rule.Application!.Id.ShouldBe(5);
        var subject = Why(model.With(ForDevice(9, 18, 5)), 17, "192.168.50.10", 8883);
        subject.Kind.ShouldBe(ExplanationKind.SubjectDoesNotMatch);
        subject.OtherRules.ShouldHaveSingleItem().Id.ShouldBe(9);
        var allowed = Why(model.With(ForDevice(9, 17, 5)), 17, "192.168.50.10", 8883);
        allowed.Kind.ShouldBe(ExplanationKind.Allowed);
        allowed.Rule!.Id.ShouldBe(9);
        allowed.From!.Id.ShouldBe(17);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Agrees_with_the_naive_model_over_random_fleets_changes_and_questions(bool withEgress)
    {
        var (allowed, across, named) = (0, 0, 0);
        var reasons = new Dictionary<DropReason, int>();
        var unmet = new HashSet<ConditionKind>();
        for (var seed = 0; seed < (withEgress ? 700 : 450); seed++)
        {
            var random = new SeededEntropy((ulong)seed);
            var naive = new NaiveFleet();
            var fleet = new RandomFleet(random, naive) { WithEgress = withEgress };
            var model = FleetModel.Empty;
            for (var step = 0; step < 10; step++)
            {
                var before = model;
                naive.Now += TimeSpan.FromMinutes(random.Below(300));
                naive.Situations[1 + random.Below(11)] = fleet.Situation();
                for (var told = 0; withEgress && told < 6; told++)
                {
                    naive.Ties[1 + random.Below(11)] = fleet.Told();
                }

                if (step > 0 && random.Below(3) == 0)
                {
                    // Nothing happens but that time passes.
                    model = model.At(naive.Now);
                }
                else
                {
                    var change = fleet.Change(first: step == 0);
                    model = model.With(change, naive.Now);
                    naive.Apply(change);
                }

                model.NextChange.ShouldBeGreaterThan(naive.Now);
                for (var question = 0; question < 60; question++)
                {
                    var network = 1 + random.Below(2);
                    var (from, address, protocol, port) = fleet.Question();
                    model.IdentityAt(network, address).ShouldBe(naive.At(network, address));
                    if (from is null)
                    {
                        continue;
                    }

                    model.Identity(from.Id).ShouldBe(from);
                    model.Owns(from.Id, address).ShouldBe(naive.At(from.NetworkId, address) == from);
                    var (to, inside) = model.Resolve(from.NetworkId, address);
                    (to, inside).ShouldBe(naive.Resolve(from.NetworkId, address));
                    var situation = naive.Situations.GetValueOrDefault(from.Id);
                    var names = new TiedNames(naive.Ties.GetValueOrDefault(from.Id), naive.Now);
                    var decision = model.Decide(from, to, inside, protocol, port, situation, names);
                    across += to is not null && to.NetworkId != from.NetworkId && decision.Allowed ? 1 : 0;
                    decision.ShouldBe(naive.Decide(from, address, protocol, port), $"seed {seed}");
                    named += decision.Allowed && !model.Application(decision.ApplicationId)!.Names.IsEmpty ? 1 : 0;
                    var explanation = model.Explain(from.Id, situation, address, protocol, port);
                    if (to is not { IsEgress: true })
                    {
                        explanation.Decision.ShouldBe(decision);
                    }

                    (explanation.Kind == ExplanationKind.Allowed).ShouldBe(explanation.Decision.Allowed);
                    unmet.UnionWith(explanation.Kind == ExplanationKind.ConditionNotMet ? [explanation.Unmet.Kind] : []);
                    allowed += decision.Allowed ? 1 : 0;
                    reasons[decision.Reason] = reasons.GetValueOrDefault(decision.Reason) + 1;
                    if (to is not null && before.JudgesAlike(model, from.NetworkId, from.Id, to.Id))
                    {
                        before.Decide(from, to, inside, protocol, port, situation, names).ShouldBe(decision);
                        before.Resolve(from.NetworkId, address).ShouldBe(new Place(to, inside));
                    }
                }
            }
        }

        output.WriteLine($"{across} across networks, {allowed} allowed of some hundred thousand, {named} by a name, {string.Join(", ", reasons)}");
        allowed.ShouldBeGreaterThan(1000);
        across.ShouldBeGreaterThan(100);
        reasons[DropReason.RuleDenies].ShouldBeGreaterThan(100);
        reasons[DropReason.ApplicationLocked].ShouldBeGreaterThan(100);
        reasons[DropReason.Quarantined].ShouldBeGreaterThan(100);
        if (withEgress)
        {
            named.ShouldBeGreaterThan(100);
            reasons[DropReason.NameNotAsked].ShouldBeGreaterThan(100);
        }

        unmet.Count.ShouldBe(Enum.GetValues<ConditionKind>().Length - 1, string.Join(", ", unmet));
    }

    [Fact]
    public void A_large_fleet_changes_and_decides_quickly_whatever_else_there_is()
    {
        var records = new List<object> { Network(1, "10.0.0.0/8"), Site(100_001, 1, null, "192.168.0.0/16") };
        for (var id = 1; id <= 100_000; id++)
        {
            records.Add(Device(id, 1) with { AddressV4 = IpAddress.FromV4(0x0a000000u + (uint)id) });
        }

        for (var id = 1; id <= 10_000; id++)
        {
            records.Add(Application(id, 1, 100_001, $"192.168.{id / 200}.{id % 200}", Tcp(8883)));
            records.Add(ForDevice(id, id, id));
        }

        var watch = Stopwatch.StartNew();
        var model = Of([.. records]);
        output.WriteLine($"built in {watch.ElapsedMilliseconds} ms");
        var from = model.Identity(777)!;
        var to = model.Identity(100_001);
        var target = IpAddress.Parse("192.168.3.177");
        var allowed = 0;
        for (var warm = 0; warm < 2; warm++)
        {
            watch.Restart();
            for (var round = 0; round < 100_000; round++)
            {
                allowed += model.Decide(from, model.IdentityAt(1, target), target, IpProtocol.Tcp, 8883, default).Allowed ? 1 : 0;
            }
        }

        output.WriteLine($"decided in {watch.Elapsed.TotalNanoseconds / 100_000:F0} ns");
        allowed.ShouldBe(200_000);
        watch.Elapsed.TotalMicroseconds.ShouldBeLessThan(100_000 * 100, "linear in 10,000 rules would be more, even on a machine that builds beside");

        watch.Restart();
        for (var round = 0; round < 100; round++)
        {
            model = model.With(model.Identity(1 + (round * 997))! with { Active = false });
        }

        output.WriteLine($"one identity changed in {watch.Elapsed.TotalMicroseconds / 100:F0} µs");
        watch.Elapsed.TotalMilliseconds.ShouldBeLessThan(100 * 50, "a rebuild of every index would be more");
        model.IdentityCount.ShouldBe(100_001);
    }

    private static Decision Decide(FleetModel model, int from, string destination, IpProtocol protocol, int port, Situation situation = default)
    {
        var sender = model.Identity(from)!;
        var address = IpAddress.Parse(destination);
        var (to, inside) = model.Resolve(sender.NetworkId, address);
        return model.Decide(sender, to, inside, protocol, (ushort)port, situation);
    }

    private static Explanation Why(FleetModel model, int from, string destination, int port, Situation situation = default) =>
        model.Explain(from, situation, IpAddress.Parse(destination), IpProtocol.Tcp, (ushort)port);
}
