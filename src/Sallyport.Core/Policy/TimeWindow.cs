namespace Sallyport.Core.Policy;

[Flags]
public enum WeekDays : byte
{
    None = 0,
    Monday = 1,
    Tuesday = 2,
    Wednesday = 4,
    Thursday = 8,
    Friday = 16,
    Saturday = 32,
    Sunday = 64,
    All = 127,
}

/// <summary>
/// Hours of a week by the clock on the wall. Open is what that clock shows: where the clocks are set forward over a boundary it opens or
/// closes at that moment, and hours that come twice count twice.
/// </summary>
/// <param name="Days">On which it opens.</param>
/// <param name="FromSecond">Of the day, 0 to 86,399.</param>
/// <param name="ToSecond">
/// Of the day, 0 to 86,400, not included; not after <paramref name="FromSecond"/> it is on the next day, so that equal ones are a whole day.
/// </param>
public sealed record TimeWindow(WeekDays Days, int FromSecond, int ToSecond, ZoneClock Zone)
{
    private const int DaySeconds = 86_400;

    /// <summary>1 January 1970 was one.</summary>
    private const int Thursday = 3;

    /// <summary>Two weeks and more: in one of them the clocks may have been set over the only hours there are.</summary>
    internal const long SearchSeconds = 16 * DaySeconds;

    public bool IsOpenAt(long unixSeconds)
    {
        var wall = Zone.WallSeconds(unixSeconds);
        var day = Math.DivRem(wall, DaySeconds, out var second);
        if (second < 0)
        {
            (day, second) = (day - 1, second + DaySeconds);
        }

        return ToSecond > FromSecond
            ? OpensOn(day) && second >= FromSecond && second < ToSecond
            : (OpensOn(day) && second >= FromSecond) || (OpensOn(day - 1) && second < ToSecond);
    }

    /// <summary>The first second after that moment at which it is open where it was closed, or the other way; <see cref="long.MaxValue"/> for never.</summary>
    public long NextChange(long unixSeconds)
    {
        var open = IsOpenAt(unixSeconds);
        for (var at = NextBoundary(unixSeconds); at - unixSeconds <= SearchSeconds; at = NextBoundary(at))
        {
            if (IsOpenAt(at) != open)
            {
                return at;
            }
        }

        return long.MaxValue;
    }

    private bool OpensOn(long day) => (Days & (WeekDays)(1 << (int)((((day + Thursday) % 7) + 7) % 7))) != 0;

    /// <summary>When the wall clock next shows midnight or one of the two times, or is set.</summary>
    private long NextBoundary(long unixSeconds)
    {
        var wall = Zone.WallSeconds(unixSeconds);
        var second = ((wall % DaySeconds) + DaySeconds) % DaySeconds;
        var wait = (long)DaySeconds - second;
        wait = FromSecond > second ? Math.Min(wait, FromSecond - second) : wait;
        wait = ToSecond > second ? Math.Min(wait, ToSecond - second) : wait;
        return Math.Min(unixSeconds + wait, Zone.NextSetting(unixSeconds));
    }
}
