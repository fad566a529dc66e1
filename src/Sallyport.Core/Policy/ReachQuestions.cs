using System.Collections.Immutable;
using Sallyport.Core.Gateway;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>
/// Who can reach what, answered by asking <see cref="FleetModel.Decide"/> about every part that may be decided otherwise than another. For one thread.
/// </summary>
/// <param name="fleet">As of a time before all that is asked for.</param>
/// <param name="situations">How it stands with the tunnel of an identity: conditions of rules are met or not by that.</param>
public sealed class ReachQuestions(FleetModel fleet, ReachMap map, Func<int, Situation> situations)
{
    /// <summary>Hours come again within a week; one day more for clocks that are set.</summary>
    private static readonly TimeSpan Horizon = TimeSpan.FromDays(8);

    private const int MomentsMax = 128; // of one application; what comes after is not looked at
    private const int MomentsOfRuleMax = 40; // two a day and more

    private readonly FleetTimeline _timeline = new(fleet);
    private readonly Dictionary<int, ReachTimes> _times = [];
    private Instant _asked = new(long.MinValue);

    public FleetModel At(Instant now) => _timeline.At(now);

    /// <summary>All that the identity may reach at that time or will by the clock alone, each part once, under the application whose rule decides.</summary>
    public IEnumerable<Reach> ReachOf(Identity from, Instant now)
    {
        foreach (var application in map.ApplicationsFor(from))
        {
            foreach (var reach in ReachOf(from, application, now))
            {
                if (reach.Decision.ApplicationId == application.Id)
                {
                    yield return reach;
                }
            }
        }
    }

    /// <summary>What of the application the identity may reach, by whatever rule and application.</summary>
    public IEnumerable<Reach> ReachOf(Identity from, Application application, Instant now)
    {
        foreach (var cell in map.CellsOf(application))
        {
            if (Ask(from, application, cell, now) is { } reach)
            {
                yield return reach;
            }
        }
    }

    /// <summary>That moment, and the next ones at which the clock changes what leads to the application or beside it.</summary>
    public IReadOnlyList<Instant> MomentsOf(Application application, Instant now) => [now, .. TimesOf(application, now).Moments];

    /// <summary>The gateways' decision about a part. Who is of another network asks for it where it appears in his.</summary>
    public static Decision Decide(FleetModel model, Identity from, in Situation situation, Application application, ReachCell cell)
    {
        if (Outside(model, from, application, cell.Example) is not { } asked)
        {
            return Decision.Deny(DropReason.NotRouted);
        }

        var (to, inside) = model.Resolve(from.NetworkId, asked);
        return model.Decide(from, to, inside, cell.Protocol, cell.FromPort, situation, NameOf(application));
    }

    /// <summary>Of an application of names its own: who reaches it was told one. What is meant by address was asked for by none.</summary>
    private static TiedNames NameOf(Application application) => application.Names.IsEmpty ? default : new TiedNames(null, default, application.Names[0]);

    /// <summary>Under which address the identity reaches an address of the application; null where there is none in its network.</summary>
    public static IpAddress? Outside(FleetModel model, Identity from, Application application, IpAddress inside) =>
        from.NetworkId == application.NetworkId ? inside : model.ServiceAddress(from.NetworkId, application.NetworkId, inside);

    private Reach? Ask(Identity from, Application application, ReachCell cell, Instant now)
    {
        var moments = TimesOf(application, now).MomentsFor(from);
        var situation = situations(from.Id);
        var decision = Decide(_timeline.At(now), from, situation, application, cell);
        var opens = now;
        foreach (var moment in moments)
        {
            var then = Decide(_timeline.At(moment), from, situation, application, cell);
            if (decision.Allowed && !then.Allowed)
            {
                return new Reach(from, application, cell, decision, opens, moment);
            }

            (decision, opens) = decision.Allowed ? (decision, opens) : (then, moment);
        }

        return decision.Allowed ? new Reach(from, application, cell, decision, opens, Instant.Never) : null;
    }

    private ReachTimes TimesOf(Application application, Instant now)
    {
        if (_asked != now)
        {
            _times.Clear();
            _asked = now;
        }

        if (!_times.TryGetValue(application.Id, out var times))
        {
            var timed = map.Beside(application).SelectMany(other => map.RulesOf(other.Id)).Where(rule => rule.Time != RuleTime.Always)
                .Select(rule => rule with { Conditions = RuleConditions.None }).DistinctBy(rule => rule.Id).OrderBy(rule => rule.Id).ToImmutableArray();
            times = timed.IsEmpty
                ? ReachTimes.None : new ReachTimes([.. timed.SelectMany(rule => MomentsOf(rule, now)).Distinct().Order().Take(MomentsMax)], new SubjectIndex(timed, application.NetworkId));
            _times.Add(application.Id, times);
        }

        return times;
    }

    private static IEnumerable<Instant> MomentsOf(Rule rule, Instant now)
    {
        var at = rule.Time.NextChange(now);
        for (var i = 0; i < MomentsOfRuleMax && at != Instant.Never && (at == rule.Time.Until || at - now <= Horizon); i++)
        {
            yield return at;
            at = rule.Time.NextChange(at);
        }
    }
}
