using System.Globalization;
using Sallyport.Api.Nodes;
using Sallyport.Api.Policy;
using Sallyport.Control.Changes;
using Sallyport.Control.Identities;
using Sallyport.Control.Store;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

/// <summary>Of a flow that is denied the rule that comes nearest to allowing it, and the one condition of it that does not hold.</summary>
internal static class NearestRules
{
    /// <param name="locked">Rules that a lock keeps from the gateways and that would allow it.</param>
    public static NearestRule? Of(FleetState fleet, Explanation why, IReadOnlyList<RuleRow> locked, Instant now)
    {
        if (why.From is null || !fleet.Identities.TryGetValue(why.From.Id, out var from))
        {
            return null;
        }

        return why.Kind switch
        {
            ExplanationKind.NotInForce => OfTime(fleet, fleet.Rules[why.Rule!.Id], now),
            ExplanationKind.NoRule or ExplanationKind.SubjectDoesNotMatch when locked.Count > 0 => OfLock(locked[0]),
            ExplanationKind.SubjectDoesNotMatch => OfSubject(fleet, why, from, now),
            ExplanationKind.NoApplicationAtPort => OfService(fleet, why, now),
            _ => null,
        };
    }

    private static NearestRule OfTime(FleetState fleet, RuleModel rule, Instant now)
    {
        if (rule.Until is { } until && until <= now.Nanoseconds)
        {
            return new NearestRule(
                rule.Id, Remedy.Describe(fleet, rule), "ended", $"it ended at {Human(new Instant(until))}", Command($"rule update {rule.Id} --for 8h"));
        }

        var opens = RuleTimes.Of(rule.Until, rule.Windows).NextChange(now);
        var next = opens == Instant.Never ? "" : $", and are next at {Human(opens)}";
        return new NearestRule(
            rule.Id, Remedy.Describe(fleet, rule), "hours", $"its hours are {string.Join(" and ", rule.Windows)}{next}", Command($"rule update {rule.Id} --all-hours"));
    }

    private static NearestRule OfLock(RuleRow rule) => new(
        rule.Id, $"{rule.SubjectKind}:{rule.Subject} to application:{rule.Application}", "locked", "it is locked", Command("lock list"));

    private static NearestRule? OfSubject(FleetState fleet, Explanation why, IdentityModel from, Instant now)
    {
        var rules = why.OtherRules.Where(rule => rule.Time.IsInForce(now)).Select(rule => fleet.Rules[rule.Id]).ToList();
        if (rules.Count == 0)
        {
            return null;
        }

        var nearest = rules.MinBy(rule => (Distance(rule, from), rule.Id))!;
        var who = $"{from.Kind} {from.Name}";
        var self = $"{from.Kind} update {fleet.ReferenceTo(from.Kind, from.Name, from.NetworkId)}";
        var isHost = from.Kind == HostIdentity.Kind;
        var (missing, fix) = nearest.SubjectKind switch
        {
            "group" => ($"{who} is not in the group {nearest.Subject}", isHost ? null : Command($"{self} --group {nearest.Subject}")),
            "label" => (LabelOf(nearest, from) is { } has ? $"{who} has {has}, not {nearest.Subject}" : $"{who} has no label {nearest.Subject}", isHost ? null : Command($"{self} --label {nearest.Subject}")),
            _ => ($"it speaks of {Remedy.Describe(fleet, nearest).Split(' ')[0]} alone", null),
        };
        return new NearestRule(nearest.Id, Remedy.Describe(fleet, nearest), "subject", missing, fix);
    }

    /// <summary>A value that differs is nearer than a label or group that is missing, and both are nearer than somebody else.</summary>
    private static int Distance(RuleModel rule, IdentityModel from) => rule.SubjectKind switch
    {
        "label" => LabelOf(rule, from) is null ? 2 : 0,
        "group" => 1,
        _ => 3,
    };

    /// <summary>"model=P300" of the identity for a rule that speaks of "model=P200".</summary>
    private static string? LabelOf(RuleModel rule, IdentityModel from)
    {
        var key = rule.Subject.Split('=', 2)[0];
        return from.Labels.TryGetValue(key, out var value) ? $"{key}={value}" : null;
    }

    /// <summary>A rule that leads the sender to the same address, but to other ports of it.</summary>
    private static NearestRule? OfService(FleetState fleet, Explanation why, Instant now)
    {
        var subjects = ReachMap.SubjectsOf(why.From!).ToHashSet();
        foreach (var application in why.Candidates)
        {
            var rules = fleet.Rules.Values.Where(rule => NetworkPolicy.Targets(rule).Contains(application.Id) && rule.Effect == "allow").OrderBy(rule => rule.Id);
            if (rules.Select(rule => NetworkPolicy.Rule(rule, CountryTable.Empty)).FirstOrDefault(rule => subjects.Contains(ReachMap.SubjectOf(rule, application)) && rule.Time.IsInForce(now)) is { } found)
            {
                var rule = fleet.Rules[found.Id];
                var offer = string.Join(", ", fleet.Applications[application.Id].Services);
                return new NearestRule(
                    rule.Id, Remedy.Describe(fleet, rule), "service", $"it leads to {offer} of application {application.Name}, and {Asked(why)} is none of these", null);
            }
        }

        return null;
    }

    private static string Asked(Explanation why) => why.Protocol switch
    {
        IpProtocol.Tcp => string.Create(CultureInfo.InvariantCulture, $"tcp/{why.Port}"),
        IpProtocol.Udp => string.Create(CultureInfo.InvariantCulture, $"udp/{why.Port}"),
        _ => "icmp",
    };

    private static string Command(string words) => $"sallyport {words}";

    private static string Human(Instant at) =>
        UnixTime.ToTime(at.Nanoseconds).UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss' UTC'", CultureInfo.InvariantCulture);
}
