using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Resilience;

/// <summary>Quick pings, so that a client notices within seconds that a gateway was replaced; two packet threads, so that packets cross.</summary>
public sealed class ResilienceFixture : FleetFixture
{
    public TestSite Site { get; private set; } = null!;

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["SALLYPORT_OPENVPN_PING"] = "1",
        ["SALLYPORT_OPENVPN_PING_RESTART"] = "4",
        ["SALLYPORT_GATEWAY_PACKET_THREADS"] = "2",
    };

    protected override async Task Prepare() => Site = await AddNetworkWithSite(new NetworkCreate { Name = "plant", Prefixes = ["10.20.0.0/16"] });
}

/// <summary>What happens around a running conversation must not end it.</summary>
public sealed class ResilienceTests(ResilienceFixture fleet) : IClassFixture<ResilienceFixture>
{
    [NetworkFact]
    public async Task A_device_roams_to_another_address_under_load_and_renegotiates_there()
    {
        var text = await fleet.AddAllowedDevice("roamer", "plant");
        var host = fleet.NewHost("roamer");
        using var client = new OpenVpnProcess(host, text.Dialing(Topology.GatewayV4, "udp4").With("reneg-sec 6"));
        await fleet.Connected(client);
        await using var load = await Load.Start(host);
        await load.Stream.Progress(20_000);
        var before = await fleet.UntilTunnel("roamer", "plant", found => found is not null);

        var old = Shell.Run("ip", "-n", host.Name, "-o", "-4", "addr", "show", "dev", Topology.Outer).Split(' ', StringSplitOptions.RemoveEmptyEntries)[3];
        host.AddAddress(Topology.Outer, "10.99.0.201/24");
        host.RemoveAddress(Topology.Outer, old);

        await load.Stream.Progress(20_000);
        var after = await fleet.UntilTunnel("roamer", "plant", found => found?.OuterAddress.StartsWith("10.99.0.201", StringComparison.Ordinal) is true);
        after!.TunnelId.ShouldBe(before!.TunnelId);
        await client.WaitForLine("Control Channel: TLSv1", seconds: 30, times: 3);
        await load.Stream.Progress(20_000);
        client.Connections.ShouldBe(1, client.Log);
    }

    [NetworkFact]
    public async Task The_control_process_is_killed_and_returns_under_load_and_no_packet_is_lost()
    {
        var text = await fleet.AddAllowedDevice("steady", "plant");
        var host = fleet.NewHost("steady");
        using var client = new OpenVpnProcess(host, text);
        await fleet.Connected(client);
        var gateway = fleet.Installation.GatewayProcessId();
        await using var load = await Load.Start(host);
        await load.Stream.Progress(20_000);

        fleet.Installation.KillControl();
        await load.Stream.Progress(100_000);
        fleet.Installation.GatewayProcessId().ShouldBe(gateway);

        await fleet.Installation.StartControl();
        await load.Stream.Progress(50_000);
        fleet.Installation.GatewayProcessId().ShouldBe(gateway);
        await load.NothingWasLost(client.Log);
        client.Connections.ShouldBe(1, client.Log);

        // The new control process knows the tunnel, and still cuts it.
        await fleet.UntilTunnel("steady", "plant", found => found is not null);
        var cut = await fleet.Client.RevokeDeviceAsync("steady", "test");
        cut.Enforced.ShouldBeTrue(cut.Summary);
        (await Dial.Tcp(host, Topology.Application, TestApplication.Port, limitSeconds: 1)).Outcome.ShouldNotBe(DialOutcome.Connected);
    }

