using System.Globalization;
using Sallyport.Control.FleetFiles;
using Sallyport.Control.Names;
using Sallyport.Core.Dns;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies.Mud;

/// <summary>One entry of an access list: RFC 8519 with what RFC 8520 adds. A condition that it does not know is kept by name, so that nobody takes the entry for wider than it is.</summary>
internal sealed class MudAceReader(string path, MudNodes nodes)
{
    private static readonly string[] Empty = ["my-controller", "local-networks", "same-manufacturer"];
    private static readonly string[] WithValue = ["controller", "manufacturer", "model"];
    private static readonly string[] Forwardings = ["accept", "drop", "reject"];
    private static readonly string[] Initiators = ["from-device", "to-device"];
    private static readonly string[] Operators = ["eq", "neq", "lte", "gte", "range"];

    private readonly List<string> others = [];

    /// <summary>Null after adding the problem.</summary>
    public static MudAce? Read(string path, FileMap ace, bool isV6, MudNodes nodes)
    {
        var name = nodes.Required(path, ace, "name", "an entry needs a name");
        var matches = nodes.Map(path, ace, "matches") ?? new FileMap(ace.At, []);
        var match = new MudAceReader($"{path}.matches", nodes).ReadMatch(matches, isV6);
        var actions = nodes.Map(path, ace, "actions");
        var forwarding = actions is null ? "" : MudNodes.Short(nodes.Text($"{path}.actions", actions, "forwarding") ?? "");
        if (Forwardings.Contains(forwarding))
        {
            return name.Length == 0 ? null : new MudAce(name, ace.At, match, forwarding == "accept");
        }

        nodes.Add($"{path}.actions.forwarding", (actions ?? ace).At, forwarding.Length == 0 ? "forwarding is missing" : $"'{Label.Shorten(forwarding)}' is no forwarding", "write accept, drop or reject");
        return null;
    }

    private MudMatch ReadMatch(FileMap matches, bool isV6)
    {
        var match = new MudMatch { IsV6 = isV6 };
        var families = new HashSet<string>();
        foreach (var pair in matches.Pairs)
        {
            var part = MudNodes.Short(pair.Key.Value);
            // One of each kind is kept: what a second one asks for would be lost.
            if (!families.Add(part is "ipv4" or "ipv6" ? "ip" : part))
            {
                others.Add($"a second part about addresses or of one name ({Label.Shorten(pair.Key.Value)})");
                continue;
            }

            if (part is not ("ipv4" or "ipv6" or "tcp" or "udp" or "icmp" or "eth" or "mud"))
            {
                others.Add(Label.Shorten(pair.Key.Value));
                continue;
            }

            if (pair.Value is not FileMap map)
            {
                nodes.Add($"{path}.{pair.Key.Value}", pair.Value.At, $"here stands {MudNodes.Said(pair.Value)} where an object is expected", $"write \"{part}\": {{ … }}");
                continue;
            }

            var below = $"{path}.{pair.Key.Value}";
            match = part switch
            {
                "ipv4" or "ipv6" => ReadAddresses(below, map, match with { IsV6 = part == "ipv6" }, part),
                "icmp" => ReadIcmp(below, map, match),
                "eth" => ReadEthernet(below, map, match),
                "mud" => match with { Classes = ReadClasses(below, map) },
                _ => ReadPorts(below, map, match, part),
            };
        }

        return match with { Others = others };
    }

    private MudMatch ReadAddresses(string below, FileMap map, MudMatch match, string part)
    {
        var (source, destination) = ($"source-{part}-network", $"destination-{part}-network");
        Keep(part, map, "protocol", "src-dnsname", "dst-dnsname", source, destination);
        var (sourceName, sourceNetwork) = ReadEnd(below, map, "src-dnsname", source);
        var (destinationName, destinationNetwork) = ReadEnd(below, map, "dst-dnsname", destination);
        return match with
        {
            Protocol = nodes.Number(below, map, "protocol", 0, 255),
            SourceName = sourceName,
            DestinationName = destinationName,
            SourceNetwork = sourceNetwork,
            DestinationNetwork = destinationNetwork,
        };
    }

