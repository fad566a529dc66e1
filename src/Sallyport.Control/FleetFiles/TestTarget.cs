using System.Globalization;
using Sallyport.Control.Policies;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.FleetFiles;

/// <summary>One address and service that a test of a file is about.</summary>
/// <param name="NetworkId">In which the address is meant; null for the sender's.</param>
/// <param name="Protocol">"tcp", "udp" or "icmp".</param>
internal sealed record TestTarget(string Text, int? NetworkId, IpAddress Address, string Protocol, ushort Port)
{
    /// <summary>Whether the sender is taken to have been told the address for every name: what could be reached.</summary>
    public required bool AssumesNames { get; init; }

    public TiedNames Names => AssumesNames ? TiedNames.Assumed : default;

    /// <param name="service">"tcp/8883" or "icmp".</param>
    public static TestTarget Of(string text, int? networkId, IpAddress address, string service, bool assumesNames) =>
        Of(service == "icmp" ? $"icmp {text}" : $"{text} {service}", networkId, address, service, PortsOf(service)[0], assumesNames);

    /// <summary>A service by its first and its last port.</summary>
    public static IEnumerable<TestTarget> EndsOf(int networkId, IpAddress address, string service) =>
        PortsOf(service).Select(port => Of(
            service == "icmp" ? $"icmp {address}" : $"{service[..3]} {address} port {port}", networkId, address, service, port, assumesNames: true));

    public IpProtocol NumberFor(IpAddress destination) => ServiceText.ProtocolOf(Protocol, destination);

    private static TestTarget Of(string said, int? networkId, IpAddress address, string service, string port, bool assumesNames) =>
        new(said, networkId, address, service == "icmp" ? service : service[..3], ushort.Parse(port, CultureInfo.InvariantCulture)) { AssumesNames = assumesNames };

    private static string[] PortsOf(string service) => service == "icmp" ? ["0"] : service[4..].Split('-');
}
