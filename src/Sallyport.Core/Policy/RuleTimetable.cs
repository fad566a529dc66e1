using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>When which rule comes into force or goes out of it next. Immutable.</summary>
internal sealed class RuleTimetable
{
    public static readonly RuleTimetable Empty = new(ImmutableDictionary<int, Instant>.Empty, []);

    private readonly ImmutableDictionary<int, Instant> _changes;
    private readonly ImmutableSortedSet<(Instant At, int RuleId)> _order;

    private RuleTimetable(ImmutableDictionary<int, Instant> changes, ImmutableSortedSet<(Instant At, int RuleId)> order)
    {
        _changes = changes;
        _order = order;
    }

    /// <summary><see cref="Instant.Never"/> without any.</summary>
    public Instant Next => _order.IsEmpty ? Instant.Never : _order.Min.At;

    /// <param name="at"><see cref="Instant.Never"/> takes the rule out.</param>
    public RuleTimetable With(int ruleId, Instant at)
    {
        var known = _changes.TryGetValue(ruleId, out var before);
        if (at == (known ? before : Instant.Never))
        {
            return this;
        }

        var order = known ? _order.Remove((before, ruleId)) : _order;
        return at == Instant.Never
            ? new RuleTimetable(_changes.Remove(ruleId), order)
            : new RuleTimetable(_changes.SetItem(ruleId, at), order.Add((at, ruleId)));
    }

    /// <summary>Rules whose moment has come.</summary>
    public IEnumerable<int> Due(Instant now) => _order.TakeWhile(entry => entry.At <= now).Select(entry => entry.RuleId);
}
