using System.Net;

namespace Sallyport.Harness;

/// <summary>
/// A star around a bridge, the "internet": 10.99.0.0/24 and fd99::/64.
/// <code>
///              bridge
///      ┌────────┬─┴──────┬─────────┐
///   gateway  device-a  device-b   site ── application host 192.168.50.10 (and .11)
///      .1       .11       .12      .20
/// </code>
/// Made as it is needed: only the gateway exists from the start.
/// </summary>
public sealed class Topology : IDisposable
{
    public const string Outer = "outer";
    public const string GatewayV4 = "10.99.0.1";
    public const string GatewayV6 = "fd99::1";
    public const int SiteHost = 20;

    /// <summary>What the site carries, and two hosts in it.</summary>
    public const string SiteSubnet = "192.168.50.0/24";

    private readonly List<Namespace> namespaces = [];
    private readonly Namespace bridge;
    private int ports;

    public Topology()
    {
        try
        {
            bridge = Make("net");
            bridge.Batch("link add br0 type bridge forward_delay 0 mcast_snooping 0", "link set br0 up");
            Gateway = Attach("gateway", 1);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public static IPAddress Application { get; } = IPAddress.Parse("192.168.50.10");

    public static IPAddress OtherHost { get; } = IPAddress.Parse("192.168.50.11");

    public Namespace Gateway { get; }

    /// <summary>A namespace at 10.99.0.<paramref name="host"/> and fd99::<paramref name="host"/>.</summary>
    public Namespace Attach(string role, int host)
    {
        var made = Make(role);
        var port = $"p{++ports}";
        Namespace.Connect(made, Outer, bridge, port);
        bridge.Batch($"link set {port} master br0");
        made.AddAddress(Outer, $"10.99.0.{host}/24");
        made.AddAddress(Outer, $"fd99::{host}/64");
        return made;
    }

    /// <summary>A site router with two hosts of its own, at the router's own addresses.</summary>
    public Namespace AttachSite(string role = "site", int host = SiteHost, params IEnumerable<string> inner)
    {
        var made = Attach(role, host);
        var addresses = inner.ToArray();
        foreach (var address in addresses.Length > 0 ? addresses : [Application + "/32", OtherHost + "/32", "fd50::10/128"])
        {
            made.AddAddress("lo", address);
        }

        return made;
    }

    /// <summary>A host on a cable of its own behind a site router, which forwards for it.</summary>
    public Namespace AttachBehind(Namespace site, string routerAddress, string hostAddress)
    {
        var made = Make("host");
        Namespace.Connect(site, "lan", made, "lan");
        site.AddAddress("lan", routerAddress);
        made.AddAddress("lan", hostAddress);
        made.Batch($"route add default via {routerAddress.Split('/')[0]}");
        site.Write("/proc/sys/net/ipv4/ip_forward", "1");
        return made;
    }

    /// <summary>A router that translates addresses, at 10.99.0.<paramref name="host"/>.</summary>
    public NatBox AttachNat(int host, string role = "nat") => new(Attach(role, host), host);

    /// <summary>A host behind it at 192.168.<paramref name="network"/>.2; its device is called as that of the others.</summary>
    public Namespace AttachBehind(NatBox box, string role, int network)
    {
        var made = Make(role);
        box.Wire(made, network);
        return made;
    }

    public void Dispose()
    {
        foreach (var made in namespaces)
        {
            made.Dispose();
        }

        namespaces.Clear();
    }

    private Namespace Make(string role)
    {
        var made = new Namespace(role);
        namespaces.Add(made);
        return made;
    }
}
