namespace Sallyport.Harness;

/// <summary>
/// A router of the mobile kind between the "internet" and hosts with private addresses: each UDP flow gets a source port of its own
/// from the whole range, so that nothing arrives from 500 or 4500.
/// </summary>
public sealed class NatBox
{
    private const string Rules = """
        table ip nat {
            chain out {
                type nat hook postrouting priority 100;
                oifname outer meta l4proto { tcp, udp } masquerade to :20000-60000 random
                oifname outer masquerade
            }
        }
        """;

    private readonly Namespace router;
    private string outside;
    private int hosts;

    internal NatBox(Namespace router, int host)
    {
        this.router = router;
        outside = Address(host);
        router.Write("/proc/sys/net/ipv4/ip_forward", "1");
        var made = Shell.TryRunWith("ip", ["netns", "exec", router.Name, "nft", "-f", "-"], input: Rules);
        if (made.ExitCode != 0)
        {
            throw new InvalidOperationException($"nft: {made.All}");
        }
    }

    public static string? Missing => Requirements.HasTool("nft") ? null : "'nft' is not installed: apt-get install nftables";

    /// <summary>Where its hosts seem to be.</summary>
    public string OutsideAddress => outside.Split('/')[0];

    /// <summary>Wires a host: 192.168.<paramref name="network"/>.2, whose default route is the box.</summary>
    internal void Wire(Namespace host, int network)
    {
        var port = $"lan{++hosts}";
        Namespace.Connect(router, port, host, Topology.Outer);
        router.AddAddress(port, $"192.168.{network}.1/24");
        host.AddAddress(Topology.Outer, $"192.168.{network}.2/24");
        host.Batch($"route add default via 192.168.{network}.1");
    }

    /// <summary>
    /// Forgets every mapping, as a mobile network does after a while, and comes from another address. What a host sends next opens a new
    /// one; what is sent to the old one is lost.
    /// </summary>
    public void MoveTo(int host)
    {
        var before = outside;
        outside = Address(host);

        // A masquerading kernel drops the mappings of an address when that goes.
        router.RemoveAddress(Topology.Outer, before);
        router.AddAddress(Topology.Outer, outside);
    }

    private static string Address(int host) => $"10.99.0.{host}/24";
}
