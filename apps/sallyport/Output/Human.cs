using System.Globalization;
using System.Text;

namespace Sallyport.Cli.Output;

/// <summary>Numbers and times as people read them.</summary>
internal static class Human
{
    private static readonly string[] Units = ["B", "kB", "MB", "GB", "TB", "PB"];

    /// <summary>Decimal units, in which limits are written: what passed can be held against "500MB/day".</summary>
    public static string Bytes(long count)
    {
        double value = count;
        var unit = 0;
        while (value >= 1000 && unit < Units.Length - 1)
        {
            value /= 1000;
            unit++;
        }

        return $"{value.ToString(unit == 0 || value >= 10 ? "0" : "0.0", CultureInfo.InvariantCulture)} {Units[unit]}";
    }

    /// <summary>Characters of a time.</summary>
    public const int TimeWidth = 20;

    /// <summary>UTC, so that two people who look at it mean the same moment.</summary>
    public static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>How long ago: "45s", "12m", "3h05m", "2d04h". A clock that is behind the server's makes nothing younger than now.</summary>
    public static string Age(DateTimeOffset since, DateTimeOffset now)
    {
        var age = now > since ? now - since : TimeSpan.Zero;
        return age switch
        {
            { TotalMinutes: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{age.Seconds}s"),
            { TotalHours: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{age.Minutes}m"),
            { TotalDays: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{age.Hours}h{age.Minutes:00}m"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{age.Days}d{age.Hours:00}h"),
        };
    }

    /// <param name="nanoseconds">Since the Unix epoch.</param>
    public static string Time(long nanoseconds) => Time(DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / 100));

    public static string Milliseconds(double value) =>
        value.ToString(value is 0 or >= 10 ? "0" : "0.0", CultureInfo.InvariantCulture) + " ms";

    public static string Count(long number, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{number} {noun}{(number == 1 ? "" : "s")}");

    /// <summary>Text from devices goes to a terminal: nothing in it may command the terminal.</summary>
    public static string Clean(string text)
    {
        var clean = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            clean.Append(IsUnsafe(c) ? '?' : c);
        }

        return clean.ToString();
    }

    /// <summary>Also what breaks lines or turns their direction around.</summary>
    private static bool IsUnsafe(char c) => char.IsControl(c)
        || char.GetUnicodeCategory(c) is UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Format;
}
