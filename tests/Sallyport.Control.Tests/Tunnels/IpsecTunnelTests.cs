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
    public async Task A_tunnel_of_IPsec_is_told_with_its_SAs_and_one_that_is_none_is_not_believed()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var pump = (await world.PumpAsync()).Device;
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        var sa = new SaState
        {
            InboundSpi = 0xc0ffee01,
            OutboundSpi = 0x00000abc,
            Suite = "AES-256-GCM/ESN",
            Mode = "tunnel",
            Sends = true,
            Local = ["10.20.0.0/16"],
            Remote = ["10.20.0.2/32"],
            Since = 1_700_000_000_000_000_000,
            Rekeys = 3,
            BytesIn = 10,
            BytesOut = 20,
            PacketsIn = 1,
            PacketsOut = 2,
            BadTags = 0,
            Replays = 4,
        };
        await gateway.SendAsync(new TunnelReport(
        [
            FakeGateway.Tunnel(pump.Id, 1) with { Sas = [sa with { Rekeys = -1 }] },
            FakeGateway.Tunnel(pump.Id, 2) with { Sas = [sa with { Suite = new string('x', 5_000) }] },
            FakeGateway.Tunnel(pump.Id, 3) with { Sas = [.. Enumerable.Repeat(sa, 300)] },
            FakeGateway.Tunnel(pump.Id, 4) with { Sas = [sa with { Local = [.. Enumerable.Repeat("10.20.0.0/16", 200)] }] },
            FakeGateway.Tunnel(pump.Id, 5) with { Protocol = "ipsec/esp", Sas = [sa] },
        ]));
        await ControlWorld.UntilAsync(async () => (await world.Client.ListTunnelsOfAsync("device:pump-17")).Items.Count == 1);
        var told = (await world.Client.ListTunnelsOfAsync("device:pump-17")).Items.Single();
        (told.TunnelId, told.Protocol).ShouldBe((5L, "ipsec/esp"));
        var shown = told.Sas.ShouldHaveSingleItem();
        (shown.SpiIn, shown.SpiOut, shown.Suite, shown.Mode, shown.Sends, shown.Rekeys, shown.Replays).ShouldBe(("c0ffee01", "00000abc", "AES-256-GCM/ESN", "tunnel", true, 3, 4L));
        (shown.Local.Single(), shown.Remote.Single(), shown.Since).ShouldBe(("10.20.0.0/16", "10.20.0.2/32", DateTimeOffset.FromUnixTimeSeconds(1_700_000_000)));
    }

    [Fact]
    public async Task An_IKE_SA_is_told_and_one_without_a_CHILD_SA_is_IKE_only_unless_another_way_has_one()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var site = (await world.HqAsync(profile: true)).Site;
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        TunnelState Uplink(long number, bool hasChildren) => FakeGateway.Tunnel(site.Id, number) with
        {
            Protocol = "ipsec/udp",
            Since = 1_700_000_000_000_000_000 + number,
            Ike = new IkeState
            {
                InitiatorSpi = 0x0123456789abcdef, ResponderSpi = 0xfedcba9876543210, ByGateway = false, Suite = "aes256gcm16-prfsha384-x25519",
                Since = 1_700_000_000_000_000_000, Rekeys = 2, HasChildren = hasChildren,
            },
        };
        var wrong = Uplink(3, true);
        await gateway.SendAsync(new TunnelReport([wrong with { Ike = wrong.Ike! with { Rekeys = -1 } }, wrong with { Ike = wrong.Ike! with { Suite = new string('x', 5_000) } }, Uplink(2, false)]));
        await ControlWorld.UntilAsync(async () => (await world.Client.ListTunnelsOfAsync("site:hq")).Items.Count == 1);
        var told = (await world.Client.ListTunnelsOfAsync("site:hq")).Items.Single();
        told.IkeOnly.ShouldBeTrue();
        var ike = told.Ike!;
        (ike.SpiInitiator, ike.SpiResponder, ike.Initiator, ike.Suite, ike.Rekeys).ShouldBe(("0123456789abcdef", "fedcba9876543210", "peer", "aes256gcm16-prfsha384-x25519", 2));
        ike.Since.ShouldBe(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000));
        (await world.Client.GetSiteAsync("hq")).Tunnel!.IkeOnly.ShouldBeTrue();

        await gateway.SendAsync(new TunnelReport([Uplink(1, true)]));
        await ControlWorld.UntilAsync(async () => (await world.Client.ListTunnelsOfAsync("site:hq")).Items.Count == 2);
        var site2 = await world.Client.GetSiteAsync("hq");
        (site2.Tunnel!.TunnelId, site2.Tunnel.IkeOnly).ShouldBe((1, false), "its packets go by that one");
        await gateway.SendAsync(new TunnelReport([Uplink(2, true) with { Up = false, EndReason = "exit" }, Uplink(1, true)]));
        await ControlWorld.UntilAsync(async () => (await world.Client.ListTunnelsOfAsync("site:hq")).Items is [{ IkeOnly: false }]);
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
