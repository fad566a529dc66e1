using System.Collections.Immutable;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.OpenVpn;
using static Sallyport.Core.Tests.Policy.Fleets;

namespace Sallyport.Core.Tests.Policy;

/// <summary>Who is sent routes to what lies beyond the gateway host, and who has to fetch some.</summary>
public sealed class EgressWaysTests
{
    private const int Internet = 9;
    private const int Carrier = 9;

    private static readonly Identity Pump = Device(1, 1, "10.20.0.10", groups: ["pumps"], labels: ["hall=3", "model=P200"]);
    private static readonly Identity Valve = Device(2, 1, "10.20.0.11", labels: ["hall=3"]);
    private static readonly Identity Hq = Site(3, 1, "10.20.0.12", "192.168.50.0/24");
    private static readonly Identity Stranger = Device(4, 2, "10.20.0.10", groups: ["pumps"], labels: ["hall=3", "model=P200"]);
    private static readonly Identity OnlyV6 = Device(5, 1, v6: "fd00::5", groups: ["pumps"]);

    private static readonly Application Vendor = Application(1, Internet, Carrier, "203.0.113.0/24", Tcp(443));
    private static readonly Application Clock = Application(2, Internet, Carrier, "198.51.100.7", Udp(123));
    private static readonly Application All = Application(3, Internet, Carrier, "0.0.0.0/0", Tcp(443));

    [Fact]
    public void Whoever_a_rule_names_is_sent_its_routes_and_nobody_else()
    {
        Told(World()).ShouldBeEmpty();
        Told(World(ForDevice(1, 1, 1))).ShouldBe(["1 203.0.113.0/24"]);
        Told(World(ForSite(1, 3, 1))).ShouldBe(["3 203.0.113.0/24"]);
        Told(World(Of(ForGroup(1, "pumps", 1)))).ShouldBe(["1 203.0.113.0/24"], "not the one of the same group elsewhere, nor who has no IPv4");
        Told(World(Of(ForLabel(1, "hall=3", 1)))).ShouldBe(["1 203.0.113.0/24", "2 203.0.113.0/24"]);
        Told(World(Of(ForLabel(1, "hall=3,model=P200", 1)))).ShouldBe(["1 203.0.113.0/24"]);
        Told(World(ForNetwork(1, 1, 1), ForDevice(2, 2, 2)))
            .ShouldBe(["1 203.0.113.0/24", "2 198.51.100.7/32", "2 203.0.113.0/24", "3 203.0.113.0/24"]);
        Told(World(ForDevice(1, 1, 3))).ShouldBeEmpty("all that is there is no route of its own");
        Told(World(ForDevice(1, 1, 1) with { Effect = RuleEffect.Deny })).ShouldBeEmpty();

        var never = new RuleTime(Instant.FromUnixSeconds(1), []);
        var hard = ConditionText.Parse([], ["openvpn/tcp"], [], [], [], 0, []);
        Told(World(ForDevice(1, 1, 1) with { Time = never }, ForDevice(2, 1, 2) with { Conditions = hard }))
            .ShouldBe(["1 198.51.100.7/32", "1 203.0.113.0/24"], "no shift and no condition makes a tunnel connect anew");

        static Rule Of(Rule rule) => rule with { Subject = rule.Subject with { NetworkId = 1 } };
    }

    [Fact]
    public void Who_gets_more_is_named_and_who_is_left_with_less_is_not()
    {
        var none = World();
        var one = none.With(ForDevice(1, 1, 1));
        one.GainingRoutes(none, []).ShouldBe([1]);
        none.GainingRoutes(one, []).ShouldBeEmpty();
        one.With(ForDevice(2, 1, 1)).GainingRoutes(one, []).ShouldBeEmpty("another rule for the same");
        one.With(ForNetwork(2, 1, 1)).GainingRoutes(one, []).ShouldBe([2, 3]);
        one.With(ForDevice(1, 2, 1)).GainingRoutes(one, []).ShouldBe([2]);
        one.With(Application(4, Internet, Carrier, "203.0.113.8/30", Tcp(22)), ForDevice(2, 1, 4)).GainingRoutes(one, [])
            .ShouldBeEmpty("what is in it is routed already");
        one.With(Vendor with { Target = IpPrefix.Parse("203.0.112.0/23") }).GainingRoutes(one, []).ShouldBe([1]);
        one.With(Vendor with { Locked = true }).GainingRoutes(one, []).ShouldBeEmpty();
    }

    [Fact]
    public void Who_comes_under_a_rule_by_a_label_or_a_group_gets_its_route()
    {
        var before = World(ForLabel(1, "model=P200", 1) with { Subject = new Subject(SubjectKind.Label, 0, "model=P200") { NetworkId = 1 } });
        var after = before.With(Valve with { Labels = ["model=P200"] });
        after.GainingRoutes(before, [2]).ShouldBe([2]);
        after.GainsRoutes(before, 2).ShouldBeTrue();
        after.GainsRoutes(before, 1).ShouldBeFalse();
        before.GainingRoutes(after, [2]).ShouldBeEmpty();
        before.With(Device(6, 1, "10.20.0.20", labels: ["model=P200"])).GainingRoutes(before, [6]).ShouldBeEmpty("who is new has no tunnel");
    }

