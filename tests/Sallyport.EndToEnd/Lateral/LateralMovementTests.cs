using Sallyport.Api.Flows;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Xunit.Abstractions;

namespace Sallyport.EndToEnd.Lateral;

/// <summary>
/// Whoever has taken a device over looks for more with nmap, everywhere it can name. Not only what nmap finds is judged: whatever came out
/// of a tunnel at a place that the device may not reach was counted by that place's kernel.
/// </summary>
public sealed class LateralMovementTests(LateralFixture fleet, ITestOutputHelper output) : IClassFixture<LateralFixture>
{
    private const string Gateway = "10.20.0.1";
    private const string Ports = "21,22,23,53,80,102,443,445,502,1194,1883,3389,5060,8080,8081,8443,8883,8884,47808";
    private const string UdpPorts = "53,123,161,500,502,1194,4500,5353,5683,8883";

    /// <summary>Refused attempts of one device that are on record at once, and for how long (FlowLimits).</summary>
    private const int RecordsAtOnce = 64;

    private static readonly TimeSpan RecordLives = TimeSpan.FromMinutes(2);

    /// <summary>Of 196,605 probes: a tunnel's queue loses some of so many.</summary>
    private const int FewestRefused = 100_000;

    // Its own network, what the site carries, and where other networks appear: services and guests.
    private static readonly string[] Everywhere = ["10.20.0.0/24", "192.168.50.0/24", "198.18.0.0/24", "198.19.0.0/24"];

    private static readonly string Granted = $"{Topology.Application} tcp/{Fleet.TestApplication.Port}";

    [ScanFact]
    public async Task From_a_compromised_device_nmap_finds_the_granted_application_and_nothing_else()
    {
        var own = fleet.InsideAddresses[0];
        string[] exclude = ["--exclude", own];
        string[] hosts = [Topology.Application.ToString(), Gateway, fleet.NeighbourAddresses[0]];
        (await Scan("its permission", "-Pn", "-sS", "-p", Ports, "--max-retries", "6", hosts[0])).Open.ShouldBe([Granted]);

        // All ports of the site's host, the gateway and the neighbour; and some of all addresses.
        var refused = Refused();
        (await Scan("every port", ["-Pn", "-sS", "-p", "1-65535", "--max-retries", "0", "--min-rate", "8000", .. hosts])).Open.ShouldBeSubsetOf([Granted]);
        await Eventually.True(() => Refused() - refused >= FewestRefused, "the gateway saw the scan, and refused it");
        (await Scan("every address", ["-Pn", "-sS", "-p", Ports, "--max-retries", "1", "--min-rate", "2000", .. exclude, .. Everywhere])).Open.ShouldBeSubsetOf([Granted]);
        (await Scan("by connecting", ["-Pn", "-sT", "-p", Ports, "--max-retries", "2", .. hosts])).Open.ShouldBe([Granted]);
        (await Scan("UDP", ["-Pn", "-sU", "-p", UdpPorts, "--max-retries", "2", .. hosts])).Open.ShouldBe([$"{Gateway} udp/53"]);
        (await Scan("UDP everywhere", ["-Pn", "-sU", "-p", UdpPorts, "--max-retries", "0", "--min-rate", "2000", .. exclude, .. Everywhere])).Open
            .ShouldBeSubsetOf([$"{Gateway} udp/53"]);

        NothingStrayed();
        await fleet.Honest.Stream.Progress(5_000);
    }

    [ScanFact]
    public async Task From_a_compromised_device_no_host_is_discovered()
    {
        string[] exclude = ["--exclude", fleet.InsideAddresses[0]];
        var pinged = await Scan("by ping", ["-sn", "-PE", "-PP", "--min-rate", "500", "--max-retries", "1", .. exclude, .. Everywhere]);
        pinged.Hosts.Where(host => host.State == "up").ShouldBeEmpty("nobody answers a ping");

        // Few, so that each is refused and none for the sake of the rate: who is there and who is not look alike.
        await Task.Delay(1_500);
        string[] some = [fleet.NeighbourAddresses[0], Gateway, "10.20.0.200", "192.168.50.11", "192.168.50.77", "198.18.0.1", "198.18.0.9", "198.19.0.2", "198.19.0.9"];
        var knocked = await Scan("by TCP", ["-sn", "-PS22", "--max-retries", "3", .. some]);
        knocked.Hosts.Select(host => $"{host.State} {host.Reason}").Distinct().ShouldHaveSingleItem();
        knocked.Hosts.Count.ShouldBe(some.Length);
        NothingStrayed();
    }

