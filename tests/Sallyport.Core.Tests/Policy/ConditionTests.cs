using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using static Sallyport.Core.Tests.Policy.Fleets;

namespace Sallyport.Core.Tests.Policy;

/// <summary>What a rule asks beside its subject: tunnel, place, facts, state; and groups of applications and selectors of labels.</summary>
public sealed class ConditionTests
{
    private static readonly Instant Now = Instant.FromUnixSeconds(1_800_000_000);

    private static readonly FleetModel Plant = FleetModel.Empty.With(
        Change(
            Network(1, "10.20.0.0/16"),
            Device(17, 1, "10.20.0.17", labels: ["model=P200", "region=eu"]),
            Device(18, 1, "10.20.0.18", labels: ["model=P200", "region=us"]),
            Site(2, 1, "10.20.0.2", "192.168.50.0/24"),
            Application(5, 1, 2, "192.168.50.10", Tcp(8883)),
            Application(6, 1, 2, "192.168.50.11", Tcp(8883)) with { IsManagement = true }),
        Now);

    private static readonly Situation Home = new(TunnelProtocol.OpenVpnUdp, TunnelCipher.Aes256Gcm, IpAddress.Parse("203.0.113.9"));

    [Fact]
    public void A_selector_of_several_labels_speaks_of_who_has_all_of_them()
    {
        var model = Plant.With(ForLabel(9, "model=P200,region=eu", 5));
        Decide(model, 17, Home).ShouldBe(Decision.Allow(9, 5));
        Decide(model, 18, Home).ShouldBe(Decision.Deny(DropReason.NoRule, 5));
        Decide(Plant.With(ForLabel(9, "region=us,model=P200", 5)), 18, Home).Allowed.ShouldBeTrue();
    }

    [Theory]
    [InlineData("region=eu,model=P200", "model=P200", "region=eu")]
    [InlineData("model=P200", "model=P200")]
    [InlineData("place=Hall 3, left", "place=Hall 3, left")]
    [InlineData("place=Hall 3, left,model=P200", "model=P200", "place=Hall 3, left")]
    [InlineData("a=1,a=1", "a=1")]
    public void A_comma_begins_another_label_where_a_key_follows_it(string text, params string[] labels)
    {
        LabelSelector.Read(text).ShouldBe(labels);
        LabelSelector.Read(LabelSelector.Write(LabelSelector.Read(text))).ShouldBe(labels);
    }

    [Fact]
    public void A_rule_to_several_applications_is_one_rule_and_goes_with_them()
    {
        var model = Plant.With(new Rule(9, new Subject(SubjectKind.Device, 17, ""), Ids(5, 6)));
        Decide(model, 17, Home).ShouldBe(Decision.Allow(9, 5));
        Decide(model, 17, Home, "192.168.50.11").ShouldBe(Decision.Allow(9, 6));
        var left = model.With(new Rule(9, new Subject(SubjectKind.Device, 17, ""), Ids(6)));
        Decide(left, 17, Home).ShouldBe(Decision.Deny(DropReason.NoRule, 5));
        model.JudgesAlike(left, 1, 17, 2).ShouldBeFalse("live flows must be judged again");
        Decide(model.With(new FleetChange { RemovedRules = [9] }), 17, Home, "192.168.50.11").Allowed.ShouldBeFalse();
    }

