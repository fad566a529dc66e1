using Sallyport.Control.Changes;
using Sallyport.Control.Identities;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Control.Store;

namespace Sallyport.Control.FleetFiles;

/// <summary>
/// Who is in which group. A group that the file has is what the file says, in the networks that the file speaks of; other groups are left
/// alone, but for devices whose entry lists theirs.
/// </summary>
internal sealed class FleetGroups
{
    private readonly Dictionary<(string Name, string Network), List<string>> members = [];
    private readonly Dictionary<(string Group, string Network), int> declared = [];

    private FleetGroups()
    {
    }

    /// <param name="scope">The networks of the file.</param>
    public static FleetGroups Of(Change change, FleetFile file, IReadOnlySet<string> scope, FileProblems problems)
    {
        var groups = new FleetGroups();
        var own = file.Sites.Concat(file.Devices).Where(member => member.Network is not null).ToLookup(member => member.Name, member => member.Network!);
        foreach (var group in file.Groups)
        {
            foreach (var network in group.Network is { } only ? (IEnumerable<string>)[only] : scope)
            {
                groups.declared[(group.Name, network)] = group.At.Line;
            }

            groups.Read(change, group, own, problems);
        }

        return groups;
    }

    /// <summary>Null where the file says nothing about it.</summary>
    /// <param name="listed">The groups in the member's own entry; null where it lists none.</param>
    public IReadOnlyList<string>? Of(string name, string? network, IdentityRow? row, IReadOnlyList<string>? listed)
    {
        if (network is null)
        {
            return listed;
        }

        var section = members.GetValueOrDefault((name, network)) ?? [];
        var kept = listed ?? (row is null ? [] : Column.List(row.GroupsJson).Where(group => !declared.ContainsKey((group, network))));
        return [.. kept.Concat(section).Distinct(StringComparer.Ordinal)];
    }

    /// <summary>Those that are in one of these groups, or are to be, and have no entry of their own.</summary>
    public IEnumerable<IdentityRow> Others(Change change, IReadOnlySet<(string Name, string? Network)> own)
    {
        var rows = new SortedDictionary<int, IdentityRow>();
        foreach (var (name, network) in members.Keys)
        {
            foreach (var row in Find(change, name, network))
            {
                rows[row.Id] = row;
            }
        }

        foreach (var (group, name) in declared.Keys)
        {
            if (NetworkRow.Find(change.Sql, name) is not { } network)
            {
                continue;
            }

            foreach (var kind in (string[])["device", "site"])
            {
                foreach (var row in IdentityRow.List(change.Sql, new IdentityFilter(kind) { NetworkId = network.Id, Group = group }, 0, int.MaxValue))
                {
                    rows[row.Id] = row;
                }
            }
        }

        return rows.Values.Where(row => !own.Contains((row.Name, row.Network)));
    }

    /// <summary>Of the group that says something about it.</summary>
    public int? LineOf(IdentityRow row)
    {
        var section = members.GetValueOrDefault((row.Name, row.Network)) ?? [];
        return section.Concat(Column.List(row.GroupsJson)).Select(group => declared.TryGetValue((group, row.Network), out var line) ? line : (int?)null)
            .FirstOrDefault(line => line is not null);
    }

    private void Read(Change change, FileGroup group, ILookup<string, string> own, FileProblems problems)
    {
        for (var i = 0; i < group.Members.Count; i++)
        {
            var text = group.Members[i];
            var path = $"{group.Path}[{i}]";
            var colon = text.Value.IndexOf(':', StringComparison.Ordinal);
            if (colon >= 0 && text.Value[..colon] is not ("device" or "site"))
            {
                problems.Add(path, text.At, $"'{Label.Shorten(text.Value)}' is neither a device nor a site", "write the name of one, or device:NAME, site:NAME");
                continue;
            }

            var full = text.Value[(colon + 1)..];
            var dot = full.IndexOf('.', StringComparison.Ordinal);
            var (name, network) = dot < 0 ? (full, group.Network) : (full[..dot], full[(dot + 1)..]);
            var ours = own[name].Where(one => network is null || one == network).Distinct(StringComparer.Ordinal).ToList();
            // Those of the file go first; where it makes none, all networks are looked at.
            var networks = ours.Count > 0 ? ours : Find(change, name, network).Select(row => row.Network).Distinct(StringComparer.Ordinal).ToList();
            switch (networks)
            {
                case [var only]:
                    Add(name, only, group, path, text.At, problems);
                    break;
                case []:
                    var missing = Lookup.Identity(change.Sql, "device", full);
                    problems.Add(path, text.At, $"there is no device or site '{Label.Shorten(full)}'", missing.Hint.Length > 0 ? missing.Hint : "see which there are: sallyport device list");
                    break;
                default:
                    problems.Add(path, text.At, $"{networks.Count} networks have a '{Label.Shorten(name)}'", "say which: " + string.Join(" or ", networks.Select(one => $"{name}.{one}")));
                    break;
            }
        }
    }

    private void Add(string name, string network, FileGroup group, string path, FileMark at, FileProblems problems)
    {
        if (!members.TryGetValue((name, network), out var list))
        {
            members[(name, network)] = list = [];
        }

        if (list.Contains(group.Name))
        {
            problems.Add(path, at, $"{name} is in group {group.Name} already", "leave one of them out");
            return;
        }

        declared.TryAdd((group.Name, network), group.At.Line);
        list.Add(group.Name);
    }

    private static IEnumerable<IdentityRow> Find(Change change, string name, string? network) =>
        IdentityRow.FindByName(change.Sql, "device", name, network).Concat(IdentityRow.FindByName(change.Sql, "site", name, network));
}
