using System.Diagnostics;
using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>Silence is noticed within seconds.</summary>
public sealed class ReturnFixture : FleetFixture
{
    public const string Network = "plant";

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["SALLYPORT_IPSEC_PROBE"] = "1s",
        ["SALLYPORT_IPSEC_DEAD"] = "10s",
        ["SALLYPORT_OPENVPN_PING"] = "1",
        ["SALLYPORT_OPENVPN_PING_RESTART"] = "4",
    };

    public TestSite Site { get; private set; } = null!;

    protected override async Task Prepare() => Site = await AddNetworkWithSite(new NetworkCreate { Name = Network, Prefixes = ["10.20.0.0/16"] });
}

/// <summary>Either end dies, is moved, or is squeezed, and what ran goes on.</summary>
public sealed class ReturnTests(ReturnFixture fleet) : IClassFixture<ReturnFixture>
{
    private const string Network = ReturnFixture.Network;

    /// <summary>Three seconds of repeating, then it begins anew.</summary>
    private static readonly CharonOptions Quick = new() { RetransmitSeconds = 0.5, RetransmitTries = 3 };

    [IpsecFact]
    public async Task A_device_that_dies_is_noticed_and_one_that_comes_again_before_that_takes_its_place()
    {
        using var dead = await fleet.ComeUp("dead", Network);
        var created = await fleet.AddDevice("reborn", Network, new() { Protocol = "ipsec", Auth = "psk" });
        await fleet.Allow("reborn", Network);
        using var before = await fleet.StartDevice(created.Device, created.Profile!);
        await before.UntilUp();
        await using var stream = await TcpStream.Open(before.Where, Topology.Application, TestApplication.Port);
        await stream.Progress(20_000);
        var old = await fleet.UntilTunnel("reborn", Network, found => found is not null);
        dead.Charon.Kill();
        before.Charon.Kill();

        using var after = await fleet.StartDevice(created.Device, created.Profile!, where: before.Where);
        await after.UntilUp();
        await stream.Progress(20_000, seconds: IpsecDevice.Patience);
        (await fleet.UntilTunnel("reborn", Network, found => found is not null && found.TunnelId != old!.TunnelId))!.State.ShouldBe("up");
        await fleet.UntilTunnel("dead", Network, found => found is null, seconds: IpsecDevice.Patience);
        (await fleet.Client.ListTunnelsOfAsync("device:dead", ended: true)).Items.ShouldHaveSingleItem().EndReason.ShouldNotBeNull().ShouldBe("nothing heard for too long");
    }

    [IpsecFact]
    public async Task A_device_that_sends_no_packets_is_seen_by_its_IKE()
    {
        using var idle = await fleet.ComeUp("idle", Network);
        (await fleet.UntilTunnel("idle", Network, found => found is { PacketsIn: 0 } && found.LastSeen - found.Since > TimeSpan.FromSeconds(4), seconds: IpsecDevice.Patience)).ShouldNotBeNull();
    }

    [IpsecFact]
    public async Task The_gateway_is_killed_and_then_ended_in_order_and_devices_and_their_connections_come_back_by_themselves()
    {
        using var device = await fleet.ComeUp("phoenix", Network, options: Quick);
        await using var stream = await TcpStream.Open(device.Where, Topology.Application, TestApplication.Port);
        await stream.Progress(20_000);
        var first = await device.Charon.Sa();

        await fleet.Installation.KillGateway();
        await fleet.Installation.UntilReady();
        var second = await device.Charon.UntilIke(sa => sa.IsEstablished && sa.InitiatorSpi != first.InitiatorSpi && sa.Children.Count > 0, "back after a kill", 60);
        await stream.Progress(20_000, seconds: 60);
        second.Local.VirtualAddresses.ShouldBe(first.Local.VirtualAddresses);

        var told = device.Charon.Count("received DELETE for IKE_SA");
        var ended = fleet.Installation.EndGateway();
        await device.Charon.WaitForLine("received DELETE for IKE_SA", IpsecDevice.Patience, told + 1);
        await Eventually.True(() => !Shell.IsAlive(ended), "the gateway's end", IpsecDevice.Patience);
        await fleet.Installation.UntilReady();
        await device.Charon.UntilIke(sa => sa.IsEstablished && sa.InitiatorSpi != second.InitiatorSpi && sa.Children.Count > 0, "back after an orderly end", 60);
        await stream.Progress(20_000, seconds: 60);
    }

    /// <summary>Nobody goes to a device because an operator changed his mind.</summary>
    [IpsecFact]
    public async Task Who_is_kept_out_by_its_network_comes_back_by_itself_when_that_is_changed_back()
    {
        await fleet.AddNetworkWithSite(new NetworkCreate { Name = "moody", Prefixes = ["10.40.0.0/16"] });
        using var device = await fleet.ComeUp("patient", "moody", options: Quick);
        var first = await device.Charon.Sa();
        fleet.Installation.Say("network", "update", "moody", "--ipsec-auth", "certificate");
        await fleet.UntilDetail("handshake.failed", "its network does not accept psk, but certificate", IpsecDevice.Patience);
        fleet.Installation.Say("network", "update", "moody", "--ipsec-auth", "certificate,psk");
        await device.Charon.UntilIke(sa => sa.IsEstablished && sa.InitiatorSpi != first.InitiatorSpi && sa.Children.Count > 0, "back by itself", 60);
    }

    [IpsecFact]
    public async Task Megabytes_pass_a_path_with_a_small_mtu()
    {
        using var device = await fleet.ComeUp("narrow", Network);
        foreach (var end in new[] { device.Where, fleet.Topology.Gateway, fleet.Site.Where })
        {
            end.Batch($"link set dev {Topology.Outer} mtu 1280");
        }

        await using var stream = await TcpStream.Open(device.Where, Topology.Application, TestApplication.Port, chunkBytes: 100_000, paceMs: 0);
        await stream.Progress(3_000_000, seconds: 60);
        (await fleet.Client.GetStatusAsync()).Gateways[0].Drops.Keys.ShouldNotContain("SendFailed");
    }

    [IpsecFact]
    public async Task A_device_moves_to_another_address_under_load_and_keeps_its_keys_and_its_connection()
    {
        using var device = await fleet.ComeUp("roamer", Network);
        await using var stream = await TcpStream.Open(device.Where, Topology.Application, TestApplication.Port);
        await stream.Progress(20_000);
        var before = await device.Charon.Sa();
        var tunnel = await fleet.UntilTunnel("roamer", Network, found => found is not null);
        var old = Shell.Run("ip", "-n", device.Where.Name, "-o", "-4", "addr", "show", "dev", Topology.Outer).Split(' ', StringSplitOptions.RemoveEmptyEntries)[3];
        device.Where.AddAddress(Topology.Outer, "10.99.0.202/24");
        device.Where.RemoveAddress(Topology.Outer, old);

        await stream.Progress(50_000, seconds: IpsecDevice.Patience);
        var after = await fleet.UntilTunnel("roamer", Network, found => found?.OuterAddress.StartsWith("10.99.0.202", StringComparison.Ordinal) is true, seconds: 20);
        after!.TunnelId.ShouldBe(tunnel!.TunnelId);
        (await device.Charon.Sa()).ResponderSpi.ShouldBe(before.ResponderSpi);
    }
}
