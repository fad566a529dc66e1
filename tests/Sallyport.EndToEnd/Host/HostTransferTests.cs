using System.Net;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Host;

/// <summary>Stock clients and services on the gateway's machine, every byte checked, whatever the kernel and the threads do with them.</summary>
public abstract class HostTransferTests(HostFixture fleet)
{
    [NetworkFact]
    public async Task Devices_move_megabytes_to_a_service_on_the_host_and_back()
    {
        var devices = await Task.WhenAll(Enumerable.Range(0, 3).Select(async index =>
        {
            var (where, _, _) = await fleet.Connect($"bulk-{index}", HostFixture.Plant, allowed: true);
            await using var stream = await TcpStream.Open(where, HostFixture.Host, HostFixture.Port, chunkBytes: 100_000, paceMs: 0);
            await stream.Progress(10_000_000, seconds: 60);
            return where;
        }));

        // Beside the bulk a client's own buffers overflow, and a lone datagram has nobody to send it again: once it is quiet, each arrives.
        await UntilQuiet(devices);
        foreach (var where in devices)
        {
            var datagram = await Dial.Udp(where, HostFixture.Host, HostFixture.Port);
            if (datagram.Outcome != DialOutcome.Connected)
            {
                Assert.Fail($"{where}: {datagram}\n{await fleet.Diagnosis()}");
            }

            (await Pinger.Once(where, HostFixture.Host)).ShouldBeTrue();
        }
    }

    /// <summary>Connections that were closed in the middle drain for a while: no device's counters move any more when it returns.</summary>
    private static Task<string> UntilQuiet(IReadOnlyList<Namespace> devices)
    {
        return HostFixture.Until(
            async () =>
            {
                var before = Counters();
                await Task.Delay(200);
                return Counters() == before ? before : null;
            },
            "a quiet network");

        string Counters() => string.Concat(devices.Select(where => where.Execute("ip", "-s", "link").Output));
    }

    [NetworkFact]
    public async Task Datagrams_larger_than_a_packet_arrive_and_come_back()
    {
        var (where, _, _) = await fleet.Connect("large", HostFixture.Plant, allowed: true);
        await using var large = new UdpStream(where, HostFixture.Host, HostFixture.Port, size: 4000, paceMs: 20);
        await Eventually.True(() => large.Received > 20, "fragmented datagrams");
        (await large.Finish()).Lost.ShouldBe(0);
    }

    [NetworkFact]
    public async Task The_host_reaches_a_device_by_its_handle_where_a_rule_lets_it()
    {
        var (where, _, address) = await fleet.Connect("server", HostFixture.Plant, allowed: false);
        using var echo = new TcpEcho(where, address, 7000);
        await fleet.Client.AddApplicationAsync(new() { Name = "on-server", Device = "server", Services = ["tcp/7000"] });
        await fleet.Client.AddRuleAsync(new() { From = $"host:{HostFixture.Plant}", To = "application:on-server" });
        await fleet.Installation.UntilReady();
        await using var stream = await TcpStream.Open(
            fleet.Topology.Gateway, fleet.HandleOf(HostFixture.Plant, address), 7000, chunkBytes: 100_000, paceMs: 0);
        await stream.Progress(5_000_000, seconds: 60);
        var flow = await HostFixture.Until(
            async () => (await fleet.Client.ListFlowsAsync(device: "server")).Items.FirstOrDefault(one => one.Application == "on-server"), "the flow");
        flow.From.Kind.ShouldBe("host");
        flow.From.Name.ShouldBe(HostFixture.Plant);
        flow.Verdict.ShouldBe("allowed");
    }
}

public sealed class HostTransferTestsPlain(PlainHost fleet) : HostTransferTests(fleet), IClassFixture<PlainHost>;

public sealed class HostTransferTestsWithoutOffloads(HostWithoutOffloads fleet) : HostTransferTests(fleet), IClassFixture<HostWithoutOffloads>;

public sealed class HostTransferTestsOfTwoThreads(HostOfTwoThreads fleet) : HostTransferTests(fleet), IClassFixture<HostOfTwoThreads>;
