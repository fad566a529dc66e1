using System.Net;
using Sallyport.Api.Applications;
using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Host;

/// <summary>
/// Two networks with the same prefix, and services on the gateway's machine: TCP and UDP echo at the host's address in the first network,
/// and one on every address.
/// </summary>
public abstract class HostFixture : FleetFixture
{
    public const string Device = "sallyport0";
    public const int Port = 8080;
    public const int OtherPort = 8081;
    public const string Plant = "plant";
    public const string Twin = "twin";

    /// <summary>The gateway host inside either network.</summary>
    public static IPAddress Host { get; } = IPAddress.Parse("10.20.0.1");

    /// <summary>The host's handles, by network.</summary>
    public IReadOnlyDictionary<string, IPAddress> Handles { get; private set; } = new Dictionary<string, IPAddress>();

    public TcpEcho Service { get; private set; } = null!;

    public TcpEcho Everywhere { get; private set; } = null!;

    protected override async Task Prepare()
    {
        foreach (var network in new[] { Plant, Twin })
        {
            await Client.AddNetworkAsync(new NetworkCreate { Name = network, Prefixes = ["10.20.0.0/16"] });
            await Client.AddApplicationAsync(new ApplicationCreate { Name = $"dashboard-{network}", Host = network, Services = [$"tcp/{Port}", $"udp/{Port}", "icmp"] });
        }

        await Eventually.True(() => AddressesOnHost().Count == 2, "the host's handles");
        var addresses = AddressesOnHost();
        Handles = new Dictionary<string, IPAddress> { [Plant] = addresses[0], [Twin] = addresses[1] };
        Service = Own(new TcpEcho(Topology.Gateway, Handles[Plant], Port));
        Own(new UdpEcho(Topology.Gateway, Handles[Plant], Port));
        Everywhere = Own(new TcpEcho(Topology.Gateway, IPAddress.IPv6Any, OtherPort));
    }

    public List<IPAddress> AddressesOnHost() =>
    [
        .. Topology.Gateway.Execute("ip", "-6", "-o", "addr", "show", "dev", Device).Output.Split('\n')
            .Where(line => line.Contains("inet6 fd", StringComparison.Ordinal))
            .Select(line => IPAddress.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3].Split('/')[0]))
            .OrderBy(address => address.ToString(), StringComparer.Ordinal),
    ];

    /// <summary>A device of a network that is connected, and what it may reach there.</summary>
    public async Task<(Namespace Where, OpenVpnProcess Client, IPAddress Address)> Connect(string name, string network, bool allowed)
    {
        var created = await AddDevice(name, network);
        if (allowed)
        {
            await Client.AddRuleAsync(new() { From = $"device:{name}", To = $"application:dashboard-{network}" });
        }

        var where = NewHost(name);
        var client = Own(new OpenVpnProcess(where, created.Profile!.Text));
        await Connected(client);
        return (where, client, IPAddress.Parse(created.Device.Addresses[0]));
    }

    /// <summary>Asks until there is an answer.</summary>
    public static async Task<T> Until<T>(Func<Task<T?>> ask, string what)
        where T : class
    {
        for (var tries = 0; tries < 100; tries++)
        {
            if (await ask() is { } answer)
            {
                return answer;
            }

            await Task.Delay(100);
        }

        throw new TimeoutException(what);
    }

    /// <summary>How the host calls an address of a network.</summary>
    public IPAddress HandleOf(string network, IPAddress address)
    {
        var bytes = Handles[network].GetAddressBytes();
        address.GetAddressBytes().CopyTo(bytes, 12);
        return new IPAddress(bytes);
    }
}

/// <summary>As the kernel can, one packet thread.</summary>
public sealed class PlainHost : HostFixture
{
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string> { ["SALLYPORT_GATEWAY_PACKET_THREADS"] = "1" };
}

/// <summary>The slower path: one packet at a time, checksums by the kernel.</summary>
public sealed class HostWithoutOffloads : HostFixture
{
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["SALLYPORT_GATEWAY_PACKET_THREADS"] = "1",
        ["SALLYPORT_GATEWAY_TUN_OFFLOADS"] = "off",
    };
}

/// <summary>Two packet threads, a queue each.</summary>
public sealed class HostOfTwoThreads : HostFixture
{
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string> { ["SALLYPORT_GATEWAY_PACKET_THREADS"] = "2" };
}
