using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>What lies beyond the gateway host: the internet, and the LANs of the operator that an application names.</summary>
public static class Egress
{
    /// <summary>What the network is called that stands for it. Nobody is a member of it.</summary>
    public const string Name = "internet";

    /// <summary>All of it, as the identity there carries it.</summary>
    public static readonly IpPrefix Everything = IpPrefix.Parse("0.0.0.0/0");

    /// <summary>What no packet may be sent to from here, whatever an application names: the host itself, links, groups.</summary>
    private static readonly IpPrefix[] Never = [.. Prefixes("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")];

    /// <summary>
    /// Where others than the internet are (RFC 6890): an application reaches there that names a target within, not one for the whole internet
    /// or for a name. So nobody outside can point a name at the operator's LAN.
    /// </summary>
    private static readonly IpPrefix[] Private = [.. Prefixes("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "192.0.0.0/24", "198.18.0.0/15")];

    /// <summary>Where it is decided otherwise than around.</summary>
    public static IEnumerable<IpPrefix> Ranges => Never.Concat(Private);

    /// <summary>Whether an application for the target means the destination, which lies in it.</summary>
    public static bool Means(IpPrefix target, IpAddress destination)
    {
        if (!destination.IsV4 || IsNever(destination))
        {
            return false;
        }

        foreach (var range in Private)
        {
            if (range.Contains(destination))
            {
                return range.Contains(target);
            }
        }

        return true;
    }

    /// <summary>An address that an application for the target means; its first one where it is not of what lies beyond.</summary>
    public static IpAddress ExampleOf(IpPrefix target, bool isEgress)
    {
        var first = IpAddress.FromV4(0x0100_0000);
        return isEgress && !Means(target, target.First) && target.Contains(first) ? first : target.First;
    }

    public static bool IsNever(IpAddress destination)
    {
        foreach (var range in Never)
        {
            if (range.Contains(destination))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether a target lies where nothing is ever sent.</summary>
    public static bool IsNever(IpPrefix target)
    {
        foreach (var range in Never)
        {
            if (range.Contains(target))
            {
                return true;
            }
        }

        return false;
    }

    private static IEnumerable<IpPrefix> Prefixes(params string[] texts) => texts.Select(IpPrefix.Parse);
}
