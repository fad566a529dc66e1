using Sallyport.Api.Paging;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Control.Store;
using Sallyport.Control.Tunnels;
using Sallyport.Control.Users;

namespace Sallyport.Control.Identities;

internal sealed class IdentityQueries(Database database, TunnelRegistry tunnels)
{
    private const int ScanStep = 1_000; // presence is not in the store: pages are filled from steps of this many rows

    private static readonly string[] Presences = ["online", "offline", "unknown"];

    public Page<T> List<T>(
        Actor actor, string kind, string? network, string? group, string? label, string? state, string? presence, Paging paging,
        Func<IdentityRow, T> infoOf) => database.Read(sql =>
    {
        var problems = new ProblemList();
        var knownState = NetworkInput.ReadOne(state, "state", "state", IdentityStates.All, problems);
        var knownPresence = NetworkInput.ReadOne(presence, "presence", "presence", Presences, problems);
        var equals = label?.IndexOf('=', StringComparison.Ordinal) ?? -1;
        if (label is not null && equals <= 0)
        {
            problems.Add("label", $"'{Label.Shorten(label)}' is not key=value", "write model=P200");
        }

        problems.ThrowIfAny();
        var filter = new IdentityFilter(kind)
        {
            NetworkId = Scope.NetworkOf(sql, actor, network),
            State = knownState,
            Group = group,
            LabelKey = label?[..equals],
            LabelValue = label?[(equals + 1)..],
        };
        if (knownPresence is null)
        {
            return paging.PageOf(IdentityRow.List(sql, filter, paging.AfterId, paging.Limit + 1), row => row.Id, infoOf);
        }

        var found = new List<IdentityRow>();
        var after = paging.AfterId;
        while (found.Count <= paging.Limit)
        {
            var rows = IdentityRow.List(sql, filter, after, ScanStep);
            if (rows.Count == 0)
            {
                break;
            }

            found.AddRange(rows.Where(row => tunnels.PresenceOf(row.Id).Presence == knownPresence));
            after = rows[^1].Id;
        }

        return paging.PageOf(found.Take(paging.Limit + 1), row => row.Id, infoOf);
    });
}
