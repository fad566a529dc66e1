using Sallyport.Api.Policy;
using Sallyport.Control.Changes;
using Sallyport.Control.Flows;
using Sallyport.Control.Store;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies.Replaying;

/// <summary>Counts judgements by who, where and what. Holds so many groups and no more, whatever a scanner left behind.</summary>
internal sealed class ReplayTally(Draft fleets)
{
    private const int GroupsMax = 20_000; // some megabytes
    private const int NamesMax = 20;

    private readonly Dictionary<GroupKey, Group> groups = [];
    private readonly Dictionary<ReplayOutcome, long> flows = [];
    private readonly Dictionary<ReplayOutcome, HashSet<int>> senders = [];
    private readonly SortedSet<string> gone = new(StringComparer.Ordinal);
    private readonly SortedSet<int> shutOut = [];
    private ILookup<string, int>? names;
    private long recordedOtherwise;
    private long leftOut;

    public void Add(RecordedFlow flow, Judgement judgement)
    {
        var outcome = judgement.Outcome;
        flows[outcome] = flows.GetValueOrDefault(outcome) + 1;
        if (outcome == ReplayOutcome.IsGone && gone.Count < NamesMax)
        {
            gone.Add(GoneOf(flow, judgement));
        }

        if (outcome == ReplayOutcome.IsNotActive && shutOut.Count < NamesMax)
        {
            shutOut.UnionWith(((Identity?[])[judgement.From, judgement.To]).OfType<Identity>().Where(IsShutOut).Select(identity => identity.Id));
        }

        // A flow that was cut was allowed when it was opened.
        if (outcome <= ReplayOutcome.NewlyAllowed && judgement.Before.Allowed != (flow.Allowed || flow.WasCut))
        {
            recordedOtherwise++;
        }

        if (outcome is ReplayOutcome.NewlyBlocked or ReplayOutcome.NewlyAllowed)
        {
            AddChanged(flow, judgement);
        }
    }

    /// <param name="stateOf">How an identity is called, and what state it is in: "device:pump-17 is locked".</param>
    public ReplayReport Report(DateTimeOffset since, int limit, Func<int, string> stateOf)
    {
        var changed = groups.OrderByDescending(pair => pair.Value.Flows).ThenBy(pair => pair.Key.FromId).ThenBy(pair => pair.Key.Destination)
            .ThenBy(pair => pair.Key.Port).ToList();
        return new ReplayReport
        {
            Since = since,
            Flows = flows.Values.Sum(),
            StayAllowed = Count(ReplayOutcome.StaysAllowed),
            StayDenied = Count(ReplayOutcome.StaysDenied),
            Blocked = Count(ReplayOutcome.NewlyBlocked),
            BlockedFrom = senders.GetValueOrDefault(ReplayOutcome.NewlyBlocked)?.Count ?? 0,
            Allowed = Count(ReplayOutcome.NewlyAllowed),
            AllowedFrom = senders.GetValueOrDefault(ReplayOutcome.NewlyAllowed)?.Count ?? 0,
            RecordedOtherwise = recordedOtherwise,
            NotJudged = [.. NotJudged(stateOf)],
            Changes = [.. changed.Take(limit).Select(pair => Row(pair.Key, pair.Value))],
            ChangesLeftOut = Math.Max(0, changed.Count - limit),
            FlowsLeftOut = leftOut,
        };
    }

    private void AddChanged(RecordedFlow flow, Judgement judgement)
    {
        var outcome = judgement.Outcome;
        if (!senders.TryGetValue(outcome, out var known))
        {
            senders[outcome] = known = [];
        }

        known.Add(flow.FromId);
        var key = new GroupKey(outcome, flow.FromId, flow.Destination, flow.Protocol, flow.Port);
        if (!groups.TryGetValue(key, out var group))
        {
            if (groups.Count >= GroupsMax)
            {
                leftOut++;
                return;
            }

            groups[key] = group = new Group(judgement);
        }

        group.Flows++;
        group.Bytes += flow.Bytes;
        group.LastSeen = Math.Max(group.LastSeen, flow.LastSeen.Nanoseconds);
    }

    /// <summary>The end that is no more; the other one may well be there. What was made anew under its name is another.</summary>
    private string GoneOf(RecordedFlow flow, Judgement judgement)
    {
        var who = judgement.From is null || flow.To is null ? $"{flow.FromKind}:{flow.FromName}" : flow.To;
        names ??= fleets.Before.Identities.Values.ToLookup(identity => $"{identity.Kind}:{identity.Name}", identity => identity.Id);
        return names.Contains(who) ? $"an earlier {who}" : who;
    }

    private static bool IsShutOut(Identity identity) => !identity.Active || identity.Quarantine != QuarantineDegree.None;

    private long Count(ReplayOutcome outcome) => flows.GetValueOrDefault(outcome);

    private IEnumerable<ReplayUnjudged> NotJudged(Func<int, string> stateOf)
    {
        if (Count(ReplayOutcome.IsGone) is > 0 and var lost)
        {
            var names = string.Join(", ", gone);
            yield return new ReplayUnjudged($"who opened it or carried its destination is gone ({names}{(gone.Count == NamesMax ? ", …" : "")})", lost);
        }

        if (Count(ReplayOutcome.IsNotActive) is > 0 and var shut)
        {
            var states = string.Join(", ", shutOut.Select(stateOf));
            yield return new ReplayUnjudged($"who opened it or carries its destination is shut out now ({states}{(shutOut.Count >= NamesMax ? ", …" : "")})", shut);
        }

        if (Count(ReplayOutcome.IsLocked) is > 0 and var locked)
        {
            yield return new ReplayUnjudged("its application is locked now", locked);
        }

        if (Count(ReplayOutcome.IsNotPolicys) is > 0 and var other)
        {
            yield return new ReplayUnjudged("no rule decides about it: a false source, a protocol without ports, or no beginning of a flow", other);
        }
    }

    private ReplayChange Row(GroupKey key, Group group)
    {
        var blocked = key.Outcome == ReplayOutcome.NewlyBlocked;
        var (fleet, decision) = blocked ? (fleets.Before, group.First.Before) : (fleets.After, group.First.After);
        var from = group.First.From!;
        var rule = fleet.Rules.GetValueOrDefault(decision.RuleId);
        var against = blocked ? group.First.After : group.First.Before;
        return new ReplayChange
        {
            Change = blocked ? "blocked" : "allowed",
            From = $"{from.Kind.Word()}:{from.Name}",
            Network = fleet.Networks.GetValueOrDefault(from.NetworkId)?.Name ?? "",
            To = group.First.To is { } to ? $"{to.Kind.Word()}:{to.Name}" : null,
            Destination = key.Destination.ToString(),
            Service = ServiceText.Of(key.Protocol, key.Port, key.Port),
            Application = fleet.Applications.GetValueOrDefault(decision.ApplicationId)?.Name,
            RuleId = decision.RuleId,
            Rule = rule is null ? null : Remedy.Describe(fleet, rule),
            Reason = Remedy.ReasonText(against.Reason),
            Flows = group.Flows,
            Bytes = group.Bytes,
            LastSeen = UnixTime.ToTime(group.LastSeen),
        };
    }

    private readonly record struct GroupKey(ReplayOutcome Outcome, int FromId, IpAddress Destination, IpProtocol Protocol, ushort Port);

    private sealed class Group(Judgement first)
    {
        public Judgement First => first;

        public long Flows { get; set; }

        public long Bytes { get; set; }

        public long LastSeen { get; set; }
    }
}
