using System.Globalization;

namespace Sallyport.Simulator.Scenarios;

/// <summary>"90", "90s", "500ms", "2m", "1h".</summary>
internal static class Durations
{
    private static readonly (string Unit, double Seconds)[] Units = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)];

    /// <summary>False for what is no duration or not above zero.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        var (unit, factor) = Units.FirstOrDefault(one => text.EndsWith(one.Unit, StringComparison.Ordinal), ("", 1));
        if (!double.TryParse(text[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            || number <= 0 || number * factor > TimeSpan.FromDays(365).TotalSeconds)
        {
            return false;
        }

        duration = TimeSpan.FromSeconds(number * factor);
        return true;
    }
}
