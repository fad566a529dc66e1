using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Resilience;

/// <summary>
/// A path on which a sealed packet does not fit: the kernel cannot cut a run of such packets into datagrams (EINVAL), and must be given
/// them one by one to fragment.
/// </summary>
public sealed class NarrowPathTests(ResilienceFixture fleet) : IClassFixture<ResilienceFixture>
{
    /// <summary>The least that IPv6 allows, and less than a full inner packet sealed.</summary>
    private const int Narrow = 1280;

    [NetworkFact]
    public async Task Megabytes_pass_a_path_with_a_small_mtu_by_fragments()
    {
        var text = await fleet.AddAllowedDevice("narrow", "plant");
        var host = fleet.NewHost("narrow");
        foreach (var end in new[] { host, fleet.Topology.Gateway, fleet.Site.Where })
        {
            end.Batch($"link set dev {Topology.Outer} mtu {Narrow}");
        }

        using var client = new OpenVpnProcess(host, text.Dialing(Topology.GatewayV4, "udp4"));
        await fleet.Connected(client);
        await using (var stream = await TcpStream.Open(host, Topology.Application, TestApplication.Port, chunkBytes: 100_000, paceMs: 0))
        {
            await stream.Progress(3_000_000, seconds: 60);
        }

        Fragments().ShouldBeGreaterThan(1000, "full packets leave the gateway in two pieces each");
        (await fleet.Client.GetStatusAsync()).Gateways[0].Drops.Keys.ShouldNotContain("SendFailed");
        client.Connections.ShouldBe(1, client.Log);
    }

    /// <summary>That the gateway's machine made, by its own count.</summary>
    private long Fragments() => fleet.Topology.Gateway.Run(() =>
    {
        var rows = File.ReadLines("/proc/thread-self/net/snmp").Where(line => line.StartsWith("Ip:", StringComparison.Ordinal)).Select(line => line.Split(' ')).ToList();
        return long.Parse(rows[1][Array.IndexOf(rows[0], "FragCreates")], System.Globalization.CultureInfo.InvariantCulture);
    });
}
