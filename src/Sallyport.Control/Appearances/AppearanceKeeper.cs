using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Networks;
using Sallyport.Control.Store;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Appearances;

/// <summary>
/// Sees to it, as the last part of every command, that what rules lead to in other networks has a service address in the network of those
/// whom they speak of, and that these have guests' addresses there. An address once given stays as long as what it stands for exists,
/// so that a rule that comes back leads to the same address. What lies beyond the gateway host appears at its own addresses: made by a rule that allows
/// somebody to go there, not by one that only denies it. Who is sent routes there, his rules say (<see cref="Core.Policy.EgressWays"/>).
/// </summary>
internal static class AppearanceKeeper
{
    public const string Service = "service";
    public const string Guest = "guest";

    public static void Follow(Change change)
    {
        if (!change.Touched.Any(item => item.Kind is ChangeKind.Rule or ChangeKind.Application or ChangeKind.Network or ChangeKind.Identity))
        {
            return;
        }

        var sql = change.Sql;
        var rows = AppearanceRow.All(sql).AsList();
        var crossings = Crossings(sql);
        if (rows.Count == 0 && crossings.Count == 0)
        {
            return;
        }

        var homes = new Homes(sql);
        var wanted = crossings.Where(crossing => crossing.IsAllowed || !homes.IsEgress(crossing.ToId)).SelectMany(homes.WantedBy).Distinct().ToList();
        var kept = new List<AppearanceRow>();
        foreach (var row in rows)
        {
            if (homes.Still(row))
            {
                kept.Add(row);
                continue;
            }

            sql.Execute("DELETE FROM appearances WHERE id = @Id", row);
            change.Touch(ChangeKind.Appearance, row.Id);
        }

        var known = kept.Select(row => (row.Kind, row.NetworkId, row.HomeId, row.Of)).ToHashSet();
        foreach (var one in wanted.Where(one => !known.Contains(one)))
        {
            kept.Add(Add(change, homes, kept, one.Kind, one.NetworkId, one.HomeId, one.Of));
        }
    }

    private static AppearanceRow Add(Change change, Homes homes, List<AppearanceRow> kept, string kind, int networkId, int homeId, IpPrefix of)
    {
        var network = homes.Network(networkId)!;
        // What lies beyond the host is reached at its own addresses, which nothing else may have there.
        if (kind == Service && homes.IsEgress(homeId) && kept.Find(row => row.NetworkId == networkId && row.At.Contains(of) && !homes.IsEgress(row.HomeId)) is { } holder)
        {
            throw InUse(homes, network, of, holder);
        }

        var at = kind == Service && homes.IsEgress(homeId) ? of : kind == Guest && Share(network, of)
            ? SharedBy(kept, network, homeId, of) ?? Take(of.Network.BitLength) : Take(of.Length);
        var id = change.Sql.ExecuteScalar<int>(
            "INSERT INTO appearances (kind, network_id, at, home_id, of) VALUES (@kind, @networkId, @at, @homeId, @of) RETURNING id",
            new { kind, networkId, at = at.ToString(), homeId, of = of.ToString() });
        change.Touch(ChangeKind.Appearance, id);
        return AppearanceRow.Find(change.Sql, id)!;

        IpPrefix Take(int length) =>
            new PrefixPool(network.RangesFor(kind), kept.Where(row => row.NetworkId == networkId).Select(row => row.At)).Take(of.IsV4, length)
            ?? throw Full(homes, network, kind, homeId, of);
    }

    /// <summary>
    /// Whether the members at <paramref name="of"/> have one address as guests: so wanted, or because they are as many as the pool that nobody has
    /// chosen, which would be full with them.
    /// </summary>
    private static bool Share(NetworkRow network, IpPrefix of) => network.GuestsShare
        || (of.IsV4 && of.Length <= NetworkInput.DefaultGuestPool.Length
            && network.RangesFor(Guest).Where(range => range.IsV4).All(range => range == NetworkInput.DefaultGuestPool));

    /// <summary>Guests of one home share one address, of each IP family.</summary>
    private static IpPrefix? SharedBy(List<AppearanceRow> kept, NetworkRow network, int homeId, IpPrefix of) =>
        kept.Find(row => row.Kind == Guest && row.NetworkId == network.Id && row.HomeId == homeId && row.At.IsV4 == of.IsV4 && IsHost(row))?.At;

    private static bool IsHost(AppearanceRow row) => row.At.Length == row.At.Network.BitLength;

    private static ProblemException InUse(Homes homes, NetworkRow network, IpPrefix of, AppearanceRow holder)
    {
        var (what, flag) = holder.Kind == Service ? ("what appears there", "--service-range") : ("guests", "--guest-pool");
        return new ProblemException(Refusal.Conflict(
            "target", $"{ApplicationInput.Show(of)} beyond the gateway host cannot be reached from network {network.Name}, where {holder.At} is that of {what} from network {homes.Network(holder.HomeId)?.Name}",
            $"give another target, or move these: sallyport network update {network.Name} {flag} PREFIX"));
    }

