using System.Collections.Immutable;

namespace Sallyport.Core.Policy;

/// <summary>How many rules and identities there are that ask for more than an index: where there are none, nobody pays for them.</summary>
/// <param name="TunnelRules">Rules that look at the sender's tunnel.</param>
/// <param name="Limits">Rules and identities that have a limit.</param>
/// <param name="Volumes">Of these the ones whose volume begins anew some day.</param>
/// <param name="Ages">After how long a fact stops to count, for how many rules.</param>
internal readonly record struct FleetNeeds(int TunnelRules, int Limits, int Volumes, ImmutableSortedDictionary<TimeSpan, int> Ages)
{
    public static readonly FleetNeeds None = new(0, 0, 0, ImmutableSortedDictionary<TimeSpan, int>.Empty);

    public FleetNeeds Instead(Rule? old, Rule? next) => Plus(old, -1).Plus(next, 1);

    public FleetNeeds Instead(Identity? old, Identity? next) => WithLimit(old?.Limit, -1).WithLimit(next?.Limit, 1);

    private FleetNeeds Plus(Rule? rule, int by)
    {
        if (rule is null)
        {
            return this;
        }

        var ages = Ages;
        if (rule.Conditions.Ages is { } age)
        {
            var count = ages.GetValueOrDefault(age) + by;
            ages = count == 0 ? ages.Remove(age) : ages.SetItem(age, count);
        }

        return (this with { TunnelRules = TunnelRules + (rule.Conditions.LookAtTunnel ? by : 0), Ages = ages }).WithLimit(rule.Limit, by);
    }

    private FleetNeeds WithLimit(Limit? limit, int by) =>
        limit is null ? this : this with { Limits = Limits + by, Volumes = Volumes + (limit.VolumeBytes > 0 ? by : 0) };
}
