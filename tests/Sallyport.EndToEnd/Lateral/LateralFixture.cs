using System.Diagnostics;
using System.Net;
using Sallyport.Api.Applications;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Lateral;

/// <summary>
/// A plant with a site, a neighbour that listens and is worth a visit, and the gateway's machine as an application's host; another network
/// whose application appears in the plant; and one device with one permission: TCP to one port of the site.
/// </summary>
public sealed class LateralFixture : FleetFixture
{
    public const string Plant = "plant";
    public const string East = "east";
    public const int HostPort = 8080;
    private const string Tun = "sallyport0";
    private readonly List<(string Name, Namespace Where)> watched = [];
    private readonly Stopwatch running = Stopwatch.StartNew();

    public TimeSpan Running => running.Elapsed;

    /// <summary>The compromised one.</summary>
    public Namespace Inside { get; private set; } = null!;

    public IReadOnlyList<string> InsideAddresses { get; private set; } = [];

    public IReadOnlyList<string> NeighbourAddresses { get; private set; } = [];

    public TestApplication Application { get; private set; } = null!;

    /// <summary>Of the neighbour to the application next to the granted one.</summary>
    public Load Honest { get; private set; } = null!;

    /// <summary>Of the gateway's machine in the plant.</summary>
    public IPAddress HostHandle { get; private set; } = IPAddress.IPv6None;

    /// <summary>The device's tunnel interface.</summary>
    public static string TunOf(Namespace where) => where.Run(() => Directory.EnumerateFileSystemEntries("/proc/sys/net/ipv4/conf")
        .Select(path => Path.GetFileName(path)!).Single(name => name.StartsWith("tun", StringComparison.Ordinal)));

    /// <summary>Packets that came out of a tunnel at who is watched and were neither for the granted service nor an answer, by whose.</summary>
    public IReadOnlyDictionary<string, long> Strays() => watched.ToDictionary(each => each.Name, each => CounterOf(each.Where));

    protected override async Task Prepare()
    {
        var site = await AddNetworkWithSite(new NetworkCreate { Name = Plant, Prefixes = ["10.20.0.0/24", "fd00:20::/64"], Dns = new() });
        var east = await AddNetworkWithSite(new NetworkCreate { Name = East, Prefixes = ["10.20.0.0/24"] });
        Application = site.Application;
        await Client.AddApplicationAsync(new ApplicationCreate
        {
            Name = "granted", Site = site.Name, Target = Topology.Application.ToString(), Services = [$"tcp/{TestApplication.Port}"],
        });
        await Client.AddApplicationAsync(new ApplicationCreate { Name = "dashboard", Host = Plant, Services = [$"tcp/{HostPort}", "icmp"] });
        await AddNeighbour();
        await AddInside();

        // What the other network offers appears in the plant, and the neighbour is a guest there.
        await Client.AddRuleAsync(new RuleCreate { From = "device:neighbour", To = $"application:historian-{East}.{East}" });
        await Client.AddRuleAsync(new RuleCreate { From = $"site:{east.Name}", To = $"application:historian-{Plant}.{Plant}" });
        Watch(
            "the site", site.Where, TunOf(site.Where), $"ip saddr {NeighbourAddresses[0]} accept",
            $"ip saddr {InsideAddresses[0]} ip daddr {Topology.Application} tcp dport {TestApplication.Port} accept");
        Watch("the other network's site", east.Where, TunOf(east.Where));
        Watch("the gateway's machine", Topology.Gateway, Tun);
    }

    private async Task AddNeighbour()
    {
        var created = await AddDevice("neighbour", Plant);
        await Allow("neighbour", Plant);
        await Client.AddApplicationAsync(new ApplicationCreate { Name = "modbus", Device = "neighbour", Services = ["tcp/502"] });
        NeighbourAddresses = created.Device.Addresses;
        var host = NewHost("neighbour");
        await Connected(Own(new OpenVpnProcess(host, created.Profile!.Text)));
        foreach (var port in new[] { 22, 502, 8883 })
        {
            Own(new TcpEcho(host, IPAddress.Parse(NeighbourAddresses[0]), port));
            Own(new UdpEcho(host, IPAddress.Parse(NeighbourAddresses[0]), port));
        }

        Honest = await Load.Start(host);
        Own(new Ending(Honest));
        Watch("the neighbour", host, TunOf(host), $"ip saddr {Topology.Application} accept");
    }

    private async Task AddInside()
    {
        var created = await AddDevice("inside", Plant);
        await Client.AddRuleAsync(new RuleCreate { From = "device:inside", To = "application:granted" });
        InsideAddresses = created.Device.Addresses;
        Inside = NewHost("inside");
        await Connected(Own(new OpenVpnProcess(Inside, created.Profile!.Text)));
        HostHandle = await HandleOfHost();
        var bytes = HostHandle.GetAddressBytes();
        bytes.AsSpan(6).Clear();
        Inside.Batch($"route add {new IPAddress(bytes)}/48 dev {TunOf(Inside)}");
    }

    private async Task<IPAddress> HandleOfHost()
    {
        IPAddress? found = null;
        await Eventually.True(() => (found = HandlesOnHost().FirstOrDefault()) is not null, "the host's handle");
        Own(new TcpEcho(Topology.Gateway, found!, HostPort));
        Own(new TcpEcho(Topology.Gateway, IPAddress.IPv6Any, HostPort + 1));
        return found!;
    }

    private IEnumerable<IPAddress> HandlesOnHost() => Topology.Gateway.Execute("ip", "-6", "-o", "addr", "show", "dev", Tun).Output.Split('\n')
        .Where(line => line.Contains("inet6 fd", StringComparison.Ordinal))
        .Select(line => IPAddress.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3].Split('/')[0]));

    /// <summary>Counts what comes out of the tunnel of a namespace and is not meant to. Neighbour discovery and the like never cross.</summary>
    private void Watch(string name, Namespace where, string device, params IEnumerable<string> expected)
    {
        string[] lines =
        [
            "table inet watch {",
            "  chain arriving {",
            "    type filter hook prerouting priority -400;",
            $"    iifname != \"{device}\" accept",
            .. expected,
            "    counter name strays",
            "  }",
            "  counter strays { }",
            "}",
        ];
        var file = Path.GetTempFileName();
        File.WriteAllLines(file, lines);
        var made = where.Execute("nft", "-f", file);
        File.Delete(file);
        made.ExitCode.ShouldBe(0, made.All);
        watched.Add((name, where));
    }

    private static long CounterOf(Namespace where)
    {
        var words = where.Execute("nft", "list", "counter", "inet", "watch", "strays").Output.Split([' ', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries);
        return long.Parse(words[Array.IndexOf(words, "packets") + 1], System.Globalization.CultureInfo.InvariantCulture);
    }

    private sealed class Ending(Load load) : IDisposable
    {
        public void Dispose() => load.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
