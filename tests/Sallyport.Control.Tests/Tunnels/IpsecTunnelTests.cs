using Sallyport.Api.Nodes;
using Sallyport.Api.Sites;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Tunnels;

public sealed class IpsecTunnelTests
{
    [Fact]
    public async Task A_site_is_there_while_one_of_its_uplinks_is()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var site = (await world.HqAsync(profile: true)).Site;
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        TunnelState Uplink(long number, bool up = true) => FakeGateway.Tunnel(site.Id, number, up) with { Protocol = "ipsec/udp", Since = 1_700_000_000_000_000_000 + number };
        await gateway.SendAsync(new TunnelReport([Uplink(1), Uplink(2)]));
        await ControlWorld.UntilAsync(async () => (await world.Client.ListTunnelsOfAsync("site:hq")).Items.Count == 2);
        (await world.Client.GetSiteAsync("hq")).Tunnel!.TunnelId.ShouldBe(2);
        (await world.Client.ListTunnelsOfAsync("site:hq")).Items.ShouldAllBe(tunnel => tunnel.Protocol == "ipsec/udp" && tunnel.Sas.Count == 0);

        await gateway.SendAsync(new TunnelReport([Uplink(2, up: false)]));
        await ControlWorld.UntilAsync(async () => (await world.Client.ListTunnelsOfAsync("site:hq")).Items.Count == 1);
        var still = await world.Client.GetSiteAsync("hq");
        (still.Presence, still.Tunnel!.TunnelId).ShouldBe(("online", 1L), "its flows go by the other one");

        await gateway.SendAsync(new TunnelReport([Uplink(1, up: false)]));
        await ControlWorld.UntilAsync(async () => (await world.Client.GetSiteAsync("hq")).Presence == "offline");
        (await world.Client.ListTunnelsOfAsync("site:hq")).Items.ShouldBeEmpty();
        (await world.Client.ListTunnelsOfAsync("site:hq", ended: true)).Items.Single().TunnelId.ShouldBe(1);
    }

    [Fact]
    public async Task Tunnels_of_one_are_not_those_of_another_and_whom_there_is_not_has_none()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var pump = (await world.PumpAsync()).Device;
        await world.PumpAsync("pump-18");
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        await gateway.SendAsync(new TunnelReport([FakeGateway.Tunnel(pump.Id)]));
        await ControlWorld.UntilAsync(async () => (await world.Client.ListTunnelsOfAsync("device:pump-17")).Items.Count == 1);
        (await world.Client.ListTunnelsOfAsync("device:pump-18")).Items.ShouldBeEmpty();
        (await ControlWorld.ProblemOf(() => world.Client.ListTunnelsOfAsync("device:pump-19"))).Errors.Single().Field.ShouldBe("owner");
    }

    [Fact]
    public async Task A_negotiation_that_failed_is_an_event_with_why()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var site = (await world.Client.AddSiteAsync(new SiteCreate { Name = "dc", Network = "plant-a", Subnets = ["192.168.60.0/24"] })).Site;
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        await gateway.SendAsync(new EventReport(
        [
            new GatewayEvent("handshake.failed", 1, site.Id, "203.0.113.5:4500", "no proposal chosen: the peer offers aes128-sha1-modp1024, the network takes aes256gcm16"),
            new GatewayEvent("handshake.failed", 2, 0, "203.0.113.6:500", "nobody is called router-9.example"),
        ]));
        await ControlWorld.UntilAsync(async () => (await world.Client.ListEventsAsync("handshake.failed")).Items.Count == 2);
        var events = (await world.Client.ListEventsAsync("handshake.failed")).Items;
        events[1].Subject.ShouldBe("site:dc");
        events[1].OuterAddress.ShouldBe("203.0.113.5:4500");
        events[1].Detail.ShouldStartWith("no proposal chosen: the peer offers aes128-sha1-modp1024");
        events[0].Subject.ShouldBeNull();
    }
}
