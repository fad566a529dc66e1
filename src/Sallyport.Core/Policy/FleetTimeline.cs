using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>
/// One fleet at many times, as the clock brings its rules into force and out of it; questions about the past and the future jump about in
/// time. Keeps the models that it made last. For one thread.
/// </summary>
/// <param name="model">As of a time before all that is asked for.</param>
public sealed class FleetTimeline(FleetModel model)
{
    private const int KeptMax = 64; // models share what does not differ; a week has that many moments where hours are few

    private readonly List<FleetModel> _kept = [];
    private FleetModel? _last;
    private int _oldest;

    /// <summary>As of a time before all that is asked for.</summary>
    public FleetModel Beginning => model;

    /// <summary>The model that the gateways had, or are going to have, at that time.</summary>
    public FleetModel At(Instant now)
    {
        if (Find(now) is { } known)
        {
            return known;
        }

        var nearest = model;
        foreach (var kept in _kept)
        {
            nearest = kept.AsOf <= now && kept.AsOf > nearest.AsOf ? kept : nearest;
        }

        var made = nearest.At(now);
        Keep(made);
        return _last = made;
    }

    /// <summary>The same where it was made before; null where it would have to be.</summary>
    public FleetModel? Find(Instant now) =>
        _last is { } last && IsAt(last, now) ? last : _kept.Find(kept => IsAt(kept, now)) is { } known ? _last = known : null;

    private static bool IsAt(FleetModel one, Instant now) => one.AsOf <= now && now < one.NextChange;

    private void Keep(FleetModel made)
    {
        if (_kept.Count < KeptMax)
        {
            _kept.Add(made);
            return;
        }

        _kept[_oldest] = made;
        _oldest = (_oldest + 1) % KeptMax;
    }
}
