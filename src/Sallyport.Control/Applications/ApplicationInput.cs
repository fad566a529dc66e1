using System.Globalization;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Names;
using Sallyport.Core.Dns;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Mapping.Applications;

namespace Sallyport.Control.Applications;

/// <summary>Reads services and targets, and says what is wrong with one.</summary>
internal static class ApplicationInput
{
    private const int NamesMax = 64; // as those

    private const int ServicesMax = 64; // the decision walks them
    private const int GroupsMax = 32;

    /// <summary>Canonical texts: "tcp/8883", "udp/5000-5010", "icmp".</summary>
    public static IReadOnlyList<string> ReadServices(IReadOnlyList<string>? texts, ProblemList problems)
    {
        if (texts is null or [])
        {
            problems.Add("services", "the services are missing", "name at least one: tcp/8883, udp/5000-5010 or icmp");
            return [];
        }

        if (texts.Count > ServicesMax)
        {
            problems.Add("services", $"{texts.Count} services are too many", $"use at most {ServicesMax}; ports may be ranges");
            return [];
        }

        var services = new List<string>();
        for (var i = 0; i < texts.Count; i++)
        {
            if (ReadService(texts[i] ?? "", $"services[{i}]", problems) is not { } service)
            {
                continue;
            }

            if (services.Contains(service))
            {
                problems.Add($"services[{i}]", $"{service} is there twice", "leave one out");
                continue;
            }

            services.Add(service);
        }

        return services;
    }

    /// <summary>Names of groups, each once.</summary>
    public static IReadOnlyList<string> ReadGroups(IReadOnlyList<string> groups, ProblemList problems)
    {
        if (groups.Count > GroupsMax)
        {
            problems.Add("groups", $"{groups.Count} groups are too many", $"use at most {GroupsMax}");
        }

        for (var i = 0; i < Math.Min(groups.Count, GroupsMax); i++)
        {
            Label.Check(groups[i], $"groups[{i}]", problems);
        }

        return [.. groups.Distinct(StringComparer.Ordinal)];
    }

    /// <summary>The target inside what the owner carries; null after adding the problem.</summary>
    /// <param name="isNamed">It has names: then all that they stand for is meant where nothing narrower is.</param>
    public static IpPrefix? ReadTarget(string? text, bool isNamed, IdentityRow owner, ProblemList problems)
    {
        if (IsEgress(owner))
        {
            return ReadEgressTarget(text, isNamed, problems);
        }

        if (string.IsNullOrEmpty(text))
        {
            // Its own address is what "the device itself" means.
            if ((owner.AddressV4 ?? owner.AddressV6) is { } own)
            {
                return IpPrefix.Host(own);
            }

            problems.Add("target", $"the target is missing, and {owner.Kind} {owner.Name} has no address of its own", "give the address");
            return null;
        }

        IpPrefix target;
        if (IpAddress.TryParse(text, out var address))
        {
            target = IpPrefix.Host(address);
        }
        else if (!Networks.PrefixInput.TryRead(text, "target", problems, out target))
        {
            return null;
        }

        if (IsCarried(owner, owner.Subnets, target))
        {
            return target;
        }

        var carried = owner.Subnets.Select(subnet => subnet.ToString())
            .Concat(new[] { owner.AddressV4, owner.AddressV6 }.Where(own => own is not null).Select(own => own!.Value.ToString()));
        problems.Add("target", $"{Show(target)} is not carried by {owner.Kind} {owner.Name}", $"it carries {string.Join(", ", carried)}");
        return null;
    }

    /// <summary>Whether it carries what lies beyond the gateway host.</summary>
    public static bool IsEgress(IdentityRow owner) => owner.Kind == HostIdentity.Kind && owner.Subnets.Count > 0;

    /// <summary>Canonical names, "ntp.example" or "*.vendor.example".</summary>
    public static IReadOnlyList<string> ReadNames(IReadOnlyList<string>? texts, IdentityRow owner, ProblemList problems)
    {
        if (texts is null or [])
        {
            return [];
        }

        if (!IsEgress(owner))
        {
            problems.Add("names", $"names are for what lies beyond the gateway host, not for {owner.Kind} {owner.Name}", "leave them out, or put it there: host=internet");
            return [];
        }

        if (texts.Count > NamesMax)
        {
            problems.Add("names", $"{texts.Count} names are too many", $"use at most {NamesMax}, or a wildcard");
            return [];
        }

        var names = new List<string>();
        for (var i = 0; i < texts.Count; i++)
        {
            var name = (texts[i] ?? "").TrimEnd('.').ToLowerInvariant();
            if (!DnsName.IsPlain(NamePattern.DomainOf(name)))
            {
                problems.Add($"names[{i}]", $"'{Label.Shorten(texts[i] ?? "")}' is not a name", "write ntp.example, or *.vendor.example for all names below");
                continue;
            }

            if (!names.Contains(name))
            {
                names.Add(name);
            }
        }

        return names;
    }