    /// <summary>A name may be an address as well (RFC 8520: inet:host); then it is a network of one.</summary>
    private (string? Name, IpPrefix? Network) ReadEnd(string below, FileMap map, string nameKey, string networkKey)
    {
        var network = nodes.Text(below, map, networkKey) is { } text ? ReadPrefix(below, map, networkKey, text) : null;
        if (nodes.Text(below, map, nameKey) is not { } name)
        {
            return (null, network);
        }

        if (network is not null)
        {
            others.Add($"a name and a network of one end ({nameKey}, {networkKey})");
        }

        if (IpAddress.TryParse(name, out var address))
        {
            return (null, IpPrefix.Host(address));
        }

        var plain = name.TrimEnd('.').ToLowerInvariant();
        if (plain.StartsWith("*.", StringComparison.Ordinal) && DnsName.IsPlain(plain.AsSpan(2)))
        {
            others.Add($"the wildcard {plain}, which no MUD file has"); // whoever wrote it may mean less than all names below
        }
        else if (!DnsName.IsPlain(plain))
        {
            nodes.Add($"{below}.{nameKey}", MudNodes.Find(map, nameKey)!.Value.At, $"'{Label.Shorten(name)}' is no name", "write it like updates.vendor.example");
        }

        return (plain, network);
    }

    private IpPrefix? ReadPrefix(string below, FileMap map, string key, string text)
    {
        if (IpAddress.TryParse(text, out var address))
        {
            return IpPrefix.Host(address);
        }

        if (IpPrefix.TryParse(text, out var prefix))
        {
            return prefix;
        }

        nodes.Add($"{below}.{key}", MudNodes.Find(map, key)!.Value.At, $"'{Label.Shorten(text)}' is no prefix", "write it like 203.0.113.0/24, without bits behind its length");
        return null;
    }

    private MudMatch ReadPorts(string below, FileMap map, MudMatch match, string part)
    {
        if (match.Transport is not null)
        {
            others.Add($"{part} beside {match.Transport}");
        }

        Keep(part, map, "source-port", "destination-port", part == "tcp" ? "direction-initiated" : "");
        var initiated = part == "tcp" ? nodes.Text(below, map, "direction-initiated") : null;
        if (initiated is not null && !Initiators.Contains(initiated))
        {
            nodes.Add(
                $"{below}.direction-initiated", MudNodes.Find(map, "direction-initiated")!.Value.At, $"'{Label.Shorten(initiated)}' is no direction", "write from-device or to-device");
        }

        return match with
        {
            Transport = part,
            SourcePorts = ReadPort(below, map, "source-port"),
            DestinationPorts = ReadPort(below, map, "destination-port"),
            Initiated = initiated,
        };
    }

    /// <summary>{ operator, port } or { lower-port, upper-port }; null where the packet may have any.</summary>
    private List<(int From, int To)>? ReadPort(string below, FileMap map, string name)
    {
        if (nodes.Map(below, map, name) is not { } port)
        {
            return null;
        }

        var path = $"{below}.{name}";
        foreach (var pair in port.Pairs.Where(pair => MudNodes.Short(pair.Key.Value) is not ("operator" or "port" or "lower-port" or "upper-port")))
        {
            others.Add($"{name}.{Label.Shorten(pair.Key.Value)}");
        }

        var word = nodes.Text(path, port, "operator") ?? (MudNodes.Find(port, "port") is null ? "range" : "eq");
        if (!Operators.Contains(word))
        {
            nodes.Add($"{path}.operator", MudNodes.Find(port, "operator")!.Value.At, $"'{Label.Shorten(word)}' is no operator", "write eq, neq, lte or gte, or lower-port and upper-port");
            return [];
        }

        return word == "range" || MudNodes.Find(port, "port") is null ? ReadRange(path, port) : ReadOne(path, port, word);
    }