    [Fact]
    public void Who_sends_everything_into_the_tunnel_has_nothing_to_fetch_but_a_site_does()
    {
        var before = World().With(Network(1, "10.20.0.0/16") with { IsDefaultRoute = true });
        before.With(ForNetwork(1, 1, 1)).GainingRoutes(before, []).ShouldBe([3]);
    }

    /// <summary>The index says what asking every rule of every application says, and the gain is the difference of the two.</summary>
    [Fact]
    public void The_index_agrees_with_asking_every_rule()
    {
        var random = new SeededEntropy(20261126);
        ImmutableArray<Application> applications = [Vendor, Clock, All, Application(4, Internet, Carrier, "203.0.113.8/30", Tcp(22))];
        string[] labels = ["hall=3", "model=P200", "hall=3,model=P200"];
        string[] had = ["hall=3", "model=P200"];
        var gains = 0;
        var before = World();
        for (var round = 0; round < 2_000; round++)
        {
            List<Rule> rules = [];
            for (var id = 1; id <= 3; id++)
            {
                var rule = random.Below(4) switch
                {
                    0 => ForDevice(id, 1 + random.Below(2), 1),
                    1 => ForGroup(id, "pumps", 1),
                    2 => ForLabel(id, labels[random.Below(3)], 1),
                    _ => ForNetwork(id, 1, 1),
                };
                rules.Add(rule with
                {
                    ApplicationIds = [.. applications.Where(_ => random.Below(2) == 0).Select(application => application.Id)],
                    Effect = random.Below(4) == 0 ? RuleEffect.Deny : RuleEffect.Allow,
                    Subject = rule.Subject.Kind is SubjectKind.Device ? rule.Subject : rule.Subject with { NetworkId = 1 + random.Below(2) },
                });
            }

            Identity[] members = [.. ((Identity[])[Pump, Valve, Hq, Stranger, OnlyV6]).Select(member => member with
            {
                Labels = [.. had.Where(_ => random.Below(2) == 0)],
                Groups = random.Below(2) == 0 ? ["pumps"] : [],
            })];
            var after = before.With([.. applications, .. rules, .. members]);
            foreach (var member in members)
            {
                after.EgressWays.Of(member).ShouldBe(Naive(member, rules, applications));
            }

            var gaining = members.Where(member => after.EgressWays.Of(member).Any(route => !before.EgressWays.Of(before.Identity(member.Id)!).Any(one => one.Contains(route))));
            after.GainingRoutes(before, members.Select(member => member.Id)).ShouldBe(gaining.Select(member => member.Id));
            gains += gaining.Count();

            // Only the rules are others: nobody is named as changed, and those who gain are found all the same.
            var again = after.With(rules[0] with { Effect = RuleEffect.Allow, ApplicationIds = [1, 2] });
            again.GainingRoutes(after, []).ShouldBe(
                members.Where(member => again.EgressWays.Of(member).Any(route => !after.EgressWays.Of(member).Any(one => one.Contains(route)))).Select(member => member.Id));
            before = after;
        }

        gains.ShouldBeGreaterThan(500, "or it would prove nothing");
    }

    private static IEnumerable<IpPrefix> Naive(Identity member, IEnumerable<Rule> rules, IEnumerable<Application> applications) => applications
        .Where(application => member.AddressV4 is not null && application.Target.Length > 0
            && rules.Any(rule => rule.Effect == RuleEffect.Allow && rule.ApplicationIds.Contains(application.Id) && Speaks(rule.Subject, member)))
        .Select(application => application.Target).Distinct().OrderBy(target => target.First).ThenBy(target => target.Length);

    private static bool Speaks(Subject subject, Identity member) => subject.Kind switch
    {
        SubjectKind.Device => member.Id == subject.IdentityId,
        SubjectKind.Group => member.NetworkId == subject.NetworkId && member.Groups.Contains(subject.Name),
        SubjectKind.Label => member.NetworkId == subject.NetworkId && subject.Name.Split(',').All(label => member.Labels.Contains(label)),
        SubjectKind.Network => member.NetworkId == subject.NetworkId,
        _ => false,
    };

    private static FleetModel World(params Rule[] rules) => Of(
    [
        Network(1, "10.20.0.0/16"), Network(2, "10.20.0.0/16"), Network(Internet), Pump, Valve, Hq, Stranger, OnlyV6,
        new Identity { Id = Carrier, NetworkId = Internet, Kind = IdentityKind.Host, Name = "internet", Active = true, Subnets = [Egress.Everything] },
        Vendor, Clock, All, .. rules,
    ]);

    private static IEnumerable<string> Told(FleetModel model) =>
        model.Identities.SelectMany(identity => model.EgressWays.Of(identity).Select(route => $"{identity.Id} {route}"));
}
