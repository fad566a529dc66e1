using System.Collections.Immutable;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Handshakes;
using Sallyport.DataPlane.Model;

namespace Sallyport.DataPlane.Ike;

/// <summary>What an identity gets that comes by IPsec.</summary>
internal static class IkeGrants
{
    private static readonly IpPrefix Everything = IpPrefix.Parse("0.0.0.0/0");

    public static IkeGrant For(Admittance admitted, NetworkAccess access, IpsecAccess ipsec, GatewayModel model)
    {
        var identity = admitted.Identity;
        var peer = model.IpsecPeers.GetValueOrDefault(identity.Id);
        var (servers, domain) = Grants.Names(identity, model);
        var isDevice = identity.Kind == IdentityKind.Device;
        var isTransport = peer?.Mode == "transport";
        IEnumerable<IpPrefix> behind = access.IsDefaultRoute && isDevice && identity.AddressV4 is not null
            ? [Everything, .. Grants.Behind(identity, access, model).Where(prefix => !prefix.IsV4)]
            : Grants.Behind(identity, access, model);
        return new IkeGrant
        {
            Tag = admitted,
            AddressV4 = identity.AddressV4,
            AddressV6 = identity.AddressV6,
            DnsServers = [.. servers],
            DnsDomain = domain,
            Local = Selectors(behind),
            Remote = Selectors(Own(identity)),
            Ike = ipsec.Ike,
            Esp = ipsec.Esp,
            Lifetimes = ipsec.Lifetimes,
            MayTransport = isTransport,
            SinglePairs = peer?.SinglePairs ?? false,
            TicketData = IkeTicketData.Write(admitted),
        };
    }

    /// <summary>What an identity may send from.</summary>
    public static IEnumerable<IpPrefix> Own(Identity identity)
    {
        foreach (var address in new[] { identity.AddressV4, identity.AddressV6 }.OfType<IpAddress>())
        {
            yield return IpPrefix.Host(address);
        }

        foreach (var subnet in identity.Subnets)
        {
            yield return subnet;
        }
    }

    /// <summary>As many as fit a payload; those that lie in another are left out.</summary>
    public static ImmutableArray<TrafficSelector> Selectors(IEnumerable<IpPrefix> prefixes)
    {
        var kept = new List<IpPrefix>();
        foreach (var prefix in prefixes)
        {
            if (kept.Exists(other => other.Contains(prefix)))
            {
                continue;
            }

            kept.RemoveAll(other => prefix.Contains(other));
            kept.Add(prefix);
        }

        return [.. kept.Take(IkeLimits.SelectorsMax).Select(TrafficSelector.Of)];
    }
}