    private List<(int From, int To)> ReadRange(string path, FileMap port)
    {
        var lower = nodes.Number(path, port, "lower-port", 0, MudServices.PortMax);
        var upper = nodes.Number(path, port, "upper-port", 0, MudServices.PortMax);
        if (lower is null || (upper is null && MudNodes.Find(port, "upper-port") is not null))
        {
            if (MudNodes.Find(port, "lower-port") is null)
            {
                nodes.Add(path, port.At, "neither a port nor a range is here", "write { \"operator\": \"eq\", \"port\": 443 }, or lower-port and upper-port");
            }

            return [];
        }

        // RFC 8519: a lower port alone is that port.
        if (upper is { } end && end < lower)
        {
            nodes.Add(path, port.At, $"the range {lower}-{end} ends before it begins", "write the smaller one as lower-port");
            return [];
        }

        return Within(lower.Value, upper ?? lower.Value);
    }

    private List<(int From, int To)> ReadOne(string path, FileMap port, string word)
    {
        if (nodes.Number(path, port, "port", 0, MudServices.PortMax) is not { } number)
        {
            return [];
        }

        return word switch
        {
            "lte" => Within(0, number),
            "gte" => Within(number, MudServices.PortMax),
            "neq" => [.. Within(0, number - 1), .. Within(number + 1, MudServices.PortMax)],
            _ => Within(number, number),
        };
    }

    /// <summary>Nothing is at port 0.</summary>
    private static List<(int From, int To)> Within(int from, int to) => Math.Max(1, from) <= to ? [(Math.Max(1, from), to)] : [];

    private MudMatch ReadIcmp(string below, FileMap map, MudMatch match)
    {
        Keep("icmp", map, "type", "code");
        return match with { Transport = "icmp", IcmpType = nodes.Number(below, map, "type", 0, 255), IcmpCode = nodes.Number(below, map, "code", 0, 255) };
    }

    private MudMatch ReadEthernet(string below, FileMap map, MudMatch match)
    {
        Keep("eth", map, "ethertype");
        if (MudNodes.Find(map, "ethertype") is not { } pair)
        {
            return match;
        }

        var text = pair.Value is FileText said ? said.Value : "";
        var isHex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        if (int.TryParse(isHex ? text[2..] : text, isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out var type) && type is >= 0 and <= 0xffff)
        {
            return match with { Ethertype = type };
        }

        nodes.Add($"{below}.ethertype", pair.Value.At, $"here stands {MudNodes.Said(pair.Value)} where an ethertype is expected", "write it like \"0x0800\"");
        return match;
    }

    private List<MudClass> ReadClasses(string below, FileMap map)
    {
        Keep("ietf-mud:mud", map, [.. Empty, .. WithValue]);
        var classes = new List<MudClass>();
        foreach (var pair in map.Pairs)
        {
            var kind = MudNodes.Short(pair.Key.Value);
            if (Empty.Contains(kind))
            {
                // The empty type of YANG is [null] in JSON (RFC 7951 section 6.9).
                if (pair.Value is FileText { IsNothing: true } or FileList { Items: [] or [FileText { IsNothing: true }] })
                {
                    classes.Add(new MudClass(kind, ""));
                }
                else
                {
                    nodes.Add($"{below}.{kind}", pair.Value.At, $"here stands {MudNodes.Said(pair.Value)}, and {kind} has no value", "write [null]");
                }
            }
            else if (WithValue.Contains(kind) && nodes.Required(below, map, kind, kind == "controller" ? "name the class of controllers by its URI" : $"say which {kind}") is { Length: > 0 } value)
            {
                classes.Add(new MudClass(kind, value));
            }
        }

        return classes;
    }

    private void Keep(string part, FileMap map, params ReadOnlySpan<string> known)
    {
        var seen = new HashSet<string>();
        foreach (var pair in map.Pairs)
        {
            var name = MudNodes.Short(pair.Key.Value);
            if (!known.Contains(name) || !seen.Add(name))
            {
                others.Add($"{part}.{Label.Shorten(name)}");
            }
        }
    }
}
