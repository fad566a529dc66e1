using Sallyport.Api.Nodes;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Tests.Dns;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Gateway;

/// <summary>The whole gateway answers names, its own and those of another server.</summary>
public sealed class NamesTests : IDisposable
{
    private readonly TestFleet _fleet = new();

    [Fact]
    public void A_device_is_told_whom_to_ask_and_is_answered_and_what_it_asked_is_reported()
    {
        using var server = new TestDnsServer((query, _) => [Questions.Answer(query, 0x8180, Questions.Address("10.1.2.3"))]);
        _fleet.Network = _fleet.Network with { Dns = new DnsModel([$"corp.example={server.Address}"]) };
        _fleet.Settings = _fleet.Settings with { DnsZone = "vpn.example" };
        using var gateway = new RunningGateway(_fleet);
        using var site = gateway.Connect(_fleet.Site);
        using var device = gateway.Connect(_fleet.Device);

        device.Options!.DnsServers.ShouldBe([TestFleet.HostAddress]);
        device.Options.Unknown.ShouldContain("dhcp-option DOMAIN plant-a.vpn.example");
        site.Options!.DnsServers.ShouldBeEmpty("a router resolves for a whole plant, by its own lights");

        Ask(device, "historian.plant-a.vpn.example").ShouldBe("0 192.168.50.10");
        Ask(device, "hq.plant-a.sallyport").ShouldBe("5", "not our zone here");
        Ask(device, "www.corp.example").ShouldBe("0 10.1.2.3");

        var reported = new List<DnsQueryState>();
        gateway.Control.WaitFor<DnsReport>(_ => (reported = [.. gateway.Control.Received<DnsReport>().SelectMany(report => report.Queries)]).Count >= 3);
        reported.Select(query => (query.Name, query.Code, string.Join(',', query.Addresses))).ShouldBe(
            [("historian.plant-a.vpn.example", "NOERROR", "192.168.50.10"), ("hq.plant-a.sallyport", "REFUSED", ""), ("www.corp.example", "NOERROR", "10.1.2.3")],
            ignoreOrder: true);
    }

    [Fact]
    public void Where_a_device_s_LAN_may_have_the_gateway_s_address_the_far_end_answers()
    {
        _fleet.Network = _fleet.Network with { Dns = new DnsModel([]), Topology = "p2p", Elsewhere = ["198.18.0.0/16"] };
        using var gateway = new RunningGateway(_fleet);
        using var device = gateway.Connect(_fleet.Device);
        var server = device.Options!.DnsServers.ShouldHaveSingleItem();
        server.ShouldBe(IpAddress.Parse("198.18.0.0"));
        Ask(device, "historian.plant-a.sallyport", server).ShouldBe("0 192.168.50.10");
        Ask(device, "historian.plant-a.sallyport").ShouldBe("0 192.168.50.10");
    }

    [Fact]
    public void Without_names_nothing_is_pushed()
    {
        using var gateway = new RunningGateway(_fleet);
        using var device = gateway.Connect(_fleet.Device);
        device.Options!.DnsServers.ShouldBeEmpty();
        device.Options.Unknown.ShouldBeEmpty();
    }

    public void Dispose() => _fleet.Dispose();

    private static string Ask(TestClient device, string name, IpAddress? server = null)
    {
        device.SendInner(InnerPackets.Udp(TestFleet.DeviceAddress, server ?? TestFleet.HostAddress, 40_000, 53, Questions.For(name)));
        return Questions.Read(device.ReceiveInner().ShouldNotBeNull().AsSpan(28));
    }
}
