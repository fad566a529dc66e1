using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>When the clock changes which rule or identity next, by its id. Immutable.</summary>
internal sealed class Timetable
{
    public static readonly Timetable Empty = new(ImmutableDictionary<int, Instant>.Empty, []);

    private readonly ImmutableDictionary<int, Instant> _changes;
    private readonly ImmutableSortedSet<(Instant At, int Id)> _order;

    private Timetable(ImmutableDictionary<int, Instant> changes, ImmutableSortedSet<(Instant At, int Id)> order)
    {
        _changes = changes;
        _order = order;
    }

    /// <summary><see cref="Instant.Never"/> without any.</summary>
    public Instant Next => _order.IsEmpty ? Instant.Never : _order.Min.At;

    /// <param name="at"><see cref="Instant.Never"/> takes it out.</param>
    public Timetable With(int id, Instant at)
    {
        var known = _changes.TryGetValue(id, out var before);
        if (at == (known ? before : Instant.Never))
        {
            return this;
        }

        var order = known ? _order.Remove((before, id)) : _order;
        return at == Instant.Never
            ? new Timetable(_changes.Remove(id), order)
            : new Timetable(_changes.SetItem(id, at), order.Add((at, id)));
    }

    /// <summary>Those whose moment has come.</summary>
    public IEnumerable<int> Due(Instant now) => _order.TakeWhile(entry => entry.At <= now).Select(entry => entry.Id);
}
