using System.Collections.Immutable;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Model;
using Sallyport.Mapping.Networks;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>The configuration that an identity is sent.</summary>
internal static class Grants
{
    public static SessionGrant For(Identity identity, NetworkAccess access, GatewayModel model, uint peerId, string? authToken)
    {
        var network = model.Fleet.Network(identity.NetworkId);
        var v4 = PrefixAround(network, identity.AddressV4);
        var v6 = PrefixAround(network, identity.AddressV6);
        return new SessionGrant
        {
            Ciphers = access.Ciphers,
            AuthDigest = access.AuthDigest,
            PeerId = peerId,
            AddressV4 = v4 is null ? null : identity.AddressV4,
            NetworkV4 = v4,
            PeerV4 = v4 is { } prefix && access.IsPointToPoint ? PeerOf(access, prefix) : null,
            AddressV6 = v6 is null ? null : identity.AddressV6,
            NetworkV6 = v6,
            Routes = [.. Routes(identity, network, model, v4, v6, access.IsPointToPoint), .. access.Elsewhere.Where(range => HasFamily(identity, range)),
                .. model.Fleet.EgressWays.Of(identity)],
            RedirectGateway = access.IsDefaultRoute && identity.Kind == IdentityKind.Device && v4 is not null,
            DnsServers = HasNames(identity, network) ? [.. NameServers(network!.Dns!, v4, v6)] : [],
            DnsDomain = HasNames(identity, network) ? network!.Dns!.Suffix : null,
            PingSeconds = model.Settings.PingSeconds,
            PingRestartSeconds = model.Settings.PingRestartSeconds,
            AuthToken = authToken,
        };
    }

    /// <summary>All that an identity reaches through its tunnel, its own network with it.</summary>
    public static IEnumerable<IpPrefix> Behind(Identity identity, NetworkAccess access, GatewayModel model)
    {
        var network = model.Fleet.Network(identity.NetworkId);
        var (v4, v6) = (PrefixAround(network, identity.AddressV4), PrefixAround(network, identity.AddressV6));
        return
        [
            .. new[] { v4, v6 }.OfType<IpPrefix>(),
            .. Routes(identity, network, model, v4, v6, isPointToPoint: false),
            .. access.Elsewhere.Where(range => HasFamily(identity, range)),
            .. model.Fleet.EgressWays.Of(identity),
        ];
    }

    /// <summary>The name servers that an identity is told of, and the domain of its network; none of both for a site.</summary>
    public static (IEnumerable<IpAddress> Servers, string? Domain) Names(Identity identity, GatewayModel model)
    {
        var network = model.Fleet.Network(identity.NetworkId);
        return HasNames(identity, network)
            ? (NameServers(network!.Dns!, PrefixAround(network, identity.AddressV4), PrefixAround(network, identity.AddressV6)), network.Dns!.Suffix)
            : ([], null);
    }

    /// <summary>A site's router resolves names for a whole plant: it is not told to ask us instead.</summary>
    private static bool HasNames(Identity identity, Network? network) => identity.Kind == IdentityKind.Device && network?.Dns is not null;

    private static IEnumerable<IpAddress> NameServers(NetworkDns dns, params IEnumerable<IpPrefix?> prefixes) =>
        prefixes.OfType<IpPrefix>().Select(prefix => prefix.IsV4 && dns.FarEnd is { } end ? end : new IpAddress(prefix.First.Bits + 1));

    /// <summary>What lies behind the tunnel: the network's other prefixes and the subnets of its sites, without what is the identity's own.</summary>
    private static IEnumerable<IpPrefix> Routes(
        Identity identity, Network? network, GatewayModel model, IpPrefix? v4, IpPrefix? v6, bool isPointToPoint)
    {
        foreach (var prefix in network?.Prefixes ?? [])
        {
            // A point-to-point interface lies in no subnet.
            if ((prefix != v4 || isPointToPoint) && prefix != v6 && HasFamily(identity, prefix))
            {
                yield return prefix;
            }
        }

        var sites = model.SiteSubnets.GetValueOrDefault(
            identity.NetworkId, ImmutableSortedDictionary<int, ImmutableArray<IpPrefix>>.Empty);
        foreach (var (site, subnets) in sites)
        {
            foreach (var subnet in subnets)
            {
                if (site != identity.Id && HasFamily(identity, subnet) && !IsCovered(subnet, v4, v6))
                {
                    yield return subnet;
                }
            }
        }
    }

    /// <summary>An address that nobody has: the first of a range for other networks, which is never given out. Without a range the gateway's.</summary>
    private static IpAddress PeerOf(NetworkAccess access, IpPrefix prefix) => NetworkMapping.FarEnd(access.Elsewhere) ?? new IpAddress(prefix.First.Bits + 1);

    private static bool HasFamily(Identity identity, IpPrefix prefix) =>
        prefix.IsV4 ? identity.AddressV4 is not null : identity.AddressV6 is not null;

    private static bool IsCovered(IpPrefix subnet, IpPrefix? v4, IpPrefix? v6) =>
        (v4?.Contains(subnet) ?? false) || (v6?.Contains(subnet) ?? false);

    private static IpPrefix? PrefixAround(Network? network, IpAddress? address)
    {
        foreach (var prefix in network?.Prefixes ?? [])
        {
            if (address is { } inside && prefix.Contains(inside))
            {
                return prefix;
            }
        }

        return null;
    }
}