    [ScanFact]
    public async Task From_a_compromised_device_IPv6_and_the_handles_of_the_gateways_machine_lead_nowhere()
    {
        string[] own = [fleet.NeighbourAddresses[1], "fd00:20::1", "fd00:20::2", Fleet.TestApplication.AddressV6.ToString(), "fd50::11"];
        (await Scan("IPv6", ["-6", "-Pn", "-sS", "-p", $"1-1024,{Ports}", "--max-retries", "1", "--min-rate", "2000", .. own])).Open.ShouldBeEmpty();
        (await Scan("IPv6, UDP", ["-6", "-Pn", "-sU", "-p", UdpPorts, "--max-retries", "2", .. own])).Open.ShouldBeSubsetOf(["fd00:20::1 udp/53"]);
        var handles = Handles();
        (await Scan("handles", ["-6", "-Pn", "-sS", "-p", Ports, "--max-retries", "1", "--min-rate", "2000", .. handles])).Open.ShouldBeEmpty();
        (await Scan("handles, UDP", ["-6", "-Pn", "-sU", "-p", UdpPorts, "--max-retries", "1", "--min-rate", "2000", .. handles])).Open.ShouldBeEmpty();
        (await Scan("handles by ping", ["-6", "-sn", "-PE", .. handles])).Hosts.Where(host => host.State == "up").ShouldBeEmpty();
        NothingStrayed();
    }

    [ScanFact]
    public async Task A_scan_neither_fills_the_flow_log_nor_disturbs_who_works_beside_it()
    {
        await Scan("noise", "-Pn", "-sS", "-p", "1-20000", "--max-retries", "0", "--min-rate", "4000", "192.168.50.11", Gateway);
        await fleet.Honest.Stream.Progress(20_000);
        fleet.Honest.Stream.Fault.ShouldBeNull();
        (await Dial.Tcp(fleet.Inside, Topology.Application, Fleet.TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        await Eventually.True(() => Denied().Count > 0, "refused attempts are on record");
        var records = Denied().Count;
        records.ShouldBeLessThanOrEqualTo((int)(RecordsAtOnce * (2 + (fleet.Running / RecordLives))));
        output.WriteLine($"{records} records of {Refused()} refused packets");
    }

    private async Task<Nmap> Scan(string title, params IEnumerable<string> options)
    {
        var found = await Nmap.Scan(fleet.Inside, options);
        output.WriteLine($"{title}: {found}");
        return found;
    }

    /// <summary>Packets that the gateway dropped, all together.</summary>
    private long Refused() => fleet.Client.GetStatusAsync().GetAwaiter().GetResult().Gateways.SelectMany(gateway => gateway.Drops).Sum(drop => drop.Value);

    private void NothingStrayed()
    {
        foreach (var (place, packets) in fleet.Strays())
        {
            packets.ShouldBe(0, $"packets that reached {place}");
        }
    }

    /// <summary>Of the gateway's machine, of the neighbour and the site's host in this network, and of the same addresses in others.</summary>
    private List<string> Handles()
    {
        var made = new List<string>();
        foreach (var network in new byte[] { 0, 1, 2, 3 })
        {
            foreach (var inner in new[] { Gateway, fleet.NeighbourAddresses[0], Topology.Application.ToString() })
            {
                var bytes = fleet.HostHandle.GetAddressBytes();
                bytes[7] = network;
                System.Net.IPAddress.Parse(inner).GetAddressBytes().CopyTo(bytes, 12);
                made.Add(new System.Net.IPAddress(bytes).ToString());
            }
        }

        return [.. made.Append(fleet.HostHandle.ToString()).Distinct()];
    }

    private List<FlowInfo> Denied()
    {
        var all = new List<FlowInfo>();
        string? cursor = null;
        do
        {
            var page = fleet.Client.ListFlowsAsync(device: "inside", verdict: "denied", limit: 200, cursor: cursor).GetAwaiter().GetResult();
            all.AddRange(page.Items);
            cursor = page.Next;
        }
        while (cursor is not null && all.Count < 100_000);

        return all;
    }
}
