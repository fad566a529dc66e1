using System.Globalization;
using System.Text;

namespace Sallyport.Core.Policy;

/// <summary>
/// How people write a <see cref="TimeWindow"/>: "mon-fri 08:00-17:00 Europe/Vienna". Days are "daily", or some of "mon" to "sun" as single
/// days and ranges with commas between; times go from 00:00 to 24:00; the zone is a name of IANA's, which is not looked up here.
/// </summary>
public readonly record struct WindowText(WeekDays Days, int FromSecond, int ToSecond, string Zone)
{
    public const int MaxLength = 100;

    private const int MinuteSeconds = 60;
    private const int HourSeconds = 3600;
    private const int DaySeconds = 24 * HourSeconds;

    private static readonly string[] DayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    /// <param name="problem">What cannot be read, as the end of a sentence: "'mun' is no day of the week".</param>
    public static bool TryParse(string text, out WindowText window, out string problem)
    {
        window = default;
        var parts = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (text.Length > MaxLength || parts.Length != 3)
        {
            problem = "it wants days, times and a time zone";
            return false;
        }

        var times = parts[1].Split('-');
        if (!TryDays(parts[0], out var days, out problem))
        {
            return false;
        }

        if (times.Length != 2 || !TryTime(times[0], out var from) || !TryTime(times[1], out var to) || from == DaySeconds)
        {
            problem = $"'{parts[1]}' is not two times of a day";
            return false;
        }

        window = new WindowText(days, from, to, parts[2]);
        return true;
    }

    public TimeWindow In(ZoneClock zone) => new(Days, FromSecond, ToSecond, zone);

    /// <summary>Always the same for the same window.</summary>
    public override string ToString() => $"{DaysText()} {TimeText(FromSecond)}-{TimeText(ToSecond)} {Zone}";

    private static bool TryDays(string text, out WeekDays days, out string problem)
    {
        (days, problem) = (WeekDays.None, "");
        if (text.Equals("daily", StringComparison.OrdinalIgnoreCase))
        {
            days = WeekDays.All;
            return true;
        }

        foreach (var part in text.Split(','))
        {
            var ends = part.Split('-');
            foreach (var end in ends)
            {
                if (IndexOf(end) < 0)
                {
                    problem = $"'{end}' is no day of the week";
                    return false;
                }
            }

            if (ends.Length > 2)
            {
                problem = $"'{part}' is no range of days";
                return false;
            }

            // "fri-mon" goes over the weekend.
            var last = IndexOf(ends[^1]);
            for (var day = IndexOf(ends[0]); ; day = (day + 1) % DayNames.Length)
            {
                days |= (WeekDays)(1 << day);
                if (day == last)
                {
                    break;
                }
            }
        }

        return true;
    }

    private static int IndexOf(string day) => Array.FindIndex(DayNames, name => name.Equals(day, StringComparison.OrdinalIgnoreCase));

    private static bool TryTime(string text, out int seconds)
    {
        seconds = 0;
        if (text is not [_, _, ':', _, _]
            || !int.TryParse(text.AsSpan(0, 2), NumberStyles.None, CultureInfo.InvariantCulture, out var hours)
            || !int.TryParse(text.AsSpan(3), NumberStyles.None, CultureInfo.InvariantCulture, out var minutes)
            || minutes > 59)
        {
            return false;
        }

        seconds = (hours * HourSeconds) + (minutes * MinuteSeconds);
        return seconds <= DaySeconds;
    }

    private static string TimeText(int seconds) =>
        string.Create(CultureInfo.InvariantCulture, $"{seconds / HourSeconds:00}:{seconds % HourSeconds / MinuteSeconds:00}");

    private string DaysText()
    {
        if (Days == WeekDays.All)
        {
            return "daily";
        }

        var text = new StringBuilder();
        for (var day = 0; day < DayNames.Length; day++)
        {
            var first = day;
            while (day < DayNames.Length && Has(day))
            {
                day++;
            }

            if (day > first)
            {
                text.Append(text.Length > 0 ? "," : "").Append(DayNames[first]);
                text.Append(day - first > 2 ? "-" : day - first == 2 ? "," : "").Append(day - first > 1 ? DayNames[day - 1] : "");
            }
        }

        return text.ToString();
    }

    private bool Has(int day) => (Days & (WeekDays)(1 << day)) != 0;
}