    [NetworkFact]
    public async Task Devices_connect_and_are_judged_while_the_control_process_is_gone()
    {
        var text = await fleet.AddAllowedDevice("orphan", "plant");
        var host = fleet.NewHost("orphan");
        await fleet.Installation.UntilReady();
        fleet.Installation.KillControl();
        try
        {
            using var client = new OpenVpnProcess(host, text);
            await fleet.Connected(client);
            (await Dial.Tcp(host, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
            var denied = await Dial.Tcp(host, Topology.Application, TestApplication.OtherPort);
            denied.DeniedAtOnce.ShouldBeTrue(denied.ToString());
        }
        finally
        {
            await fleet.Installation.StartControl();
        }
    }

    [NetworkFact]
    public async Task The_gateway_is_killed_and_clients_and_their_connections_come_back_by_themselves()
    {
        var overUdp = await fleet.AddAllowedDevice("phoenix-udp", "plant");
        var overTcp = await fleet.AddAllowedDevice("phoenix-tcp", "plant");
        var udpHost = fleet.NewHost("phoenix-udp");
        var tcpHost = fleet.NewHost("phoenix-tcp");
        using var udp = new OpenVpnProcess(udpHost, overUdp.Dialing(Topology.GatewayV4, "udp4"));
        using var tcp = new OpenVpnProcess(tcpHost, overTcp.Dialing(Topology.GatewayV4, "tcp4"));
        await fleet.Connected(udp);
        await fleet.Connected(tcp);
        await using var udpStream = await TcpStream.Open(udpHost, Topology.Application, TestApplication.Port);
        await using var tcpStream = await TcpStream.Open(tcpHost, Topology.Application, TestApplication.Port);
        await udpStream.Progress(20_000);
        await tcpStream.Progress(20_000);
        var routerConnections = fleet.Site.Router.Connections;

        var killed = await fleet.Installation.KillGateway();
        await fleet.Installation.UntilReady();
        fleet.Installation.GatewayProcessId().ShouldNotBe(killed);

        await fleet.Connected(udp, times: 2, seconds: 40);
        await fleet.Connected(tcp, times: 2, seconds: 40);
        await fleet.Site.Router.WaitUntilConnected(times: routerConnections + 1, seconds: 40);
        await udpStream.Progress(50_000, seconds: 60);
        await tcpStream.Progress(50_000, seconds: 60);
        (await Dial.Tcp(udpHost, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        var denied = await Dial.Tcp(udpHost, Topology.Application, TestApplication.OtherPort);
        denied.DeniedAtOnce.ShouldBeTrue(denied.ToString());
    }

    [NetworkFact]
    public async Task A_rule_that_is_removed_stops_a_running_transfer_and_one_that_is_added_needs_no_reconnect()
    {
        var created = await fleet.AddDevice("subject", "plant");
        var host = fleet.NewHost("subject");
        using var client = new OpenVpnProcess(host, created.Profile!.Text);
        await fleet.Connected(client);
        (await Dial.Tcp(host, Topology.Application, TestApplication.Port)).DeniedAtOnce.ShouldBeTrue();
        var rule = await fleet.Client.AddRuleAsync(new() { From = "device:subject", To = "application:historian-plant" });
        await using var stream = await TcpStream.Open(host, Topology.Application, TestApplication.Port);
        await stream.Progress(20_000);

        await fleet.Client.DeleteRuleAsync(rule.Id);
        await Eventually.True(() => stream.Fault is not null || stream.SinceProgress > TimeSpan.FromMilliseconds(500), "the transfer's end");
        var then = stream.Echoed;
        await Task.Delay(500);
        stream.Echoed.ShouldBe(then);
        client.Connections.ShouldBe(1);
    }

    [NetworkFact]
    public async Task The_measured_time_of_a_cut_is_what_the_device_sees()
    {
        var text = await fleet.AddAllowedDevice("measured", "plant");
        var host = fleet.NewHost("measured");
        using var client = new OpenVpnProcess(host, text);
        await fleet.Connected(client);
        await using var stream = await TcpStream.Open(host, Topology.Application, TestApplication.Port, chunkBytes: 200, paceMs: 1);
        await stream.Progress(20_000);

        var cut = await fleet.Client.RevokeDeviceAsync("measured", "test");
        cut.Enforced.ShouldBeTrue(cut.Summary);
        cut.TunnelsCut.ShouldBe(1);
        cut.FlowsCut.ShouldBe(1);
        cut.MillisecondsToLastPacket.ShouldNotBeNull();
        cut.MillisecondsToLastPacket.Value.ShouldBeLessThanOrEqualTo(cut.MillisecondsToEnforced!.Value);
        await Task.Delay(500);

        // What was on its way when the gateway stopped still arrives; a busy machine hands it over late.
        var seen = (stream.LastProgressAt - cut.CommittedAt).TotalMilliseconds;
        seen.ShouldBeLessThan(cut.MillisecondsToEnforced.Value + 250);
        cut.MillisecondsToLastPacket.Value.ShouldBeGreaterThan(seen - 250);
    }

    [NetworkFact]
    public async Task A_quarantined_device_is_cut_and_returns_when_released()
    {
        var text = await fleet.AddAllowedDevice("patient", "plant");
        var host = fleet.NewHost("patient");
        using var client = new OpenVpnProcess(host, text);
        await fleet.Connected(client);
        await using (var stream = await TcpStream.Open(host, Topology.Application, TestApplication.Port))
        {
            await stream.Progress(20_000);
            var cut = await fleet.Client.QuarantineDeviceAsync("patient", "behaves oddly");
            cut.Enforced.ShouldBeTrue(cut.Summary);
            var then = stream.Echoed;
            await Task.Delay(500);
            stream.Echoed.ShouldBe(then);
        }

        await fleet.Client.ReleaseDeviceAsync("patient", "was a test");
        await fleet.Connected(client, times: 2, seconds: 40);
        (await Dial.Tcp(host, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
    }
}
