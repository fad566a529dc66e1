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
/// Which tunnels connect anew for a change, because it gives their members routes to what lies beyond the gateway host. Gateways find the same by themselves:
/// here it is said, before and after.
/// </summary>
internal sealed class RouteNews(TunnelRegistry tunnels)
{
    private const int ShownMax = 20; // in a record; it says how many there are

    /// <param name="changed">Identities that are others than before.</param>
    public IReadOnlyList<NewRoutes> Of(FleetState before, FleetState after, IEnumerable<int> changed)
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

    private static JsonArray Shown(IEnumerable<string> texts) => [.. texts.Take(ShownMax).Select(text => (JsonNode)text)];
}
