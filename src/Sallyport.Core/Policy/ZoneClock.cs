using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>From <paramref name="Since"/> on the clocks are so many seconds before UTC (east positive).</summary>
/// <param name="Since">Seconds since the Unix epoch.</param>
public readonly record struct ZoneOffset(long Since, int Seconds);

/// <summary>
/// What the clocks of a time zone show. Whoever makes it has looked the offsets up (IANA), far enough ahead: the core has no files and no
/// calendar, and after the last change the clocks stay as they are.
/// </summary>
public sealed class ZoneClock
{
    public static readonly ZoneClock Utc = new("Etc/UTC", [new ZoneOffset(long.MinValue, 0)]);

    private readonly ImmutableArray<ZoneOffset> _offsets;

    /// <param name="name">IANA: "Europe/Vienna".</param>
    /// <param name="offsets">At least one, by rising time; the first holds for all time before it too.</param>
    public ZoneClock(string name, ImmutableArray<ZoneOffset> offsets)
    {
        Invariant.Check(!offsets.IsEmpty, "a time zone has an offset");
        Name = name;
        _offsets = offsets;
    }

    public string Name { get; }

    /// <summary>Seconds that the wall clock has counted since its own 1 January 1970.</summary>
    public long WallSeconds(long unixSeconds) => unixSeconds + _offsets[IndexAt(unixSeconds)].Seconds;

    /// <summary>When the clocks are set next, after that moment; <see cref="long.MaxValue"/> for never.</summary>
    public long NextSetting(long unixSeconds)
    {
        var next = IndexAt(unixSeconds) + 1;
        return next < _offsets.Length ? _offsets[next].Since : long.MaxValue;
    }

    private int IndexAt(long unixSeconds)
    {
        var (low, high) = (0, _offsets.Length - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = _offsets[middle].Since <= unixSeconds ? (middle, high) : (low, middle - 1);
        }

        return low;
    }
}