    private static NoRoomException Full(Homes homes, NetworkRow network, string kind, int homeId, IpPrefix of)
    {
        var (field, flag) = kind == Service ? ("serviceRanges", "--service-range") : ("guestPools", "--guest-pool");
        var ranges = network.RangesFor(kind).Where(range => range.IsV4 == of.IsV4).ToList();
        var what = kind == Service
            ? $"{of} of network {homes.Network(homeId)?.Name}, which is to appear in network {network.Name}"
            : $"the members of network {homes.Network(homeId)?.Name} at {of}, who are to be guests in network {network.Name}";
        var where = ranges.Count == 0
            ? $"that has no {(kind == Service ? "service range" : "guest pool")} for {(of.IsV4 ? "IPv4" : "IPv6")}"
            : $"{string.Join(", ", ranges)} {(ranges.Count == 1 ? "has" : "have")} no room";
        var share = kind == Guest ? $", or let guests share one address: sallyport network update {network.Name} --guests shared" : "";
        var (fromId, toId) = kind == Service ? (network.Id, homeId) : (homeId, network.Id);
        return new NoRoomException(
            Refusal.Conflict(field, $"{where} for {what}", $"give it more: sallyport network update {network.Name} {flag} PREFIX{share}"), fromId, toId);
    }

    /// <summary>What rules lead to from other networks.</summary>
    private static List<Crossing> Crossings(SqliteConnection sql) => sql.Query<(int, int, string, bool)>(
        """
        SELECT r.network_id, a.network_id, a.target, max(r.effect = 'allow') FROM rules r JOIN applications a ON a.id = r.application_id
            OR (a.network_id = r.target_network_id AND EXISTS (SELECT 1 FROM json_each(a.groups) g WHERE g.value = r.application_group))
        WHERE r.network_id IS NOT NULL AND r.network_id <> a.network_id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """).Select(row => new Crossing(row.Item1, row.Item2, ApplicationInput.ParseTarget(row.Item3), row.Item4)).ToList();

    /// <param name="IsAllowed">A rule allows it, be it not now.</param>
    private sealed record Crossing(int FromId, int ToId, IpPrefix Target, bool IsAllowed);

    /// <summary>The networks with what is in them, read when first asked for.</summary>
    private sealed class Homes(SqliteConnection sql)
    {
        private readonly Dictionary<int, NetworkRow?> networks = [];
        private readonly Dictionary<int, List<IpPrefix>> places = [];
        private readonly Dictionary<int, HashSet<IpPrefix>> targets = [];

        public NetworkRow? Network(int id)
        {
            if (!networks.TryGetValue(id, out var row))
            {
                networks[id] = row = NetworkRow.Find(sql, id);
            }

            return row;
        }

        public bool IsEgress(int id) => Network(id) is { } network && EgressNetwork.Is(network);

        /// <summary>Whether what was given out still stands for something, in the way that its network wants.</summary>
        public bool Still(AppearanceRow row)
        {
            if (Network(row.NetworkId) is not { } network || Network(row.HomeId) is null)
            {
                return false;
            }

            var isThere = row.Kind == Service ? Targets(row.HomeId).Contains(row.Of) : Places(row.HomeId).Contains(row.Of);
            var isInRange = row.Kind == Service && IsEgress(row.HomeId) ? row.At == row.Of : network.RangesFor(row.Kind).Any(range => range.Contains(row.At));
            var isAsWanted = row.Kind == Service || (Share(network, row.Of) ? IsHost(row) : row.At.Length == row.Of.Length);
            return isThere && isInRange && isAsWanted;
        }

        public IEnumerable<(string Kind, int NetworkId, int HomeId, IpPrefix Of)> WantedBy(Crossing crossing)
        {
            yield return (Service, crossing.FromId, crossing.ToId, crossing.Target);
            foreach (var place in Places(crossing.FromId).Where(place => place.IsV4 == crossing.Target.IsV4))
            {
                yield return (Guest, crossing.ToId, crossing.FromId, place);
            }
        }

        /// <summary>Where members of a network send from.</summary>
        private List<IpPrefix> Places(int networkId)
        {
            if (!places.TryGetValue(networkId, out var list))
            {
                var subnets = sql.Query<string>(
                    "SELECT subnets FROM identities WHERE network_id = @networkId AND kind = 'site' ORDER BY id", new { networkId });
                places[networkId] = list = [.. Network(networkId)?.Prefixes ?? [], .. subnets.SelectMany(Column.Prefixes)];
            }

            return list;
        }

        private HashSet<IpPrefix> Targets(int networkId)
        {
            if (!targets.TryGetValue(networkId, out var set))
            {
                var texts = sql.Query<string>("SELECT target FROM applications WHERE network_id = @networkId", new { networkId });
                targets[networkId] = set = [.. texts.Select(ApplicationInput.ParseTarget)];
            }

            return set;
        }
    }
}
