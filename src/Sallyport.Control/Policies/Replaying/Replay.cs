using Sallyport.Control.Changes;
using Sallyport.Control.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;

namespace Sallyport.Control.Policies.Replaying;

/// <summary>What would be different for one flow.</summary>
internal enum ReplayOutcome : byte
{
    StaysAllowed,
    StaysDenied,
    NewlyBlocked,
    NewlyAllowed,

    /// <summary>Who opened it, or who carried its destination, is no more.</summary>
    IsGone,

    /// <summary>Who opened it, or who carries its destination, is shut out now as far as it would go, whatever the rules say.</summary>
    IsNotActive,

    /// <summary>Its application is locked now, whatever the rules say.</summary>
    IsLocked,

    /// <summary>It was no flow that policy decides about: a source that is not the sender's, a protocol without ports.</summary>
    IsNotPolicys,
}

/// <summary>One flow under both policies.</summary>
internal readonly record struct Judgement(ReplayOutcome Outcome, Identity? From, Identity? To, Decision Before, Decision After);

/// <summary>
/// Judges what was recorded under the policy of today and under a draft, whoever made it, each flow at the time at which it was opened: hours and
/// ends count as of then. Of where a tunnel came from then nothing is recorded: conditions of tunnels are judged by what they are now. For one thread.
/// </summary>
internal sealed class Replay(FleetState before, FleetState after, CountryTable countries, Func<int, Situation> situations)
{
    private readonly FleetTimeline old = new(NetworkPolicy.Of(before, countries));
    private readonly Dictionary<int, Situation> asked = []; // of each identity once, so that its tunnel does not move while the flows are judged
    private readonly FleetTimeline draft = new(NetworkPolicy.Of(after, countries));

    public Judgement Judge(RecordedFlow flow)
    {
        if (!flow.WasDecidedByPolicy)
        {
            return new Judgement(ReplayOutcome.IsNotPolicys, null, null, default, default);
        }

        var (was, to, decided) = Decide(old.At(flow.FirstSeen), flow);
        if (was is null || (flow.ToId != 0 && old.At(flow.FirstSeen).Identity(flow.ToId) is null))
        {
            return new Judgement(ReplayOutcome.IsGone, was, to, decided, default);
        }

        if (decided.Reason == DropReason.IdentityNotActive)
        {
            return new Judgement(ReplayOutcome.IsNotActive, was, to, decided, default);
        }

        var (_, next, would) = Decide(draft.At(flow.FirstSeen), flow);
        var outcome = (decided.Allowed, would.Allowed, decided.Reason) switch
        {
            (true, true, _) => ReplayOutcome.StaysAllowed,
            (true, false, _) => ReplayOutcome.NewlyBlocked,
            (false, true, _) => ReplayOutcome.NewlyAllowed,
            (_, _, DropReason.Quarantined) => ReplayOutcome.IsNotActive,
            (_, _, DropReason.ApplicationLocked) => ReplayOutcome.IsLocked,
            _ => ReplayOutcome.StaysDenied,
        };
        return new Judgement(outcome, was, to ?? next, decided, would);
    }

    private (Identity? From, Identity? To, Decision Decision) Decide(FleetModel model, RecordedFlow flow)
    {
        if (model.Identity(flow.FromId) is not { } from)
        {
            return (null, null, Decision.Deny(DropReason.IdentityNotActive));
        }

        var (to, inside) = model.Resolve(from.NetworkId, flow.Destination);
        return (from, to, model.Decide(from, to, inside, flow.Protocol, flow.Port, SituationOf(from.Id), new TiedNames(null, flow.FirstSeen, flow.DnsName)));
    }

    private Situation SituationOf(int identityId)
    {
        if (!asked.TryGetValue(identityId, out var known))
        {
            asked[identityId] = known = situations(identityId);
        }

        return known;
    }
}
