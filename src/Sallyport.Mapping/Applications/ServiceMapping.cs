using System.Globalization;
using Sallyport.Core.Policy;

namespace Sallyport.Mapping.Applications;

/// <summary>"tcp/8883", "udp/5000-5010", "icmp".</summary>
public static class ServiceMapping
{
    /// <summary>"icmp" stands for echo of both families.</summary>
    public static IReadOnlyList<Service> Of(string text)
    {
        if (text == "icmp")
        {
            return [new Service(IpProtocol.Icmp, 0, 0), new Service(IpProtocol.IcmpV6, 0, 0)];
        }

        var parts = text.Split('/');
        var protocol = parts[0] switch
        {
            "tcp" => IpProtocol.Tcp,
            "udp" => IpProtocol.Udp,
            _ => throw FleetMapping.Unknown("service", text),
        };
        var ports = parts.Length == 2 ? parts[1].Split('-') : [];
        return ports.Length switch
        {
            1 => [new Service(protocol, Port(ports[0]), Port(ports[0]))],
            2 => [new Service(protocol, Port(ports[0]), Port(ports[1]))],
            _ => throw FleetMapping.Unknown("service", text),
        };
    }

    private static ushort Port(string text) => ushort.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}