    [Fact]
    public void Each_kind_of_condition_must_hold_and_the_explanation_names_the_one_that_does_not()
    {
        var austria = new Country("AT", new AddressSet([new AddressRange(IpAddress.Parse("203.0.113.0"), IpAddress.Parse("203.0.113.127"))]));
        PostureTest.TryParse("firmware>=2.4.1", out var firmware, out _).ShouldBeTrue();
        var rule = ForDevice(9, 17, 5) with
        {
            Conditions = new RuleConditions
            {
                States = [SubjectState.Active],
                Protocols = [TunnelProtocol.OpenVpnUdp],
                Ciphers = [TunnelCipher.Aes256Gcm, TunnelCipher.ChaCha20Poly1305],
                Sources = [IpPrefix.Parse("203.0.113.0/24")],
                Countries = [austria],
                Posture = [firmware],
            },
        };
        var model = Plant.With(rule, Plant.Identity(17)! with { Posture = [new PostureFact("firmware", new PostureValue("2.10.0"), Now)] });
        model.LooksAtTunnels.ShouldBeTrue();
        Decide(model, 17, Home).ShouldBe(Decision.Allow(9, 5));
        Unmet(model, default).Kind.ShouldBe(ConditionKind.Protocol, "who has no tunnel has none of its kind");
        Unmet(model, Home with { Protocol = TunnelProtocol.OpenVpnTcp }).Kind.ShouldBe(ConditionKind.Protocol);
        Unmet(model, Home with { Cipher = TunnelCipher.Aes256Cbc }).Kind.ShouldBe(ConditionKind.Cipher);
        Unmet(model, Home with { Source = IpAddress.Parse("198.51.100.1") }).Kind.ShouldBe(ConditionKind.Source);
        Unmet(model, Home with { Source = IpAddress.Parse("203.0.113.200") }).Kind.ShouldBe(ConditionKind.Country);
        Unmet(model.With(model.Identity(17)! with { Quarantine = QuarantineDegree.Throttled }), Home).Kind.ShouldBe(ConditionKind.State);
        Unmet(model.With(model.Identity(17)! with { Posture = [] }), Home).ShouldBe(new Unmet(ConditionKind.Posture, firmware));
        var old = model.With(model.Identity(17)! with { Posture = [new PostureFact("firmware", new PostureValue("2.4.0"), Now)] });
        Unmet(old, Home).ShouldBe(new Unmet(ConditionKind.Posture, firmware));
        model.With(new FleetChange { RemovedRules = [9] }).LooksAtTunnels.ShouldBeFalse();
    }

    [Fact]
    public void A_denial_with_a_condition_denies_where_it_holds()
    {
        var deny = ForDevice(8, 17, 5) with { Effect = RuleEffect.Deny, Conditions = new RuleConditions { Sources = [IpPrefix.Parse("198.51.100.0/24")] } };
        var model = Plant.With(ForDevice(9, 17, 5), deny);
        Decide(model, 17, Home).ShouldBe(Decision.Allow(9, 5));
        Decide(model, 17, Home with { Source = IpAddress.Parse("198.51.100.7") }).ShouldBe(Decision.Deny(DropReason.RuleDenies, 5, 8));
    }

    [Fact]
    public void A_fact_stops_to_count_at_its_age_by_the_clock()
    {
        PostureTest.TryParse("disk-encrypted=true", out var encrypted, out _).ShouldBeTrue();
        var rule = ForDevice(9, 17, 5) with { Conditions = new RuleConditions { Posture = [encrypted], PostureAge = TimeSpan.FromHours(1) } };
        var reported = Plant.With(new FleetChange { Identities = [Plant.Identity(17)! with { Posture = [new PostureFact("disk-encrypted", new PostureValue("true"), Now)] }] }, Now);
        reported.NextChange.ShouldBe(Instant.Never, "no rule cares for its age");
        var model = reported.With(rule);
        Decide(model, 17, Home).ShouldBe(Decision.Allow(9, 5));
        model.NextChange.ShouldBe(Now + TimeSpan.FromHours(1));
        var aged = model.At(model.NextChange);
        Decide(aged, 17, Home).ShouldBe(Decision.Deny(DropReason.NoRule, 5));
        model.JudgesAlike(aged, 1, 17, 2).ShouldBeFalse("live flows must be judged again");
        model.IdentitiesDue(model.NextChange).ShouldBe([17]);
        aged.NextChange.ShouldBe(Instant.Never);
        var fresh = aged.With(new FleetChange { Identities = [aged.Identity(17)! with { Posture = [new PostureFact("disk-encrypted", new PostureValue("true"), aged.AsOf)] }] }, aged.AsOf);
        Decide(fresh, 17, Home).Allowed.ShouldBeTrue();
        fresh.With(new FleetChange { RemovedRules = [9] }).NextChange.ShouldBe(Instant.Never);
        fresh.With(new FleetChange { RemovedIdentities = [17] }).NextChange.ShouldBe(Instant.Never);
    }

