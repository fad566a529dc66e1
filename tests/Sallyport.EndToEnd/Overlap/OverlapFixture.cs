using System.Net;
using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Overlap;

/// <summary>A device of which every network has one, at one and the same address inside and out.</summary>
public sealed record Box(string Network, Namespace Where, OpenVpnProcess Client, Greeter Greeter);

/// <summary>
/// Three networks that are all 192.168.1.0/24. Each has a box at 192.168.1.10, which dials in from 192.168.1.50 behind a router that
/// translates, as at home. A ring of rules: north reaches east, east reaches west, west reaches north.
/// </summary>
public abstract class OverlapFixture : FleetFixture
{
    public const int Port = 8443;
    public const int ClosedPort = 9999;

    /// <summary>Somebody listens there, and no rule leads to it.</summary>
    public const int ForbiddenPort = 22;

    public static readonly string[] Ring = ["north", "east", "west"];

    public static IPAddress BoxAddress { get; } = IPAddress.Parse("192.168.1.10");

    public IReadOnlyDictionary<string, Box> Boxes { get; private set; } = new Dictionary<string, Box>();

    protected virtual string Guests => "each";

    /// <summary>Where the next network of the ring appears in this one.</summary>
    public IPAddress Service { get; } = IPAddress.Parse("198.18.0.1");

    public static string After(string network) => Ring[(Array.IndexOf(Ring, network) + 1) % Ring.Length];

    protected override async Task Prepare()
    {
        var boxes = new Dictionary<string, Box>();
        foreach (var network in Ring)
        {
            await Client.AddNetworkAsync(new NetworkCreate { Name = network, Prefixes = ["192.168.1.0/24"], Guests = Guests, Topology = "p2p" });
            var created = await Client.AddDeviceAsync(new DeviceCreate
            {
                Name = "box", Network = network, Addresses = [BoxAddress.ToString()], Groups = ["boxes"], Profile = new(),
            });
            await Client.AddApplicationAsync(new ApplicationCreate
            {
                Name = "greeter", Device = $"box.{network}", Services = [$"tcp/{Port}", $"udp/{Port}", $"udp/{ClosedPort}", "icmp"],
            });
            var where = NewHome(network);
            var client = Own(new OpenVpnProcess(where, created.Profile!.Text));
            await Connected(client);
            Own(new UdpEcho(where, BoxAddress, Port));
            Own(new Greeter(where, BoxAddress, ForbiddenPort, network));
            boxes.Add(network, new Box(network, where, client, Own(new Greeter(where, BoxAddress, Port, network))));
        }

        foreach (var network in Ring)
        {
            await Client.AddRuleAsync(new RuleCreate { From = "group:boxes", FromNetwork = network, To = $"application:greeter.{After(network)}" });
        }

        Boxes = boxes;
    }

    /// <summary>A host in a LAN that is 192.168.1.0/24 itself, behind a router with an outer address.</summary>
    private Namespace NewHome(string network)
    {
        var router = NewHost($"router-{network}");
        var host = Topology.AttachBehind(router, "192.168.1.1/24", "192.168.1.50/24");
        var translated = router.Execute("nft", "add table ip home; add chain ip home out { type nat hook postrouting priority 100; }; add rule ip home out oifname outer masquerade");
        translated.ExitCode.ShouldBe(0, translated.All);
        return host;
    }
}

/// <summary>Every guest has an address of his own; one packet thread.</summary>
public sealed class OverlapOfGuestsEach : OverlapFixture
{
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string> { ["SALLYPORT_GATEWAY_PACKET_THREADS"] = "1" };
}

/// <summary>Guests share one address; two packet threads.</summary>
public sealed class OverlapOfSharedGuests : OverlapFixture
{
    protected override string Guests => "shared";

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string> { ["SALLYPORT_GATEWAY_PACKET_THREADS"] = "2" };
}
