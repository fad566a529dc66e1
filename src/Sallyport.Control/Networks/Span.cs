using System.Globalization;
using Sallyport.Control.Http;
using Sallyport.Control.Names;

namespace Sallyport.Control.Networks;

/// <summary>Stretches of time as people write them: "90m", "24h", "7d".</summary>
internal static class Span
{
    private static readonly (char Unit, int Seconds)[] Units = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

    /// <summary>In seconds; null where nothing was given, or with what is wrong added.</summary>
    public static int? Read(string? text, string field, int minimum, int maximum, ProblemList problems)
    {
        if (text is null)
        {
            return null;
        }

        var bounds = $"give a time from {Text(minimum)} to {Text(maximum)}, such as 24h";
        var factor = text.Length == 0 ? 0 : Units.FirstOrDefault(unit => unit.Unit == text[^1]).Seconds;
        if (factor == 0 || !long.TryParse(text.AsSpan(..^1), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            problems.Add(field, $"'{Label.Shorten(text)}' is not a time", bounds);
            return null;
        }

        // Compared before it is multiplied: no number of digits gets around the bounds.
        if (number > maximum / factor || number * factor < minimum)
        {
            problems.Add(field, $"{Label.Shorten(text)} is too {(number > maximum / factor ? "long" : "short")}", bounds);
            return null;
        }

        return (int)number * factor;
    }

    /// <summary>In the largest unit that leaves no rest up to hours; days only from a week on, so that "24h" stays what was written.</summary>
    public static string Text(int seconds)
    {
        var (unit, factor) = Units.First(unit => seconds % unit.Seconds == 0 && (unit.Unit != 'd' || seconds >= 7 * 86_400));
        return string.Create(CultureInfo.InvariantCulture, $"{seconds / factor}{unit}");
    }
}
