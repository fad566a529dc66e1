using Sallyport.Api.Devices;
using Sallyport.Api.Sites;
using Sallyport.Api.Tunnels;
using Sallyport.Cli.Output;
using Sallyport.Cli.Tunnels;
using Spectre.Console;

namespace Sallyport.Cli.Members;

/// <summary>How devices and sites show their state.</summary>
internal static class MemberText
{
    /// <summary>Who has an IKE SA alone is there, and nothing of it passes.</summary>
    public static string Presence(Member member) => member.Live is { IkeOnly: true } ? $"{member.Presence}, IKE only" : member.Presence;

    public static Color? PresenceColour(string presence) => presence switch
    {
        "online" => Color.Green,
        "unknown" => Color.Yellow,
        _ => null,
    };

    /// <summary>A lock counts more than the state that it leaves as it is.</summary>
    public static string ShortState(Member member) =>
        member.Locks.Count > 0 ? "locked" : member.Quarantine is { Degree: not "dark" } partly ? $"{member.State}: {partly.Degree}" : member.State;

    public static Color? StateColour(Member member) => ShortState(member) switch
    {
        "active" => null,
        "pending" => Color.Yellow,
        _ => Color.Red,
    };

    public static string Labels(IReadOnlyDictionary<string, string> labels) =>
        string.Join(", ", labels.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => $"{l.Key}={l.Value}"));

    public static string State(Member member) => State(member.State, member.StateReason, member.Quarantine, member.Locks);

    public static string State(string state, string? reason, QuarantineInfo? quarantine, IReadOnlyList<int> lockIds)
    {
        var whole = $"{state}{(quarantine is { } shut ? ": " + Quarantine(shut) : "")}{(string.IsNullOrEmpty(reason) ? "" : $" ({reason})")}";
        var locks = string.Join(", ", lockIds.Select(id => $"lock {id}"));
        return locks.Length == 0 ? whole : $"{whole}, locked ({locks})";
    }

    /// <summary>"forensic, only historian, until 2026-12-01 16:00:00Z".</summary>
    private static string Quarantine(QuarantineInfo shut) => string.Join(", ", ((string?[])
    [
        shut.Degree, shut.Application is { } left ? $"only {left}" : null, shut.Rate is { } rate ? $"{rate}/s" : null, shut.Until is { } end ? $"until {Human.Time(end)}" : null,
    ]).OfType<string>());

    /// <summary>"the gateway begins to 203.0.113.5, mode transport"; null where it waits, as usual.</summary>
    public static string? Ipsec(SiteIpsec? ipsec) => ipsec is null ? null : string.Join(", ", ((string?[])
    [
        ipsec.Remotes.Count == 0 ? null : $"the gateway begins to {string.Join(", ", ipsec.Remotes)}",
        ipsec.Mode == "tunnel" ? null : $"mode {ipsec.Mode}",
        ipsec.SinglePairs ? "one pair of subnets for each SA" : null,
    ]).OfType<string>());

    public static string Posture(IReadOnlyList<PostureInfo> facts) => string.Join(", ", facts.Select(fact => $"{fact.Name}={fact.Value} ({Human.Time(fact.At)})"));

    /// <summary>Of a change that files of routers do not know of. Nothing where none has to.</summary>
    public static void PrintOutdated(Printer printer, Member changed)
    {
        if (printer.Format == OutputFormat.Table && changed.OutdatedFiles is { } files)
        {
            var more = files.Count > files.Sites.Count ? $" and {files.Count - files.Sites.Count} more" : "";
            printer.Remark($"the IPsec files of {string.Join(", ", files.Sites.Select(name => $"site {name}"))}{more} are from before this: write it into the router's configuration by hand, "
                + "or make a new profile. That revokes the one before at once, unless with --keep-old (pre-shared keys: and with another --peer-id):");
            foreach (var command in files.Commands)
            {
                printer.Remark("  " + command);
            }

            if (files.Count > files.Commands.Count)
            {
                printer.Remark("  and so for each of them, by what it has: sallyport credential list --site NAME");
            }
        }
    }

    public static void TunnelFacts(Printer printer, string presence, TunnelInfo? tunnel)
    {
        if (tunnel is null)
        {
            return;
        }

        var isLive = presence == "online";
        printer.Line(isLive ? "tunnel:" : "last tunnel:");
        TunnelText.Facts(printer, tunnel);
        if (isLive && TunnelText.IsIpsec(tunnel))
        {
            foreach (var sa in TunnelText.Sas(tunnel))
            {
                printer.Line("  " + sa);
            }

            printer.Line($"  {(tunnel.IdentityKind == "site" ? "each uplink, " : "")}with selectors: sallyport tunnel show {tunnel.IdentityKind}:{tunnel.Identity}.{tunnel.Network}");
        }
    }
}
