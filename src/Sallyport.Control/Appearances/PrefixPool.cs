using Sallyport.Core.Primitives;

namespace Sallyport.Control.Appearances;

/// <summary>Gives out parts of a network's ranges, the lowest that is free first.</summary>
internal sealed class PrefixPool
{
    private readonly IReadOnlyList<IpPrefix> ranges;

    /// <summary>By their first addresses; none lies in another.</summary>
    private readonly SortedSet<IpPrefix> taken = new(Comparer<IpPrefix>.Create((a, b) => a.First.CompareTo(b.First)));

    /// <param name="taken">
    /// What lies in none of the ranges takes nothing of them, be it around one: where all that lies beyond the gateway host is reached it is
    /// 0.0.0.0/0, and what appears in the ranges is more specific.
    /// </param>
    public PrefixPool(IReadOnlyList<IpPrefix> ranges, IEnumerable<IpPrefix> taken)
    {
        this.ranges = ranges;
        IpPrefix? last = null;
        foreach (var prefix in taken.Where(prefix => ranges.Any(range => range.Contains(prefix))).OrderBy(prefix => prefix.First).ThenBy(prefix => prefix.Length))
        {
            if (last?.Contains(prefix) != true)
            {
                this.taken.Add(prefix);
                last = prefix;
            }
        }
    }

    /// <summary>A prefix of that family and length that overlaps nothing that was given out; null where there is none.</summary>
    public IpPrefix? Take(bool isV4, int length)
    {
        foreach (var range in ranges.Where(range => range.IsV4 == isV4 && range.Length <= length))
        {
            if (FreeIn(range, length) is { } free)
            {
                taken.Add(free);
                return free;
            }
        }

        return null;
    }

    private IpPrefix? FreeIn(IpPrefix range, int length)
    {
        // The first and the last address of a range look like that of a network and of its broadcast: many hosts refuse to write there.
        var isHost = length == range.Network.BitLength && range.Length < length;
        var last = isHost ? new IpAddress(range.Last.Bits - 1) : range.Last;
        var candidate = IpPrefix.Around(isHost ? new IpAddress(range.First.Bits + 1) : range.First, length);
        while (candidate.Last <= last)
        {
            if (InTheWayOf(candidate) is not { } obstacle)
            {
                return candidate;
            }

            if (obstacle.Last >= last)
            {
                return null;
            }

            var next = new IpAddress(obstacle.Last.Bits + 1);
            var around = IpPrefix.Around(next, length);
            candidate = around.First == next ? around : IpPrefix.Around(new IpAddress(around.Last.Bits + 1), length);
        }

        return null;
    }

    /// <summary>Of those that begin before its end the last one alone may reach into it.</summary>
    private IpPrefix? InTheWayOf(IpPrefix candidate)
    {
        if (taken.Count == 0 || taken.Min.First > candidate.Last)
        {
            return null;
        }

        var before = taken.GetViewBetween(taken.Min, IpPrefix.Host(candidate.Last)).Max;
        return before.Overlaps(candidate) ? before : null;
    }
}
