using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Sallyport.Api.Nodes;
using Sallyport.Control.Changes;
using Sallyport.Control.Policies;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Tunnels;

/// <summary>A member whose tunnel is up, and the routes for which it connects anew.</summary>
internal sealed record NewRoutes(IdentityModel Member, ImmutableArray<IpPrefix> Routes);

/// <summary>
/// Which tunnels connect anew for a change: because it gives their members routes to what lies beyond the gateway host, or because what all of their network are
/// sent is another. Gateways find the same by themselves: here it is said, before and after.
/// </summary>
internal sealed class RouteNews(TunnelRegistry tunnels)
{
    private const int ShownMax = 20; // in a record; it says how many there are

    public IReadOnlyList<NewRoutes> Of(FleetState before, FleetState after, ChangeSet set)
    {
        var gaining = Gaining(before, after, set.Identities.Select(identity => identity.Id));
        var known = gaining.Select(one => one.Member.Id).ToHashSet();
        return [.. gaining.Concat(OfWholeNetworks(before, after, set).Where(one => known.Add(one.Member.Id))).OrderBy(one => one.Member.Id)];
    }

    /// <summary>Ranges for other networks, the topology, the way to everything, subnets of sites.</summary>
    private IEnumerable<NewRoutes> OfWholeNetworks(FleetState before, FleetState after, ChangeSet set)
    {
        var networks = set.Networks.Select(network => before.Networks.TryGetValue(network.Id, out var old) ? Reroute.Of(old, network) : null);
        var sites = set.Identities.Where(identity => before.Identities.TryGetValue(identity.Id, out var old) ? !old.Subnets.SequenceEqual(identity.Subnets) : identity.Subnets.Count > 0)
            .Concat(set.RemovedIdentities.Select(id => before.Identities.GetValueOrDefault(id)).OfType<IdentityModel>().Where(identity => identity.Subnets.Count > 0))
            .GroupBy(site => site.NetworkId).Select(group => new Reroute(group.Key, false, group.Count() == 1 ? group.First().Id : 0));
        var reroutes = networks.OfType<Reroute>().Concat(sites).ToList();
        return reroutes.Count == 0 ? [] : tunnels.IdentitiesUp()
            .Select(id => after.Identities.GetValueOrDefault(id)).OfType<IdentityModel>()
            .Where(member => before.Identities.ContainsKey(member.Id) && reroutes.Exists(reroute => reroute.Concerns(member)))
            .Select(member => new NewRoutes(member, []));
    }

    private IReadOnlyList<NewRoutes> Gaining(FleetState before, FleetState after, IEnumerable<int> changed)
    {
        if (after.EgressWays.IsEmpty)
        {
            return [];
        }

        var change = new EgressChange(before.EgressWays, after.EgressWays);
        var asked = changed.Where(tunnels.IsUp);
        if (change.HasNews)
        {
            asked = asked.Concat(tunnels.IdentitiesUp().Where(id => after.Identities.TryGetValue(id, out var member) && change.MayConcern(id, member.NetworkId)));
        }

        return [.. asked.Distinct().Order().Select(id => Of(before, after, change, id)).OfType<NewRoutes>()];
    }

    private static NewRoutes? Of(FleetState before, FleetState after, EgressChange change, int id)
    {
        if (!before.Identities.TryGetValue(id, out var was) || !after.Identities.TryGetValue(id, out var now) || !after.Networks.TryGetValue(now.NetworkId, out var network))
        {
            return null;
        }

        var gained = change.Gained(NetworkPolicy.Identity(was), NetworkPolicy.Identity(now), NetworkPolicy.Network(network));
        return gained.IsEmpty ? null : new NewRoutes(now, gained);
    }

    /// <summary>A record, and with it an event, for each network.</summary>
    public static void Audit(Change change, FleetState fleet, IReadOnlyList<NewRoutes> news)
    {
        foreach (var network in news.GroupBy(one => one.Member.NetworkId).OrderBy(group => group.Key))
        {
            var name = fleet.Networks.TryGetValue(network.Key, out var known) ? known.Name : network.Key.ToString(CultureInfo.InvariantCulture);
            change.Audit(
                "network.reroute",
                "network:" + name,
                new JsonObject
                {
                    ["tunnels"] = network.Count(),
                    ["routes"] = Shown(network.SelectMany(one => one.Routes).Distinct().Select(route => route.ToString())),
                    ["members"] = Shown(network.Select(one => $"{one.Member.Kind}:{one.Member.Name}")),
                });
        }
    }

    /// <param name="ButId">Whose own subnets they are; 0 for nobody.</param>
    private sealed record Reroute(int NetworkId, bool IsOfDevices, int ButId)
    {
        public static Reroute? Of(NetworkModel before, NetworkModel after)
        {
            var isOfAll = before.Topology != after.Topology || !before.Elsewhere.SequenceEqual(after.Elsewhere);
            return isOfAll || before.DefaultRoute != after.DefaultRoute ? new Reroute(after.Id, !isOfAll, 0) : null;
        }

        public bool Concerns(IdentityModel member) => member.NetworkId == NetworkId && member.Id != ButId && !(IsOfDevices && member.Kind != "device");
    }

    private static JsonArray Shown(IEnumerable<string> texts) => [.. texts.Take(ShownMax).Select(text => (JsonNode)text)];
}
