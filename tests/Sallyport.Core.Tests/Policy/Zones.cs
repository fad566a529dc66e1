using System.Collections.Immutable;
using System.Globalization;
using Sallyport.Core.Policy;

namespace Sallyport.Core.Tests.Policy;

/// <summary>Time zones of the machine as the core sees them, and windows as the runtime's own calendar has them.</summary>
internal static class Zones
{
    /// <summary>Set forward and back, half an hour off, across the date line, never set.</summary>
    public static readonly ImmutableArray<string> Names =
        ["Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Asia/Kolkata", "Etc/UTC"];

    private static readonly DateTimeOffset Begin = new(2011, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset End = new(2032, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly Dictionary<string, ZoneClock> Clocks = Names.ToDictionary(name => name, Make);

    public static ZoneClock Clock(string name) => Clocks[name];

    public static long Unix(string utc) => DateTimeOffset.Parse(utc, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal).ToUnixTimeSeconds();

    public static bool IsOpen(TimeWindow window, long unixSeconds)
    {
        var wall = TimeZoneInfo.ConvertTime(DateTimeOffset.FromUnixTimeSeconds(unixSeconds), TimeZoneInfo.FindSystemTimeZoneById(window.Zone.Name));
        var second = wall.TimeOfDay.TotalSeconds;
        var today = Has(wall.DayOfWeek);
        var yesterday = Has((DayOfWeek)(((int)wall.DayOfWeek + 6) % 7));
        return window.FromSecond < window.ToSecond
            ? today && second >= window.FromSecond && second < window.ToSecond
            : (today && second >= window.FromSecond) || (yesterday && second < window.ToSecond);

        bool Has(DayOfWeek day) => window.Days.HasFlag(Enum.Parse<WeekDays>(day.ToString()));
    }

    private static ZoneClock Make(string name)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(name);
        var offsets = ImmutableArray.CreateBuilder<ZoneOffset>();
        for (var at = Begin; at < End; at = at.AddHours(1))
        {
            // All of these are set on the half hour at most.
            foreach (var moment in new[] { at, at.AddMinutes(30) })
            {
                var seconds = (int)zone.GetUtcOffset(moment).TotalSeconds;
                if (offsets.Count == 0 || offsets[^1].Seconds != seconds)
                {
                    offsets.Add(new ZoneOffset(moment.ToUnixTimeSeconds(), seconds));
                }
            }
        }

        return new ZoneClock(name, offsets.DrainToImmutable());
    }
}
