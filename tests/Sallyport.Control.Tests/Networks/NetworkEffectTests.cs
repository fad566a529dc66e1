using Sallyport.Api.Networks;
using Sallyport.Api.Nodes;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Networks;

/// <summary>What the answer to a change of a network says of those who are connected.</summary>
public sealed class NetworkEffectTests
{
    [Fact]
    public async Task Who_is_asked_otherwise_is_cut_and_counted()
    {
        await using var world = await ControlWorld.StartAsync();
        var gateway = await ConnectedAsync(world);
        foreach (var update in (NetworkUpdate[])
        [
            new() { Ipsec = new() { Authentication = ["psk"] } }, new() { Ipsec = new() { PpkRequired = true } }, new() { Ipsec = new() { Serve = false } }, new() { MinimumTls = "1.3" },
            new() { Wrappings = ["tls-crypt"] }, new() { Authentication = "password" },
        ])
        {
            var updating = world.Client.UpdateNetworkAsync("plant-a", update);
            var delta = await gateway.ReceiveAsync<Delta>();
            await gateway.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt, delta.CommittedAt + 3_000_000, 2, 5));
            var answer = await updating;
            (answer.Cut?.TunnelsCut, answer.Cut?.FlowsCut, answer.Cut?.Enforced, answer.Cut?.MillisecondsToLastPacket).ShouldBe((2, 5, true, 3.0), update.ToString());
            answer.IpsecFollowing.ShouldBeNull();
        }

        var audit = (await world.Client.ListAuditAsync(action: "network.update.enforced")).Items;
        audit.Count.ShouldBe(6);
        audit[0].Summary.ShouldBe("network plant-a changed: cut 2 tunnels and 5 flows; last packet 3.0 ms after the commit; enforced after 0.0 ms");
        gateway.Dispose();
    }

    [Fact]
    public async Task What_live_tunnels_follow_later_is_said_with_when()
    {
        await using var world = await ControlWorld.StartAsync();
        using var gateway = await ConnectedAsync(world);
        var keys = await UpdateAsync(new() { Ike = ["aes256-sha256-modp2048"], Esp = ["aes256gcm16"], IkeLifetime = "2h", ChildLifetime = "none", ChildVolume = "1GB", ChildPackets = 5_000 });
        keys!.Tunnels.ShouldBe(2, "pump-17 and dc; another network's, and one of OpenVPN, have nothing to follow");
        keys.WithNewKeys.ShouldBe(["ike", "esp", "ike-lifetime", "child-lifetime", "child-volume", "child-packets"]);
        keys.WhenConnecting.ShouldBeEmpty();
        var later = await UpdateAsync(new() { ChildLifetime = "1h", Reauthenticate = "24h", Encapsulate = true, CopyDscp = true });
        later!.WithNewKeys.ShouldBe(["child-lifetime"]);
        later.WhenConnecting.ShouldBe(["reauthenticate", "encapsulate", "copy-dscp"]);
        (await UpdateAsync(new() { Encapsulate = true })).ShouldBeNull("nothing is another");
        (await world.Client.UpdateNetworkAsync("plant-a", new() { TokenLifetime = "2h" })).Cut.ShouldBeNull("no tunnel is cut for that, and nobody waits for it");

        async Task<IpsecFollowing?> UpdateAsync(NetworkIpsecInput input)
        {
            var updating = world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Ipsec = input });
            var delta = await gateway.ReceiveAsync<Delta>();
            await gateway.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt, 0, 0, 0));
            var answer = await updating;
            answer.Cut.ShouldBeNull();
            return answer.IpsecFollowing;
        }
    }

    /// <summary>Two tunnels of IPsec in plant-a, one of OpenVPN, and one of IPsec in plant-b.</summary>
    private static async Task<FakeGateway> ConnectedAsync(ControlWorld world)
    {
        await world.PlantAsync();
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-b", Prefixes = ["10.30.0.0/16"] });
        var (pump, other) = ((await world.PumpAsync()).Device, (await world.PumpAsync("pump-18")).Device);
        var elsewhere = (await world.Client.AddDeviceAsync(new Api.Devices.DeviceCreate { Name = "pump-19", Network = "plant-b" })).Device;
        await world.HqAsync(profile: true);
        var site = await world.Client.GetSiteAsync("hq");
        var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        await gateway.SendAsync(new TunnelReport(
        [
            FakeGateway.Tunnel(pump.Id) with { Protocol = "ipsec/udp" }, FakeGateway.Tunnel(site.Id, 2) with { Protocol = "ipsec/esp" }, FakeGateway.Tunnel(other.Id, 3),
            FakeGateway.Tunnel(elsewhere.Id, 4) with { Protocol = "ipsec/udp" },
        ]));
        await ControlWorld.UntilAsync(async () => (await world.Client.GetStatusAsync()).TunnelsUp == 4);
        return gateway;
    }
}
