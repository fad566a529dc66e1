using System.Globalization;

namespace Sallyport.Api.Times;

/// <summary>
/// Moments as people and programs write them: ISO 8601, and as we show them ourselves. Nothing else is read, because 05/06/2027 is a day in May to
/// one and in June to another.
/// </summary>
public static class TimeText
{
    /// <summary>What to tell somebody whose time is none.</summary>
    public const string Form = "write it like 2026-12-01T17:00:00+01:00; without an offset it is UTC";

    private static readonly string[] Formats =
    [
        "yyyy-MM-dd",
        .. from date in (string[])["yyyy-MM-dd'T'", "yyyy-MM-dd' '"]
           from time in (string[])["HH:mm", "HH:mm:ss", "HH:mm:ss.FFFFFFF"]
           from zone in (string[])["K", "' UTC'"]
           select date + time + zone,
    ];

    public static bool TryRead(string? text, out DateTimeOffset at) =>
        DateTimeOffset.TryParseExact(text, Formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out at);
}
