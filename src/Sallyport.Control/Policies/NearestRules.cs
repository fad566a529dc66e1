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
    private static readonly TimeSpan Advised = TimeSpan.FromHours(8);

    /// <param name="locked">Rules that a lock keeps from the gateways and that would allow it.</param>
    /// <param name="now">About which it is asked.</param>
    /// <param name="clock">When the advice is read.</param>
    public static NearestRule? Of(FleetState fleet, Explanation why, IReadOnlyList<RuleRow> locked, in Situation situation, Instant now, Instant clock)
    {
        if (why.From is null || !fleet.Identities.TryGetValue(why.From.Id, out var from))
        {
            return null;
        }

        return why.Kind switch
        {
            ExplanationKind.ConditionNotMet => OfCondition(fleet, why, situation),
            ExplanationKind.NotInForce => OfTime(fleet, why, situation, now, clock),
            ExplanationKind.NoRule or ExplanationKind.SubjectDoesNotMatch when locked.Count > 0 => OfLock(locked[0]),
            ExplanationKind.SubjectDoesNotMatch => OfSubject(fleet, why, from, now),
            ExplanationKind.NoApplicationAtPort => OfService(fleet, why, from, now),
            _ => null,
        };
    }

    /// <summary>There is no command to advise: the fact or the tunnel itself has to be another.</summary>
    private static NearestRule OfCondition(FleetState fleet, Explanation why, in Situation situation)
    {
        var rule = fleet.Rules[why.Rule!.Id];
        return new NearestRule(
            rule.Id, Remedy.Describe(fleet, rule), "condition", RuleConditionInput.WhyUnmet(why.Unmet, rule.Conditions!, why.From!, situation), null);
    }

    /// <summary>A command is advised only where it alone would do.</summary>
    private static NearestRule OfTime(FleetState fleet, Explanation why, in Situation situation, Instant now, Instant clock)
    {
        var rule = fleet.Rules[why.Rule!.Id];
        var hours = RuleTimes.Of(null, rule.Windows);
        var (isOver, isShut) = (rule.Until is { } until && until <= now.Nanoseconds, !hours.IsInForce(now));
        var lacks = new List<string>();
        var flags = new List<string>();
        if (isOver)
        {
            lacks.Add($"it ended at {Human(new Instant(rule.Until!.Value))}");
            flags.Add(LongEnough(now, clock));
        }

        if (isShut)
        {
            var opens = RuleTimes.Of(isOver ? null : rule.Until, rule.Windows).NextChange(now);
            lacks.Add($"its hours are {string.Join(" and ", rule.Windows)}{(opens == Instant.Never ? "" : $", and are next at {Human(opens)}")}");
            flags.Add("--all-hours");
        }

        if (why.Unmet.Any)
        {
            lacks.Add(RuleConditionInput.WhyUnmet(why.Unmet, rule.Conditions!, why.From!, situation));
        }

        return new NearestRule(
            rule.Id, Remedy.Describe(fleet, rule), isOver ? "ended" : "hours", string.Join("; and ", lacks), why.Unmet.Any ? null : Command($"rule update {rule.Id} {string.Join(' ', flags)}"));
    }

    /// <summary>A span counts from when it is given: who asks about next year is not helped by a few hours of today.</summary>
    private static string LongEnough(Instant now, Instant clock) => now < clock + Advised ? "--for 8h"
        : $"--until {UnixTime.ToTime((now + Advised).Nanoseconds).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm'Z'", CultureInfo.InvariantCulture)}";

    private static NearestRule OfLock(RuleRow rule) => new(
        rule.Id, $"{rule.SubjectKind}:{rule.Subject} to {rule.Target}", "locked", "it is locked", Command("lock list"));

    private static NearestRule? OfSubject(FleetState fleet, Explanation why, IdentityModel from, Instant now)
    {
        var rules = why.OtherRules.Where(rule => rule.Time.IsInForce(now)).Select(rule => fleet.Rules[rule.Id]).ToList();
        if (rules.Count == 0)
        {
            return null;
        }

        var (rule, missing, fix) = rules.Select(rule => (Rule: rule, Lack: LackOf(fleet, rule, why.To!.NetworkId, from)))
            .OrderBy(one => one.Lack.Distance).ThenBy(one => one.Rule.Id).Select(one => (one.Rule, one.Lack.Why, one.Lack.Fix)).First();
        return new NearestRule(rule.Id, Remedy.Describe(fleet, rule), "subject", missing, fix);
    }

    /// <summary>
    /// What somebody lacks to be among those of whom a rule speaks. A label with another value is nearer than a group or label that is missing, few
    /// labels are nearer than many, and all are nearer than somebody else.
    /// </summary>
    private static ((int Rank, int Labels) Distance, string Why, string? Fix) LackOf(FleetState fleet, RuleModel rule, int targetNetworkId, IdentityModel from)
    {
        var subject = RuleSubject.Of(rule, targetNetworkId);
        var who = $"{from.Kind} {from.Name}";
        var update = from.Kind == HostIdentity.Kind ? null : $"{from.Kind} update {fleet.ReferenceTo(from.Kind, from.Name, from.NetworkId)}";
        if (subject.NetworkId != from.NetworkId || rule.SubjectKind is not ("group" or "label"))
        {
            return ((3, 0), $"it speaks of {Remedy.SubjectOf(fleet, rule)} alone", null);
        }

        if (rule.SubjectKind == "group")
        {
            return ((1, 0), $"{who} is not in the group {rule.Subject}", update is null ? null : Command($"{update} --group {rule.Subject}"));
        }

        var lacking = subject.Labels.Where(label => !RuleSubject.Has(from, label)).ToList();
        var said = lacking.Select(label => LabelLike(label, from) is { } has ? $"has {has}, not {label}" : $"has no label {label}");
        return (
            (lacking.TrueForAll(label => LabelLike(label, from) is not null) ? 0 : 2, lacking.Count), $"{who} {string.Join(" and ", said)}",
            update is null ? null : Command($"{update} {CommandText.Labels(lacking)}"));
    }

    /// <summary>"model=P300" of the identity for a rule that speaks of "model=P200".</summary>
    private static string? LabelLike(string label, IdentityModel from)
    {
        var key = label.Split('=', 2)[0];
        return from.Labels.TryGetValue(key, out var value) ? $"{key}={value}" : null;
    }

    /// <summary>A rule that leads the sender to the same address, but to other ports of it.</summary>
    private static NearestRule? OfService(FleetState fleet, Explanation why, IdentityModel from, Instant now)
    {
        foreach (var application in why.Candidates)
        {
            var rules = fleet.RulesTo(application.Id).Where(rule => rule.Effect == "allow");
            if (rules.FirstOrDefault(rule => RuleTimes.Of(rule.Until, rule.Windows).IsInForce(now) && RuleSubject.Of(rule, application.NetworkId).Speaks(from)) is { } rule)
            {
                var offer = string.Join(", ", fleet.Applications[application.Id].Services);
                return new NearestRule(
                    rule.Id, Remedy.Describe(fleet, rule), "service", $"it leads to {offer} of application {application.Name}, and {ServiceText.Of(why.Protocol, why.Port, why.Port)} is none of these", null);
            }
        }

        return null;
    }

    private static string Command(string words) => $"sallyport {words}";

    private static string Human(Instant at) =>
        UnixTime.ToTime(at.Nanoseconds).UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss' UTC'", CultureInfo.InvariantCulture);
}
