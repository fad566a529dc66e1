using System.Net;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Host;

/// <summary>What must not pass between devices and the gateway's machine.</summary>
public sealed class HostPolicyTests(PlainHost fleet) : IClassFixture<PlainHost>
{
    [NetworkFact]
    public async Task A_device_reaches_no_port_of_the_host_without_a_rule()
    {
        var (where, _, _) = await fleet.Connect("stranger", HostFixture.Plant, allowed: false);
        (await Dial.Tcp(where, HostFixture.Host, HostFixture.Port)).DeniedAtOnce.ShouldBeTrue();
        (await Dial.Udp(where, HostFixture.Host, HostFixture.Port)).Outcome.ShouldNotBe(DialOutcome.Connected);
        (await Pinger.Once(where, HostFixture.Host, limitMs: 500)).ShouldBeFalse();

        var flow = await HostFixture.Until(
            async () => (await fleet.Client.ListFlowsAsync(device: "stranger")).Items.FirstOrDefault(one => one.Protocol == "tcp"), "the denied flow");
        (flow.Verdict, flow.To?.Kind, flow.To?.Name).ShouldBe(("denied", "host", HostFixture.Plant));
        flow.AllowCommand.ShouldBe($"sallyport rule add --from device:stranger --to application:dashboard-{HostFixture.Plant}");
        fleet.Installation.Say(flow.AllowCommand!.Split(' ')[1..]);
        await fleet.Installation.UntilReady();
        (await Dial.Tcp(where, HostFixture.Host, HostFixture.Port)).Outcome.ShouldBe(DialOutcome.Connected);
    }

    [NetworkFact]
    public async Task A_rule_for_one_port_of_the_host_opens_no_other()
    {
        var (where, _, _) = await fleet.Connect("narrow", HostFixture.Plant, allowed: true);
        (await Dial.Tcp(where, HostFixture.Host, HostFixture.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        var before = fleet.Everywhere.Accepted;
        var denied = await Dial.Tcp(where, HostFixture.Host, HostFixture.OtherPort);
        denied.DeniedAtOnce.ShouldBeTrue(denied.ToString());
        fleet.Everywhere.Accepted.ShouldBe(before);
    }

    [NetworkFact]
    public async Task A_device_of_a_twin_network_does_not_reach_the_service_of_the_other()
    {
        // Both call the host 10.20.0.1; the service is bound to its handle in the first network.
        var (where, _, _) = await fleet.Connect("twin", HostFixture.Twin, allowed: true);
        var before = fleet.Service.Accepted;
        (await Dial.Tcp(where, HostFixture.Host, HostFixture.Port)).Outcome.ShouldBe(DialOutcome.Refused);
        where.Batch($"route add {fleet.Handles[HostFixture.Plant]}/128 dev {TunOf(where)}");
        (await Dial.Tcp(where, fleet.Handles[HostFixture.Plant], HostFixture.Port, limitSeconds: 1)).Outcome.ShouldNotBe(DialOutcome.Connected);
        fleet.Service.Accepted.ShouldBe(before);
    }

    [NetworkFact]
    public async Task The_host_reaches_no_device_without_a_rule_nor_through_another_networks_handle()
    {
        var (where, _, address) = await fleet.Connect("silent", HostFixture.Plant, allowed: true);
        using var echo = new TcpEcho(where, address, 7000);
        var denied = await Dial.Tcp(fleet.Topology.Gateway, fleet.HandleOf(HostFixture.Plant, address), 7000);
        denied.DeniedAtOnce.ShouldBeTrue(denied.ToString());

        await fleet.Client.AddApplicationAsync(new() { Name = "on-silent", Device = "silent", Services = ["tcp/7000"] });
        await fleet.Client.AddRuleAsync(new() { From = $"host:{HostFixture.Plant}", To = "application:on-silent" });
        await fleet.Installation.UntilReady();
        (await Dial.Tcp(fleet.Topology.Gateway, fleet.HandleOf(HostFixture.Plant, address), 7000)).Outcome.ShouldBe(DialOutcome.Connected);

        // From the host's own address in the twin network, and from one that is a device's.
        var before = echo.Accepted;
        foreach (var source in new[] { fleet.Handles[HostFixture.Twin], fleet.HandleOf(HostFixture.Plant, IPAddress.Parse("10.20.0.99")) })
        {
            if (!fleet.AddressesOnHost().Contains(source))
            {
                fleet.Topology.Gateway.AddAddress("lo", source + "/128");
            }

            var spoofed = await Dial.Tcp(fleet.Topology.Gateway, fleet.HandleOf(HostFixture.Plant, address), 7000, limitSeconds: 1, source);
            spoofed.Outcome.ShouldNotBe(DialOutcome.Connected);
        }

        echo.Accepted.ShouldBe(before);
        var drops = await HostFixture.Until(
            async () => (await fleet.Client.GetStatusAsync()).Gateways[0].Drops.TryGetValue("SpoofedSource", out var count) ? (object)count : null,
            "the spoofed packets are counted");
        ((long)drops).ShouldBeGreaterThan(0);
    }

    [NetworkFact]
    public async Task A_removed_rule_cuts_a_live_transfer_to_the_host()
    {
        var created = await fleet.Connect("cut", HostFixture.Plant, allowed: false);
        var rule = await fleet.Client.AddRuleAsync(new() { From = "device:cut", To = $"application:dashboard-{HostFixture.Plant}" });
        await fleet.Installation.UntilReady();
        await using var stream = await TcpStream.Open(created.Where, HostFixture.Host, HostFixture.Port);
        await stream.Progress(20_000);
        var cut = await fleet.Client.DeleteRuleAsync(rule.Id);
        (cut.Enforced, cut.FlowsCut).ShouldBe((true, 1), cut.Summary);
        await Eventually.True(() => stream.Fault is not null || stream.SinceProgress > TimeSpan.FromSeconds(1), "the end of the transfer");
    }

    private static string TunOf(Namespace where) => where.Execute("ip", "-o", "link").Output.Split('\n')
        .Select(line => line.Split(": ")).First(parts => parts.Length > 1 && parts[1].StartsWith("tun", StringComparison.Ordinal))[1];
}
