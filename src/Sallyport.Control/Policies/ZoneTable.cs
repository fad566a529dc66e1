using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Sallyport.Api.Nodes;

namespace Sallyport.Control.Policies;

/// <summary>Time zones as this machine knows them (IANA), written out for gateways, which then need to know none.</summary>
internal static class ZoneTable
{
    private static readonly DateTimeOffset Begin = new(2025, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset End = new(2045, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly ConcurrentDictionary<string, ZoneModel> Known = new(StringComparer.Ordinal);

    /// <summary>Only names of IANA's in their own spelling: what one machine calls a zone must mean the same on every other.</summary>
    public static bool TryFind(string name, [NotNullWhen(true)] out ZoneModel? zone)
    {
        if (Known.TryGetValue(name, out zone))
        {
            return true;
        }

        if (!TimeZoneInfo.TryFindSystemTimeZoneById(name, out var found) || found.Id != name || !found.HasIanaId)
        {
            return false;
        }

        zone = Known.GetOrAdd(name, Write(found));
        return true;
    }

    /// <summary>Of the windows in these rules; each once.</summary>
    public static IReadOnlyList<ZoneModel> Of(IEnumerable<RuleModel> rules) =>
        Of(rules.SelectMany(rule => rule.Windows));

    /// <summary>Of these windows; each once.</summary>
    public static IReadOnlyList<ZoneModel> Of(IEnumerable<string> windows) => [.. windows.Select(ZoneOf).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(Find)];

    /// <summary>A zone that the machine has forgotten since is UTC; the list of rules says which it was meant to be.</summary>
    private static ZoneModel Find(string name) => TryFind(name, out var zone) ? zone : new ZoneModel(name, [0, 0]);

    private static string ZoneOf(string window) => window[(window.LastIndexOf(' ') + 1)..];

    private static ZoneModel Write(TimeZoneInfo zone)
    {
        List<long> offsets = [Begin.ToUnixTimeSeconds(), Seconds(zone, Begin)];
        for (var at = Begin; at < End; at = at.AddDays(1))
        {
            // No zone is set twice within a day.
            if (Seconds(zone, at.AddDays(1)) != offsets[^1])
            {
                var moment = Setting(zone, at, at.AddDays(1));
                offsets.AddRange([moment.ToUnixTimeSeconds(), Seconds(zone, moment)]);
            }
        }

        return new ZoneModel(zone.Id, offsets);
    }

    /// <summary>The first second with the later offset.</summary>
    private static DateTimeOffset Setting(TimeZoneInfo zone, DateTimeOffset before, DateTimeOffset after)
    {
        var old = Seconds(zone, before);
        while (after - before > TimeSpan.FromSeconds(1))
        {
            var middle = before.AddSeconds(Math.Floor((after - before).TotalSeconds / 2));
            (before, after) = Seconds(zone, middle) == old ? (middle, after) : (before, middle);
        }

        return after;
    }

    private static long Seconds(TimeZoneInfo zone, DateTimeOffset at) => (long)zone.GetUtcOffset(at).TotalSeconds;
}
