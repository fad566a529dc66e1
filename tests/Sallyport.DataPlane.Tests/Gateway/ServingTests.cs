using Sallyport.Api.Nodes;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Gateway;

/// <summary>The whole gateway on loopback with our own client role.</summary>
public sealed class ServingTests : IDisposable
{
    private readonly TestFleet _fleet = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_device_reaches_the_application_behind_a_site_and_is_answered(bool isStream)
    {
        using var gateway = new RunningGateway(_fleet);
        using var site = gateway.Connect(_fleet.Site, isStream: isStream);
        using var device = gateway.Connect(_fleet.Device);

        Converse(site, device);

        gateway.Control.WaitFor<FlowReport>(report => report.Flows.Any(flow => flow.Allowed && flow.FromId == TestFleet.DeviceId))
            .Flows[0].RuleId.ShouldBe(TestFleet.RuleId);
        var tunnel = gateway.Control.WaitForTunnel(found => found.IdentityId == TestFleet.SiteId && found.PacketsOut > 0);
        tunnel.Protocol.ShouldBe(isStream ? "openvpn/tcp" : "openvpn/udp");
        tunnel.Cipher.ShouldBe("AES-256-GCM");
        tunnel.Wrapping.ShouldBe("tls-crypt-v2");
        tunnel.OuterAddress.ShouldBe(site.LocalEndPoint.ToString());
    }

    [Fact]
    public void IPv6_outside_serves_as_well()
    {
        using var gateway = new RunningGateway(_fleet);
        using var site = gateway.Connect(_fleet.Site, gateway.UdpV6);
        using var device = gateway.Connect(_fleet.Device, gateway.UdpV6);

        Converse(site, device);
    }

    [Fact]
    public void The_configuration_carries_address_routes_and_keepalive()
    {
        using var gateway = new RunningGateway(_fleet);
        using var device = gateway.Connect(_fleet.Device);

        var options = device.Options!;
        options.PingSeconds.ShouldBe(1);
        options.PingRestartSeconds.ShouldBe(5);
        options.Routes.Select(route => route.ToString()).ShouldContain("192.168.50.0/24");
        using var site = gateway.Connect(_fleet.Site);
        site.Options!.Routes.Select(route => route.ToString()).ShouldNotContain("192.168.50.0/24");
    }

    [Fact]
    public void A_device_that_roams_goes_on_and_renegotiates_from_its_new_address()
    {
        using var gateway = new RunningGateway(_fleet);
        using var site = gateway.Connect(_fleet.Site);
        using var device = gateway.Connect(_fleet.Device);

        device.Roam();
        Converse(site, device);
        gateway.Control.WaitForTunnel(tunnel => tunnel.OuterAddress == device.LocalEndPoint.ToString());
        device.Session.Renegotiate(new Clock(TimeProvider.System).Now);
        device.PumpUntil(() => device.Renegotiated == 1, "renegotiation");
        Converse(site, device);
        gateway.Control.WaitForTunnel(tunnel => tunnel is { IdentityId: TestFleet.DeviceId, Renegotiations: 1 });
    }

    [Fact]
    public void Renegotiations_one_after_the_other_lose_nothing()
    {
        using var gateway = new RunningGateway(_fleet);
        using var site = gateway.Connect(_fleet.Site);
        using var device = gateway.Connect(_fleet.Device);
        for (var i = 1; i <= 9; i++)
        {
            device.Session.Renegotiate(new Clock(TimeProvider.System).Now);
            device.PumpUntil(() => device.Renegotiated == i, $"renegotiation {i}");
            Converse(site, device);
        }
    }

    [Fact]
    public void Pings_come_while_nothing_else_does()
    {
        using var gateway = new RunningGateway(_fleet);
        using var device = gateway.Connect(_fleet.Device);

        device.PumpUntil(() => device.Pings >= 2, "two pings of one second");
    }

    [Fact]
    public void An_exit_over_the_data_channel_and_over_the_control_channel_ends_the_tunnel()
    {
        using var gateway = new RunningGateway(_fleet);
        using var device = gateway.Connect(_fleet.Device);
        var exit = new byte[Occ.Length];
        Occ.Write(exit, OccType.Exit);
        device.SendInner(exit);
        gateway.Control.WaitForTunnel(tunnel => !tunnel.Up && tunnel.IdentityId == TestFleet.DeviceId).EndReason.ShouldBe("the client left");

        using var other = gateway.Connect(_fleet.OtherDevice);
        other.Session.Send(ControlMessage.Exit, new Clock(TimeProvider.System).Now);
        other.PumpFor(TimeSpan.FromSeconds(0.2));
        gateway.Control.WaitForTunnel(tunnel => !tunnel.Up && tunnel.IdentityId == TestFleet.OtherDeviceId).EndReason.ShouldBe("the client left");
    }

    [Fact]
    public void A_silent_device_is_given_up()
    {
        _fleet.Settings = _fleet.Settings with { PingRestartSeconds = 1 };
        using var gateway = new RunningGateway(_fleet);
        using var device = gateway.Connect(_fleet.Device);

        gateway.Control.WaitForTunnel(tunnel => !tunnel.Up).EndReason.ShouldBe("nothing heard for too long");
    }

    [Fact]
    public void A_connection_that_breaks_ends_its_tunnel_at_once()
    {
        using var gateway = new RunningGateway(_fleet);
        gateway.Connect(_fleet.Device, isStream: true).Dispose();

        gateway.Control.WaitForTunnel(tunnel => !tunnel.Up).EndReason.ShouldBe("the connection was closed");
    }

    [Fact]
    public void The_same_credential_at_two_places_is_told_and_the_newest_serves()
    {
        using var gateway = new RunningGateway(_fleet);
        using var site = gateway.Connect(_fleet.Site);
        using var first = gateway.Connect(_fleet.Device);
        using var second = gateway.Connect(_fleet.Device);
        gateway.Control.WaitForEvent("tunnel.replaced").Detail.ShouldContain(first.LocalEndPoint.ToString()!);
        Converse(site, second);

        first.PumpFor(TimeSpan.FromSeconds(3.5));
        first.SendInner(Ping.Payload);

        var told = gateway.Control.WaitForEvent("credential.cloned");
        told.IdentityId.ShouldBe(TestFleet.DeviceId);
        told.Detail.ShouldContain(first.LocalEndPoint.ToString()!);
        told.Detail.ShouldContain(second.LocalEndPoint.ToString()!);
    }

    public void Dispose() => _fleet.Dispose();

    internal static void Converse(TestClient site, TestClient device)
    {
        var request = InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 5_000);
        device.SendInner(request);
        site.ReceiveInner().ShouldBe(request);
        var answer = InnerPackets.Udp(TestFleet.ApplicationAddress, TestFleet.DeviceAddress, 5_000, 40_000);
        site.SendInner(answer);
        device.ReceiveInner().ShouldBe(answer);
    }
}
