using Sallyport.Control.Changes;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

/// <summary>The fleet as the policy engine of the gateways reads it, so that an answer is the gateways' own decision. Kept while the fleet stays as it is.</summary>
internal sealed class PolicyModels(CountryTable countries)
{
    private volatile Kept? kept;

    /// <summary>As of a time before all rules: <see cref="FleetModel.At"/> brings it to any other.</summary>
    public FleetModel Of(FleetState fleet) => TimelineOf(fleet).Beginning;

    /// <summary>As of a time; null where that model would have to be made, which takes long in a large fleet, and must not be.</summary>
    /// <param name="mayMake">Asked only then.</param>
    public FleetModel? At(FleetState fleet, Instant at, Func<bool> mayMake)
    {
        var timeline = TimelineOf(fleet);
        lock (timeline)
        {
            return timeline.Find(at) ?? (mayMake() ? timeline.At(at) : null);
        }
    }

    private FleetTimeline TimelineOf(FleetState fleet)
    {
        if (kept is { } last && ReferenceEquals(last.Fleet, fleet) && last.Timeline.TryGetTarget(out var known))
        {
            return known;
        }

        var timeline = new FleetTimeline(NetworkPolicy.Of(fleet, countries));
        kept = new Kept(fleet, new WeakReference<FleetTimeline>(timeline));
        return timeline;
    }

    /// <param name="Timeline">A large fleet's is large, and questions are rare: it goes when memory is needed.</param>
    private sealed record Kept(FleetState Fleet, WeakReference<FleetTimeline> Timeline);
}
