using Sallyport.Control.Changes;
using Sallyport.Core.Policy;

namespace Sallyport.Control.Policies;

/// <summary>The fleet as the policy engine of the gateways reads it, so that an answer is the gateways' own decision. Kept while the fleet stays as it is.</summary>
internal sealed class PolicyModels(CountryTable countries)
{
    private volatile Kept? kept;

    /// <summary>As of a time before all rules: <see cref="FleetModel.At"/> brings it to any other.</summary>
    public FleetModel Of(FleetState fleet)
    {
        if (kept is { } last && ReferenceEquals(last.Fleet, fleet) && last.Model.TryGetTarget(out var known))
        {
            return known;
        }

        var model = NetworkPolicy.Of(fleet, countries);
        kept = new Kept(fleet, new WeakReference<FleetModel>(model));
        return model;
    }

    /// <param name="Model">A large fleet's is large, and questions are rare: it goes when memory is needed.</param>
    private sealed record Kept(FleetState Fleet, WeakReference<FleetModel> Model);
}
