using Microsoft.Data.Sqlite;
using Sallyport.Api.Nodes;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Control.Users;

namespace Sallyport.Control.Policies.Mud;

/// <summary>The devices that a file is about.</summary>
/// <param name="Text">As a rule names them.</param>
/// <param name="Members">Devices of the network; there may be none yet.</param>
internal sealed record MudSubject(string Text, NetworkModel Network, IReadOnlyList<IdentityModel> Members)
{
    private const string Hint = "write label:KEY=VALUE, group:NAME or device:NAME";

    /// <summary>Null after adding the problem.</summary>
    public static MudSubject? Read(SqliteConnection sql, Actor actor, FleetState fleet, string? text, string? network, ProblemList problems)
    {
        var home = network is null ? null : Lookup.Network(sql, network).OrProblem("network", problems);
        if (network is not null && home is null)
        {
            return null;
        }

        var (kind, name) = text?.Split(':', 2) is [var before, { Length: > 0 } after] ? (before, after) : ("", "");
        switch (kind)
        {
            case "device":
                return ReadDevice(sql, actor, fleet, name, home, problems);
            case "group" when Label.Check(name, "for", problems):
                return OfMembers(sql, actor, fleet, kind, name, home, problems);
            case "label" when ReadLabels(name, "for", problems) is { } labels:
                return OfMembers(sql, actor, fleet, kind, labels, home, problems);
            case "group" or "label":
                return null;
            case "":
                problems.Add("for", string.IsNullOrEmpty(text) ? "nobody is named whom the file is for" : $"'{Label.Shorten(text)}' does not say what it is", Hint);
                return null;
            default:
                problems.Add("for", $"'{Label.Shorten(kind)}' is nothing that a MUD file is for", $"it is for devices: {Hint}");
                return null;
        }
    }

    /// <summary>As a rule says them, so that one is found again; null after adding the problem.</summary>
    public static string? ReadLabels(string text, string field, ProblemList problems)
    {
        var before = problems.Problems.Count;
        var labels = RuleSubject.ReadLabels(text, field, problems);
        return problems.Problems.Count == before ? labels : null;
    }

    /// <summary>Of whom a rule for that group, label or network speaks; retired ones left out.</summary>
    public static IReadOnlyList<IdentityModel> MembersOf(SqliteConnection sql, FleetState fleet, string kind, string name, int? networkId)
    {
        var retired = IdentityRow.Retired(sql);
        var spoken = new RuleSubject(kind, 0, name, networkId);
        return [.. fleet.Identities.Values.Where(identity => !retired.Contains(identity.Id) && spoken.Speaks(identity)).OrderBy(identity => identity.Id)];
    }

    private static MudSubject? ReadDevice(SqliteConnection sql, Actor actor, FleetState fleet, string name, NetworkRow? home, ProblemList problems)
    {
        var row = Lookup.Identity(sql, "device", home is null || name.Contains('.', StringComparison.Ordinal) ? name : $"{name}.{home.Name}").OrProblem("for", problems);
        if (row is null)
        {
            return null;
        }

        actor.Require(Right.See, row.NetworkId);
        if (!fleet.Identities.TryGetValue(row.Id, out var device))
        {
            problems.Add("for", $"device {row.Name} is being made or removed just now", "ask again");
            return null;
        }

        return new MudSubject($"device:{row.Name}.{row.Network}", fleet.Networks[row.NetworkId], [device]);
    }

    private static MudSubject? OfMembers(SqliteConnection sql, Actor actor, FleetState fleet, string kind, string name, NetworkRow? home, ProblemList problems)
    {
        var members = MembersOf(sql, fleet, kind, name, home?.Id ?? actor.NetworkId).Where(member => member.Kind == "device").ToList();
        var networks = members.Select(member => member.NetworkId).Distinct().ToList();
        var candidates = networks.Count > 0 ? networks : fleet.Networks.Values.Where(one => one.Prefixes.Count > 0 && actor.May(Right.See, one.Id)).Select(one => one.Id).ToList();
        if (home is null && candidates.Count != 1)
        {
            problems.Add(
                "network", networks.Count > 1 ? $"{kind}:{Label.Shorten(name)} has members in {networks.Count} networks" : $"nobody is {kind}:{Label.Shorten(name)} yet, so that its network must be said",
                candidates.Count == 0 ? "there is no network yet: sallyport network add" : $"say which: {string.Join(" or ", candidates.Select(id => fleet.Networks[id].Name).Order(StringComparer.Ordinal).Take(10))}");
            return null;
        }

        var networkId = home?.Id ?? candidates[0];
        actor.Require(Right.See, networkId);
        return new MudSubject($"{kind}:{name}", fleet.Networks[networkId], members);
    }
}
