using Microsoft.Data.Sqlite;
using Sallyport.Control.Identities;
using Sallyport.Control.Networks;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Ipsec;

/// <summary>Traffic selectors that a profile has: on the peer's side what it carries, on the gateway's what a profile of OpenVPN would route.</summary>
internal static class IpsecSelectors
{
    private static readonly IpPrefix EverythingV4 = IpPrefix.Parse("0.0.0.0/0");
    private static readonly IpPrefix EverythingV6 = IpPrefix.Parse("::/0");

    /// <summary>A device's own addresses, a site's subnets.</summary>
    public static IReadOnlyList<IpPrefix> Local(IdentityRow identity) => identity.Subnets.Count > 0
        ? identity.Subnets
        : [.. new[] { identity.AddressV4, identity.AddressV6 }.OfType<IpAddress>().Select(address => IpPrefix.Parse($"{address}/{address.BitLength}"))];

    /// <summary>Inside a transaction: as of now. Who connects later is told by the gateway what there is then, as far as it asks for it.</summary>
    /// <param name="beyond">Prefixes beyond the gateway host that rules allow it.</param>
    public static IReadOnlyList<IpPrefix> Remote(SqliteConnection sql, IdentityRow identity, NetworkRow network, IEnumerable<IpPrefix> beyond)
    {
        var (v4, v6) = (HasFamily(identity, v4: true), HasFamily(identity, v4: false));
        if (network.DefaultRoute && identity.Kind == "device")
        {
            return [.. new[] { (v4, EverythingV4), (v6, EverythingV6) }.Where(one => one.Item1).Select(one => one.Item2)];
        }

        var all = network.Prefixes
            .Concat(IdentityRow.InNetwork(sql, network.Id).Where(other => other.Kind == "site" && other.Id != identity.Id).SelectMany(site => site.Subnets))
            .Concat(network.Elsewhere)
            .Concat(beyond)
            .Where(prefix => prefix.IsV4 ? v4 : v6);
        var kept = new List<IpPrefix>();
        foreach (var prefix in all)
        {
            if (!kept.Exists(one => one.Contains(prefix)))
            {
                kept.Add(prefix);
            }
        }

        return kept;
    }

    private static bool HasFamily(IdentityRow identity, bool v4) => identity.Subnets.Count > 0
        ? identity.Subnets.Any(subnet => subnet.IsV4 == v4) : (v4 ? identity.AddressV4 : identity.AddressV6) is not null;
}
