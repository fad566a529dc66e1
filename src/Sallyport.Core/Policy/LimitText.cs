using System.Globalization;

namespace Sallyport.Core.Policy;

/// <summary>Limits as people write them: rates "64kbit", "1mbit" (a second), volumes "500MB/day", "20GB/month". Units are decimal.</summary>
public static class LimitText
{
    public const long RateMax = 1_000_000_000_000; // a terabit

    /// <summary>What a meter can count: 128 TB.</summary>
    public const long VolumeMax = 128_000_000_000_000;

    private static readonly (string Unit, long Factor)[] RateUnits = [("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1_000), ("bit", 1)];
    private static readonly (string Unit, long Factor)[] VolumeUnits = [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000), ("B", 1)];

    /// <param name="bitsPerSecond">At least 1,000: below it a packet takes longer than anybody waits.</param>
    public static bool TryRate(string text, out long bitsPerSecond) => TryNumber(text, RateUnits, RateMax, out bitsPerSecond) && bitsPerSecond >= 1_000;

    public static bool TryVolume(string text, out long bytes, out VolumePeriod period)
    {
        (bytes, period) = (0, VolumePeriod.Day);
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
        {
            return false;
        }

        var word = text[(slash + 1)..];
        period = word.Equals("month", StringComparison.OrdinalIgnoreCase) ? VolumePeriod.Month : VolumePeriod.Day;
        return (period == VolumePeriod.Month || word.Equals("day", StringComparison.OrdinalIgnoreCase))
            && TryNumber(text[..slash], VolumeUnits, VolumeMax, out bytes) && bytes > 0;
    }

    /// <summary>In the largest unit that leaves no rest.</summary>
    public static string Rate(long bitsPerSecond) => Number(bitsPerSecond, RateUnits);

    public static string Volume(long bytes, VolumePeriod period) => $"{Number(bytes, VolumeUnits)}/{(period == VolumePeriod.Day ? "day" : "month")}";

    private static bool TryNumber(string text, (string Unit, long Factor)[] units, long most, out long value)
    {
        value = 0;
        foreach (var (unit, factor) in units)
        {
            if (text.EndsWith(unit, StringComparison.OrdinalIgnoreCase))
            {
                // Compared before it is multiplied: no number of digits gets around the bound.
                var isNumber = long.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number);
                value = isNumber && number <= most / factor ? number * factor : 0;
                return isNumber && number <= most / factor;
            }
        }

        return false;
    }

    private static string Number(long value, (string Unit, long Factor)[] units)
    {
        foreach (var (unit, factor) in units)
        {
            if (value % factor == 0)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{value / factor}{unit}");
            }
        }

        return string.Create(CultureInfo.InvariantCulture, $"{value}{units[^1].Unit}");
    }
}