    [Fact]
    public void Degrees_of_quarantine_leave_what_they_say_and_never_more_than_rules_allow()
    {
        var model = Plant.With(ForDevice(9, 17, 5), ForDevice(10, 17, 6));
        FleetModel In(QuarantineDegree degree, int forensic = 0, int who = 17) =>
            model.With(model.Identity(who)! with { Quarantine = degree, ForensicApplicationId = forensic, Active = degree != QuarantineDegree.Dark });
        Decide(In(QuarantineDegree.Throttled), 17, Home).Allowed.ShouldBeTrue();
        foreach (var (left, application) in ((FleetModel, int)[])[(In(QuarantineDegree.Management), 6), (In(QuarantineDegree.Forensic, 6), 6), (In(QuarantineDegree.Management, who: 2), 6)])
        {
            Decide(left, 17, Home).ShouldBe(Decision.Deny(DropReason.Quarantined, 5, 9));
            Decide(left, 17, Home, "192.168.50.11").ShouldBe(Decision.Allow(10, application));
            left.Explain(17, Home, IpAddress.Parse("192.168.50.10"), IpProtocol.Tcp, 8883).Kind.ShouldBe(ExplanationKind.Quarantined);
        }

        Decide(In(QuarantineDegree.Forensic, 5), 17, Home, "192.168.50.11").ShouldBe(Decision.Deny(DropReason.Quarantined, 6, 10));
        Decide(In(QuarantineDegree.Dark), 17, Home, "192.168.50.11").ShouldBe(Decision.Deny(DropReason.IdentityNotActive));
        Decide(In(QuarantineDegree.Management).With(new FleetChange { RemovedRules = [10] }), 17, Home, "192.168.50.11").ShouldBe(Decision.Deny(DropReason.NoRule, 6));
        var recovering = ForDevice(10, 17, 6) with { Conditions = new RuleConditions { States = [SubjectState.Quarantined] } };
        Decide(model.With(recovering), 17, Home, "192.168.50.11").Allowed.ShouldBeFalse("it is not in quarantine");
        Decide(In(QuarantineDegree.Management).With(recovering), 17, Home, "192.168.50.11").Allowed.ShouldBeTrue();
    }

    [Fact]
    public void The_model_looks_at_the_calendar_while_there_is_a_volume()
    {
        var model = Plant.With(ForDevice(9, 17, 5) with { Limit = new Limit { VolumeBytes = 1 } });
        model.NextChange.ShouldBe(Instant.FromUnixSeconds(Zones.Unix("2027-01-16 00:00:00")));
        model.At(model.NextChange).NextChange.ShouldBe(Instant.FromUnixSeconds(Zones.Unix("2027-01-17 00:00:00")));
        model.With(new FleetChange { RemovedRules = [9] }).NextChange.ShouldBe(Instant.Never);
    }

    [Fact]
    public void Months_are_those_of_the_runtimes_calendar()
    {
        for (var day = 0; day < 60_000; day++)
        {
            var date = new DateTime(1970, 1, 1).AddDays(day);
            CalendarDays.MonthOf(day).ShouldBe((date.Year * 12) + date.Month - 1, $"{date:yyyy-MM-dd}");
        }
    }

    private static Decision Decide(FleetModel model, int from, Situation situation, string destination = "192.168.50.10")
    {
        var sender = model.Identity(from)!;
        var address = IpAddress.Parse(destination);
        return model.Decide(sender, model.IdentityAt(1, address), address, IpProtocol.Tcp, 8883, situation);
    }

    private static Unmet Unmet(FleetModel model, Situation situation)
    {
        Decide(model, 17, situation).ShouldBe(Decision.Deny(DropReason.NoRule, 5));
        var why = model.Explain(17, situation, IpAddress.Parse("192.168.50.10"), IpProtocol.Tcp, 8883);
        (why.Kind, why.Rule!.Id).ShouldBe((ExplanationKind.ConditionNotMet, 9));
        return why.Unmet;
    }
}
