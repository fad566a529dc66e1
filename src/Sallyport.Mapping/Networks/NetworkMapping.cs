using System.Collections.Immutable;
using Sallyport.Api.Nodes;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Mapping.Networks;

public static class NetworkMapping
{
    /// <param name="zone">What all names of the installation end with; null where nobody is going to ask for names.</param>
    public static Network Of(NetworkModel dto, string? zone) => new(dto.Id, dto.Name, [.. dto.Prefixes.Select(IpPrefix.Parse)])
    {
        IsDefaultRoute = dto.DefaultRoute,
        Dns = dto.Dns is { } dns && zone is not null
            ? new NetworkDns(zone, $"{dto.Name}.{zone}", [.. dns.Forward.Select(Forward).OrderByDescending(forward => forward.Domain.Length)])
            {
                FarEnd = dto.Topology == "p2p" ? FarEnd([.. dto.Elsewhere.Select(IpPrefix.Parse)]) : null,
            }
            : null,
    };

    /// <summary>
    /// Where the other end of point-to-point interfaces is: an address that nobody has, the first of a range for other networks, which is never given
    /// out. Null in a network where nothing of others appears.
    /// </summary>
    public static IpAddress? FarEnd(ImmutableArray<IpPrefix> elsewhere)
    {
        foreach (var range in elsewhere)
        {
            if (range.IsV4)
            {
                return range.First;
            }
        }

        return null;
    }

    private static DnsForward Forward(string text) =>
        ForwardText.TryParse(text, out var forward, out _) ? forward : throw FleetMapping.Unknown("forwarding of names", text);
}