    private static IpPrefix? ReadEgressTarget(string? text, bool isNamed, ProblemList problems)
    {
        if (string.IsNullOrEmpty(text))
        {
            if (!isNamed)
            {
                problems.Add("target", "neither a target nor a name is given", "give an address, a prefix such as 203.0.113.0/24, a name, or 0.0.0.0/0 for the whole internet");
                return null;
            }

            return Egress.Everything;
        }

        if ((IpAddress.TryParse(text, out var address) ? IpPrefix.Host(address) : IpPrefix.TryParse(text, out var prefix) ? prefix : (IpPrefix?)null) is not { } target)
        {
            problems.Add("target", $"'{Label.Shorten(text)}' is no address and no prefix", "write 203.0.113.10 or 203.0.113.0/24; names go into names");
            return null;
        }

        if (!target.IsV4)
        {
            problems.Add("target", $"{Show(target)} is IPv6, and what lies beyond the gateway host is reached by IPv4", "give an IPv4 target");
            return null;
        }

        if (Egress.IsNever(target))
        {
            problems.Add("target", $"{Show(target)} is the gateway host itself, a link or a group", "give an address of somebody else; for services of the host name its network: host=NETWORK");
            return null;
        }

        return target;
    }

    public static bool IsCarried(IdentityRow owner, IReadOnlyList<IpPrefix> subnets, IpPrefix target) =>
        (owner.AddressV4 is { } v4 && target == IpPrefix.Host(v4))
        || (owner.AddressV6 is { } v6 && target == IpPrefix.Host(v6))
        || subnets.Any(subnet => subnet.Contains(target));

    public static IpPrefix TargetOf(ApplicationRow application) => ParseTarget(application.Target);

    public static IpPrefix ParseTarget(string text) => ApplicationMapping.Target(text);

    /// <summary>One address is written without its length.</summary>
    public static string Show(IpPrefix target) => target.Length == target.Network.BitLength ? target.Network.ToString() : target.ToString();

    private static string? ReadService(string text, string field, ProblemList problems)
    {
        var shown = Label.Shorten(text);
        var lower = text.ToLowerInvariant();
        if (lower == "icmp")
        {
            return "icmp";
        }

        var slash = lower.IndexOf('/', StringComparison.Ordinal);
        var protocol = slash < 0 ? lower : lower[..slash];
        if (protocol is not ("tcp" or "udp"))
        {
            problems.Add(field, $"'{shown}' is not a service", "write tcp/8883, udp/5000-5010 or icmp");
            return null;
        }

        if (slash < 0)
        {
            problems.Add(field, $"'{shown}' has no port", $"write {protocol}/8883");
            return null;
        }

        var ports = lower[(slash + 1)..];
        var dash = ports.IndexOf('-', StringComparison.Ordinal);
        if (ReadPort(dash < 0 ? ports : ports[..dash], field, problems) is not { } from)
        {
            return null;
        }

        if (dash < 0)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{protocol}/{from}");
        }

        if (ReadPort(ports[(dash + 1)..], field, problems) is not { } to)
        {
            return null;
        }

        if (to < from)
        {
            problems.Add(field, $"the range {from}-{to} ends before it begins", $"did you mean {protocol}/{to}-{from}?");
            return null;
        }

        return from == to
            ? string.Create(CultureInfo.InvariantCulture, $"{protocol}/{from}")
            : string.Create(CultureInfo.InvariantCulture, $"{protocol}/{from}-{to}");
    }

    private static int? ReadPort(string text, string field, ProblemList problems)
    {
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            problems.Add(field, $"'{Label.Shorten(text)}' is not a port", "use a number from 1 to 65535");
            return null;
        }

        if (port is 0 or > 65535)
        {
            problems.Add(field, $"port {port} does not exist", "use a number from 1 to 65535");
            return null;
        }

        return (int)port;
    }
}
