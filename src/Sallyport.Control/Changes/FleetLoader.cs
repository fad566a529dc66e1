using System.Collections.Immutable;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Nodes;
using Sallyport.Control.Appearances;
using Sallyport.Control.Applications;
using Sallyport.Control.Credentials;
using Sallyport.Control.Identities;
using Sallyport.Control.Networks;
using Sallyport.Control.Policies;
using Sallyport.Control.Secrets;

namespace Sallyport.Control.Changes;

/// <summary>From rows to what gateways read.</summary>
internal sealed class FleetLoader(Envelope envelope)
{
    public FleetState LoadAll(SqliteConnection sql)
    {
        var credentials = CredentialRow.AllLive(sql).ToLookup(credential => credential.IdentityId);
        return new FleetState(
            CurrentVersion(sql),
            NetworkRow.All(sql).ToImmutableDictionary(row => row.Id, row => row.ToModel(envelope)),
            IdentityRow.All(sql).ToImmutableDictionary(row => row.Id, row => row.ToModel(credentials[row.Id], envelope)),
            ApplicationRow.All(sql).ToImmutableDictionary(row => row.Id, row => row.ToModel()),
            RuleRow.All(sql).Select(row => row.ToModel()).OfType<RuleModel>().ToImmutableDictionary(rule => rule.Id),
            AppearanceRow.All(sql).ToImmutableDictionary(row => row.Id, row => row.ToModel()));
    }

    /// <summary>The present state of what was touched.</summary>
    public ChangeSet Load(SqliteConnection sql, long version, long committedAt, IEnumerable<(ChangeKind Kind, int Id)> touched)
    {
        var byKind = touched.ToLookup(item => item.Kind, item => item.Id);
        var (networks, removedNetworks) = Split(byKind[ChangeKind.Network], id => NetworkRow.Find(sql, id)?.ToModel(envelope));
        var (identities, removedIdentities) = LoadIdentities(sql, [.. byKind[ChangeKind.Identity]]);
        var (applications, removedApplications) = Split(byKind[ChangeKind.Application], id => ApplicationRow.Find(sql, id)?.ToModel());
        var (rules, removedRules) = Split(byKind[ChangeKind.Rule], id => RuleRow.Find(sql, id)?.ToModel());
        var (appearances, removedAppearances) = Split(byKind[ChangeKind.Appearance], id => AppearanceRow.Find(sql, id)?.ToModel());
        return new ChangeSet(version, committedAt)
        {
            Appearances = appearances,
            RemovedAppearances = removedAppearances,
            Settings = byKind[ChangeKind.Settings].Any(),
            Networks = networks,
            Identities = identities,
            Applications = applications,
            Rules = rules,
            RemovedNetworks = removedNetworks,
            RemovedIdentities = removedIdentities,
            RemovedApplications = removedApplications,
            RemovedRules = removedRules,
        };
    }

    public static long CurrentVersion(SqliteConnection sql) => sql.ExecuteScalar<long>("SELECT ifnull(max(version), 0) FROM changes");

    /// <summary>
    /// Counts up, and is never below the milliseconds since the Unix epoch: after a restore from a backup no version comes a second time
    /// with another content, so that a gateway of the other history is noticed.
    /// </summary>
    public static long NextVersion(SqliteConnection sql, long now) => Math.Max(CurrentVersion(sql) + 1, now / 1_000_000);

    /// <summary>A lock of a network touches all that are in it: they are read together.</summary>
    private (IReadOnlyList<IdentityModel> Present, IReadOnlyList<int> Gone) LoadIdentities(SqliteConnection sql, IReadOnlyList<int> ids)
    {
        if (ids.Count == 0)
        {
            return ([], []);
        }

        var credentials = CredentialRow.Of(sql, ids).ToLookup(credential => credential.IdentityId);
        var rows = IdentityRow.Find(sql, ids).ToDictionary(row => row.Id);
        return Split(ids, id => rows.TryGetValue(id, out var row) ? row.ToModel(credentials[id], envelope) : null);
    }

    private static (IReadOnlyList<T> Present, IReadOnlyList<int> Gone) Split<T>(IEnumerable<int> ids, Func<int, T?> find)
        where T : class
    {
        var present = new List<T>();
        var gone = new List<int>();
        foreach (var id in ids)
        {
            if (find(id) is { } item)
            {
                present.Add(item);
            }
            else
            {
                gone.Add(id);
            }
        }

        return (present, gone);
    }
}
