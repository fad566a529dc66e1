using System.Globalization;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

/// <summary>Services as people write them: "tcp/8883", "udp/5000-5010", "icmp".</summary>
internal static class ServiceText
{
    /// <summary>"icmp" as in the family of the address; 0 for a word that policy does not speak of.</summary>
    public static IpProtocol ProtocolOf(string word, IpAddress destination) => word switch
    {
        "tcp" => IpProtocol.Tcp,
        "udp" => IpProtocol.Udp,
        "icmp" => destination.IsV4 ? IpProtocol.Icmp : IpProtocol.IcmpV6,
        _ => 0,
    };

    public static string Word(IpProtocol protocol) => protocol switch
    {
        IpProtocol.Tcp => "tcp",
        IpProtocol.Udp => "udp",
        _ => "icmp",
    };

    public static string Of(IpProtocol protocol, int from, int to)
    {
        var word = Word(protocol);
        return word == "icmp" ? word : from == to
            ? string.Create(CultureInfo.InvariantCulture, $"{word}/{from}") : string.Create(CultureInfo.InvariantCulture, $"{word}/{from}-{to}");
    }

    /// <summary>The same services in as few texts as possible: neighbouring ports are one range, and nothing is added between.</summary>
    public static IReadOnlyList<string> Merged(IEnumerable<(IpProtocol Protocol, int From, int To)> services)
    {
        var texts = new List<string>();
        foreach (var protocol in services.GroupBy(service => service.Protocol is IpProtocol.IcmpV6 ? IpProtocol.Icmp : service.Protocol).OrderBy(group => group.Key))
        {
            if (protocol.Key is IpProtocol.Icmp)
            {
                texts.Add("icmp");
                continue;
            }

            var (from, to) = (-1, -2);
            foreach (var service in protocol.OrderBy(service => service.From))
            {
                if (service.From > to + 1)
                {
                    Add(protocol.Key, from, to);
                    from = service.From;
                }

                to = Math.Max(to, service.To);
            }

            Add(protocol.Key, from, to);
        }

        return texts;

        void Add(IpProtocol protocol, int from, int to)
        {
            if (from >= 0)
            {
                texts.Add(Of(protocol, from, to));
            }
        }
    }

    /// <summary>As flags of a command: "--tcp 8883".</summary>
    public static string Flag(string service) => service == "icmp" ? "--icmp" : $"--{service.Replace('/', ' ')}";
}
