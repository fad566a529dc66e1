using System.Text;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Rules;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Identities;
using Sallyport.Control.Networks;
using Sallyport.Control.Policies;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.FleetFiles;

/// <summary>
/// The fleet as a file that makes the same fleet: applied here it changes nothing, on an empty installation it makes everything but
/// credentials. What is over and does not come back is left out.
/// </summary>
internal sealed class FleetExport(Database database, TimeProvider time)
{
    public (string Text, long Version) Of(Actor actor, string? network) => database.Read(sql =>
    {
        sql.Execute("BEGIN DEFERRED"); // one moment for everything
        try
        {
            return (Write(sql, Scope.NetworkOf(sql, actor, network)), FleetLoader.CurrentVersion(sql));
        }
        finally
        {
            sql.Execute("ROLLBACK TRANSACTION");
        }
    });

    private string Write(SqliteConnection sql, int? only)
    {
        var names = new FleetNames(sql);
        var text = new StringBuilder("# Networks, sites, devices, applications and rules as they were exported; see docs/fleet-file.md. Secrets are in no such file.\n");
        var networks = NetworkRow.All(sql).Where(row => only is null || row.Id == only).ToList();
        var members = networks.SelectMany(network => IdentityRow.InNetwork(sql, network.Id).ToList()).ToList();
        var retired = IdentityRow.Retired(sql);
        var applications = networks.SelectMany(network => ApplicationRow.List(sql, network.Id, 0, int.MaxValue)).Where(row => !retired.Contains(row.OwnerId)).ToList();
        var applied = applications.Select(row => row.Id).ToHashSet();
        var now = time.GetUtcNow();
        var rules = networks.SelectMany(network => RuleRow.List(sql, network.Id, 0, int.MaxValue).Where(row => row.NetworkId == network.Id))
            .Where(row => (row.ApplicationGroup.Length > 0 || applied.Contains(row.ApplicationId)) && !retired.Contains(row.SubjectId) && !(UnixTime.ToTime(row.Until) <= now)).ToList();
        members.RemoveAll(row => retired.Contains(row.Id));

        Section(text, FleetFileReader.Networks, networks.Select(row => $"{Key(row.Name)}: {Entry(FileKeys.Network, row)}"));
        foreach (var (section, kind) in ((string, string)[])[(FleetFileReader.Sites, "site"), (FleetFileReader.Devices, "device")])
        {
            Section(text, section, members.Where(row => row.Kind == kind).Select(row => Member(names, row, kind)));
        }

        Section(text, FleetFileReader.Groups, Groups(names, members));
        Section(text, FleetFileReader.Applications, applications.Select(row => Application(sql, names, row)));
        Section(text, FleetFileReader.Rules, rules.Select(row => $"- {Entry(FileKeys.Rule, Rule(names, row, now))}"));
        return text.ToString();
    }

    private static string Member(FleetNames names, IdentityRow row, string kind)
    {
        var keys = kind == "site" ? FileKeys.Site : FileKeys.Device;
        var name = names.Of(kind, row.Name, row.Network);
        return $"{Key(name)}: {Entry([.. keys.Where(key => key.Name != "groups" && (key.Name != "network" || name == row.Name))], row)}";
    }

    /// <summary>Each in the network of its members: where two networks have one, these are two groups.</summary>
    private static IEnumerable<string> Groups(FleetNames names, IReadOnlyList<IdentityRow> members)
    {
        var groups = members.SelectMany(row => FileKeys.GroupsOf(row).Select(group => (group, row))).ToLookup(pair => (pair.group, pair.row.Network), pair => pair.row);
        var spread = groups.GroupBy(group => group.Key.group).Where(group => group.Count() > 1).Select(group => group.Key).ToHashSet();
        return groups.OrderBy(group => group.Key.group, StringComparer.Ordinal).ThenBy(group => group.Key.Network, StringComparer.Ordinal).Select(group =>
        {
            var name = spread.Contains(group.Key.group) ? $"{group.Key.group}.{group.Key.Network}" : group.Key.group;
            return $"{Key(name)}: {FileValue.Show((IReadOnlyList<string>)[.. group.Select(row => names.Of("member", row.Name, row.Network))])}";
        });
    }

    private static string Application(SqliteConnection sql, FleetNames names, ApplicationRow row)
    {
        var owner = IdentityRow.Find(sql, row.OwnerId)!;
        var usual = (owner.AddressV4 ?? owner.AddressV6)?.ToString();
        var info = row.ToInfo() with { Owner = row.OwnerKind == HostIdentity.Kind ? row.Owner : names.Of(row.OwnerKind, row.Owner, row.Network) };
        return $"{Key(names.Of("application", row.Name, row.Network))}: "
            + Entry([.. FileKeys.Application.Where(key => key.Name != "target" || row.Target != usual)], info);
    }

    private static RuleInfo Rule(FleetNames names, RuleRow row, DateTimeOffset now)
    {
        var subject = row.SubjectKind is "device" or "site" ? names.Of(row.SubjectKind, row.Subject, row.SubjectNetwork) : row.Subject;
        return row.ToInfo(0, now, null) with
        {
            From = $"{row.SubjectKind}:{subject}",
            To = row.ApplicationGroup.Length > 0
                ? $"application-group:{row.ApplicationGroup}.{row.Network}" : $"application:{names.Of("application", row.Application, row.Network)}",
        };
    }

    private static void Section(StringBuilder text, string name, IEnumerable<string> lines)
    {
        var all = lines.ToList();
        if (all.Count > 0)
        {
            text.Append('\n').Append(name).Append(":\n");
            foreach (var line in all)
            {
                text.Append("  ").Append(line).Append('\n');
            }
        }
    }

    private static string Entry<TInput, TState>(IReadOnlyList<FileKey<TInput, TState>> keys, TState state)
    {
        var said = keys.Select(key => (key.Name, Value: key.Get(state))).Where(pair => pair.Value is not null).Select(pair => $"{pair.Name}: {FileValue.Show(pair.Value)}").ToList();
        return said.Count == 0 ? "{}" : $"{{ {string.Join(", ", said)} }}";
    }

    private static string Key(string name) => FileValue.Quoted(name);

    /// <summary>Names that are whole where two networks have one. A "member" is a device or a site.</summary>
    private sealed class FleetNames
    {
        private readonly HashSet<(string Kind, string Name)> doubled;

        public FleetNames(SqliteConnection sql) => doubled =
        [
            .. sql.Query<(string, string)>(
                """
                SELECT kind, name FROM identities WHERE kind <> 'host' GROUP BY kind, name HAVING count(*) > 1
                UNION ALL SELECT 'member', name FROM identities WHERE kind <> 'host' GROUP BY name HAVING count(*) > 1
                UNION ALL SELECT 'application', name FROM applications GROUP BY name HAVING count(*) > 1
                """),
        ];

        public string Of(string kind, string name, string network) => doubled.Contains((kind, name)) ? $"{name}.{network}" : name;
    }
}
