using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>After what a volume begins anew, by UTC.</summary>
public enum VolumePeriod : byte
{
    Day,
    Month,
}

/// <summary>How much may pass, counted in bytes of inner packets. 0 for no limit of that kind.</summary>
public sealed record Limit
{
    public long BitsPerSecond { get; init; }

    public long PacketsPerSecond { get; init; }

    public long VolumeBytes { get; init; }

    public VolumePeriod Period { get; init; }

    /// <summary>A number that changes when the volume begins anew.</summary>
    public int PeriodAt(Instant wall) => Period == VolumePeriod.Day ? CalendarDays.Of(wall) : CalendarDays.MonthOf(CalendarDays.Of(wall));
}

/// <summary>Days and months of UTC as numbers. The core has no calendar but this.</summary>
internal static class CalendarDays
{
    private const long DayNanoseconds = 86_400_000_000_000;

    /// <summary>Days since 1 January 1970.</summary>
    public static int Of(Instant wall) => (int)(wall.Nanoseconds / DayNanoseconds);

    public static Instant NextMidnight(Instant wall) => new((Of(wall) + 1L) * DayNanoseconds);

    /// <summary>
    /// Months since January of year 0, by counting from a 1 March as the beginning of the year, so that the leap day is the last one.
    /// </summary>
    public static int MonthOf(int days)
    {
        var sinceMarch = days + 719_468; // from 1 March of year 0
        var era = sinceMarch / 146_097;
        var dayOfEra = sinceMarch % 146_097;
        var yearOfEra = (dayOfEra - (dayOfEra / 1_460) + (dayOfEra / 36_524) - (dayOfEra / 146_096)) / 365;
        var dayOfYear = dayOfEra - ((365 * yearOfEra) + (yearOfEra / 4) - (yearOfEra / 100));
        return (((era * 400) + yearOfEra) * 12) + (((5 * dayOfYear) + 2) / 153) + 2;
    }
}
