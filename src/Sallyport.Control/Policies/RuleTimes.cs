using System.Globalization;
using Sallyport.Api.Nodes;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Control.Store;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Mapping;
using Sallyport.Mapping.Rules;

namespace Sallyport.Control.Policies;

/// <summary>When rules are in force: what people write, and what the policy engine reads.</summary>
internal static class RuleTimes
{
    private const int WindowsMax = 20;

    private const long SkewMax = 1_000_000_000; // a gateway's clock runs beside ours

    private const int SpanSecondsMax = 3650 * 86_400;

    private static readonly DateTimeOffset LatestEnd = new(2200, 1, 1, 0, 0, 0, TimeSpan.Zero); // nanoseconds go up to 2262

    /// <param name="until">Nanoseconds since the Unix epoch.</param>
    /// <param name="windows">Valid ones.</param>
    public static RuleTime Of(long? until, IReadOnlyList<string> windows) =>
        RuleMapping.TimeOf(until, windows, windows.Count == 0 ? FleetTables.Empty : FleetTables.Empty.With(ZoneTable.Of(windows), []));

    /// <summary>Those of the rules that the clock changes at that moment, which has come; some may be gone or others since.</summary>
    public static IReadOnlyList<RuleModel> Due(FleetState fleet, ScheduleReport report, long now) =>
        report.DueAt <= 0 || report.DueAt > now + SkewMax
            ? []
            :
            [
                .. report.Rules.Select(id => fleet.Rules.GetValueOrDefault(id)).OfType<RuleModel>()
                    .Where(rule => Of(rule.Until, rule.Windows).NextChange(new Instant(report.DueAt - 1)).Nanoseconds == report.DueAt),
            ];

    /// <summary>"expire", or "open" and "close" of its hours.</summary>
    public static string WhatHappens(RuleModel rule, long at) =>
        rule.Until <= at ? "expire" : Of(rule.Until, rule.Windows).IsInForce(new Instant(at)) ? "open" : "close";

    /// <summary>In the one way in which they are said; empty after adding problems.</summary>
    public static IReadOnlyList<string> ReadWindows(IReadOnlyList<string?> texts, ProblemList problems)
    {
        if (texts.Count > WindowsMax)
        {
            problems.Add("windows", $"{texts.Count} windows are too many", $"{WindowsMax} are enough for a week; make several rules, or a group");
            return [];
        }

        var said = new SortedSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < texts.Count; i++)
        {
            var field = $"windows[{i}]";
            var text = texts[i] ?? "";
            if (!WindowText.TryParse(text, out var window, out var problem))
            {
                problems.Add(field, $"'{Label.Shorten(text)}' is no window: {Label.Shorten(problem)}", "write it like 'mon-fri 08:00-17:00 Europe/Vienna'");
            }
            else if (!ZoneTable.TryFind(window.Zone, out _))
            {
                problems.Add(field, $"there is no time zone '{Label.Shorten(window.Zone)}'", "use a name of IANA's, such as Europe/Vienna or Etc/UTC");
            }
            else
            {
                said.Add(window.ToString());
            }
        }

        return [.. said];
    }

    /// <param name="span">Instead of an end: "8h".</param>
    public static long? ReadUntil(DateTimeOffset? until, string? span, long now, ProblemList problems)
    {
        if (until is not null && span is not null)
        {
            problems.Add("for", "an end is given beside it", "give one of the two");
            return null;
        }

        if (until is not { } end)
        {
            return Span.Read(span, "for", 1, SpanSecondsMax, problems) is { } seconds ? now + (seconds * 1_000_000_000L) : null;
        }

        if (end >= LatestEnd)
        {
            problems.Add("until", $"the year {end.Year} is too far away", "leave the end out: then it has none");
            return null;
        }

        // Compared as times: nanoseconds do not go back to the middle ages.
        if (end <= UnixTime.ToTime(now))
        {
            problems.Add("until", $"{Human(end)} is over", "give a time that is to come");
            return null;
        }

        return end.ToUnixNanoseconds();
    }

    /// <summary>"until 2026-12-01 17:00:00 UTC, daily 08:00-17:00 Europe/Vienna"; empty for always.</summary>
    public static string Describe(long? until, IReadOnlyList<string> windows) =>
        string.Join(", ", until is { } end ? [$"until {Human(UnixTime.ToTime(end))}", .. windows] : windows);

    private static string Human(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss' UTC'", CultureInfo.InvariantCulture);
}
