using Sallyport.Api.Flows;
using Sallyport.Api.Policy;
using Sallyport.Cli.Flows;

namespace Sallyport.Apps.Tests.Cli.Flows;

public sealed class FlowTextTests
{
    private static readonly FlowInfo Denied = new()
    {
        Id = 1,
        Gateway = "local",
        Network = "plant-a",
        From = new FlowEnd("device", "pump-17", 2),
        To = new FlowEnd("site", "hq", 3),
        Protocol = "tcp",
        Source = "10.20.0.2",
        SourcePort = 40_000,
        Destination = "192.168.50.10",
        DestinationPort = 8883,
        Verdict = "denied",
        State = "denied",
        Application = "historian",
        Reason = "NoRule",
        ReasonText = "no rule allows it",
        AllowCommand = "sallyport rule add --from device:pump-17 --to application:historian",
        FirstSeen = DateTimeOffset.UnixEpoch,
        LastSeen = DateTimeOffset.UnixEpoch,
        PacketsOut = 3,
        BytesOut = 180,
        PacketsBack = 0,
        BytesBack = 0,
        Ended = false,
    };

    [Fact]
    public void A_denied_flow_says_why_and_what_would_allow_it()
    {
        FlowText.Line(Denied).ShouldBe("1970-01-01 00:00:00Z  device:pump-17  DENIED tcp 192.168.50.10:8883 (historian): no rule allows it; 3 packets");
        FlowText.AllowLines(Denied).ShouldBe(["    to allow it: sallyport rule add --from device:pump-17 --to application:historian"]);
    }

    [Fact]
    public void A_flow_between_two_networks_says_what_it_is_in_the_other_one()
    {
        FlowText.Line(Denied with { Destination = "198.18.0.1", Far = new FlowFarEnds("plant-b", "198.19.0.3", "192.168.1.10") })
            .ShouldContain("DENIED tcp 198.18.0.1:8883 [192.168.1.10 in plant-b, as 198.19.0.3] (historian)");
        FlowText.Line(Denied with { Destination = "203.0.113.9", DnsName = "ntp.example", Far = new FlowFarEnds("internet", "198.19.0.3", "203.0.113.9") })
            .ShouldContain("tcp 203.0.113.9:8883 [ntp.example] [in internet, as 198.19.0.3] (historian)");
        FlowText.Line(Denied with { Far = new FlowFarEnds("plant-b", null, "192.168.1.10") }).ShouldContain("[192.168.1.10 in plant-b] ");
    }

    [Fact]
    public void Who_opened_it_is_named_with_the_network_where_the_name_alone_does_not_say_who()
    {
        FlowText.Line(Denied with { From = Denied.From with { Reference = "pump-17.plant-a" } }).ShouldContain("  device:pump-17.plant-a  DENIED");
        FlowText.Line(Denied with { Far = new FlowFarEnds("plant-b", null, "192.168.1.10") }).ShouldContain("  device:pump-17.plant-a  DENIED");
        FlowText.Line(Denied with { From = new FlowEnd("host", "plant-a", 4), Far = new FlowFarEnds("plant-b", null, "192.168.1.10") }).ShouldContain("  host:plant-a  DENIED");
    }

    [Fact]
    public void What_goes_around_a_rule_says_around_which()
    {
        var nearest = new NearestRule(7, "label:model=P200 to application:historian (firmware>=2.4.1)", "condition", "it asks for firmware>=2.4.1", null);
        FlowText.AllowLines(Denied with { Nearest = nearest }).ShouldBe(
        [
            "    to allow it: sallyport rule add --from device:pump-17 --to application:historian",
            "                 which goes around rule 7 (label:model=P200 to application:historian (firmware>=2.4.1))",
        ]);
        FlowText.AllowLines(Denied with { Nearest = nearest with { Fix = "sallyport rule update 7 --all-hours" }, AllowCommand = "sallyport rule update 7 --all-hours" })
            .ShouldBe(["    to allow it: sallyport rule update 7 --all-hours"]);
    }

    [Fact]
    public void Several_commands_stand_under_each_other()
    {
        FlowText.AllowLines(Denied with { AllowCommand = "a\nb" }).ShouldBe(["    to allow it: a", "                 b"]);
    }

    [Fact]
    public void An_allowed_flow_says_the_rule_and_what_passed()
    {
        var allowed = Denied with { Verdict = "allowed", State = "live", RuleId = 4, Reason = null, ReasonText = null, AllowCommand = null, PacketsBack = 2, BytesBack = 2048 };
        FlowText.Line(allowed).ShouldBe("1970-01-01 00:00:00Z  device:pump-17  ALLOWED tcp 192.168.50.10:8883 (historian): rule 4, 180 B out, 2.0 kB back, live");
        FlowText.AllowLines(allowed).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("unreachable", false, "UNREACHABLE tcp 192.168.50.10:8883 (historian): site hq is offline; rule 4 allows it, 3 packets")]
    [InlineData("unanswered", false, "UNANSWERED tcp 192.168.50.10:8883 (historian): rule 4, 180 B out, no answer, live")]
    [InlineData("unanswered", true, "UNANSWERED tcp 192.168.50.10:8883 (historian): rule 4, 180 B out, no answer, ended")]
    [InlineData("opening", false, "ALLOWED tcp 192.168.50.10:8883 (historian): rule 4, 180 B out, no answer yet, live")]
    public void An_allowed_flow_that_reached_nobody_is_not_told_as_one_that_did(string state, bool ended, string text)
    {
        var flow = Denied with
        {
            Verdict = "allowed",
            State = state,
            RuleId = 4,
            Reason = state == "unreachable" ? "PeerOffline" : null,
            ReasonText = state == "unreachable" ? "site hq is offline" : null,
            AllowCommand = null,
            Ended = ended,
        };
        FlowText.Line(flow).ShouldEndWith(text);
        FlowText.AllowLines(flow).ShouldBeEmpty();
    }

    [Fact]
    public void Addresses_with_colons_are_told_from_their_port()
    {
        FlowText.Line(Denied with { Destination = "fd12::5", Application = null }).ShouldContain("DENIED tcp [fd12::5]:8883: ");
        FlowText.Line(Denied with { Protocol = "icmp", DestinationPort = 0, Application = null }).ShouldContain("DENIED icmp 192.168.50.10: ");
    }
}
