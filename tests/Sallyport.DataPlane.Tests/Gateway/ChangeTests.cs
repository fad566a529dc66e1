using Sallyport.Api.Nodes;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Gateway;

/// <summary>What control changes reaches live tunnels, and control's absence does not.</summary>
public sealed class ChangeTests : IDisposable
{
    private readonly TestFleet _fleet = new();

    [Fact]
    public void A_rule_that_is_added_and_removed_takes_effect_on_the_next_packet()
    {
        using var gateway = new RunningGateway(_fleet, withRule: false);
        using var site = gateway.Connect(_fleet.Site);
        using var device = gateway.Connect(_fleet.Device);
        var request = InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 5_000);
        device.SendInner(request);
        device.ReceiveInner().ShouldNotBeNull("an ICMP refusal")[9].ShouldBe((byte)1);

        Change(gateway, 2, delta => delta with { Rules = [_fleet.Rule] });
        ServingTests.Converse(site, device);

        var acknowledge = Change(gateway, 3, delta => delta with { RemovedRules = [TestFleet.RuleId] });
        acknowledge.FlowsCut.ShouldBe(1);
        acknowledge.LastPacketAt.ShouldBeGreaterThan(0);
        acknowledge.LastPacketAt.ShouldBeLessThanOrEqualTo(acknowledge.AppliedAt);
        device.SendInner(request);
        site.ReceiveInner(0.3).ShouldBeNull();
        gateway.Control.WaitFor<FlowReport>(report => report.Flows.Any(flow => flow is { Allowed: false, Reason: "NoRule" }));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_rule_that_ends_cuts_what_it_allowed_without_control_saying_so(bool controlIsAway)
    {
        using var gateway = new RunningGateway(_fleet, withRule: false);
        using var site = gateway.Connect(_fleet.Site);
        using var device = gateway.Connect(_fleet.Device);
        var end = DateTimeOffset.UtcNow.AddSeconds(1.2).ToUnixTimeMilliseconds() * 1_000_000;
        Change(gateway, 2, delta => delta with { Rules = [_fleet.Rule with { Until = end }] });
        ServingTests.Converse(site, device);
        if (controlIsAway)
        {
            gateway.Control.Kill();
            Thread.Sleep(TimeSpan.FromSeconds(1.5));
            gateway.Control.Start();
        }

        var report = gateway.Control.WaitFor<ScheduleReport>();
        report.Rules.ShouldBe([TestFleet.RuleId]);
        (report.DueAt, report.FlowsCut).ShouldBe((end, 1));
        report.AppliedAt.ShouldBeGreaterThanOrEqualTo(end);
        report.LastPacketAt.ShouldBeLessThan(end);
        device.SendInner(InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 5_000));
        site.ReceiveInner(0.3).ShouldBeNull();
    }

    [Fact]
    public void Hours_open_and_close_by_the_clock()
    {
        using var gateway = new RunningGateway(_fleet, withRule: false);
        using var site = gateway.Connect(_fleet.Site);
        using var device = gateway.Connect(_fleet.Device);

        // A zone in which it is almost eight o'clock, and one second later a minute past.
        var opens = DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 2;
        var toEight = (8 * 3600) - (opens % 86_400);
        var zone = new ZoneModel("Test/Zone", [0, toEight, opens + 2, toEight + 60]);
        Change(gateway, 2, delta => delta with { Rules = [_fleet.Rule with { Windows = ["daily 08:00-08:01 Test/Zone"] }], Zones = [zone] });
        device.SendInner(InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 5_000));
        device.ReceiveInner().ShouldNotBeNull("an ICMP refusal")[9].ShouldBe((byte)1);

        gateway.Control.WaitFor<ScheduleReport>(report => report.DueAt == opens * 1_000_000_000L).FlowsCut.ShouldBe(0);
        ServingTests.Converse(site, device);
        var closed = gateway.Control.WaitFor<ScheduleReport>(report => report.DueAt == (opens + 2) * 1_000_000_000L);
        (closed.Rules.Single(), closed.FlowsCut).ShouldBe((TestFleet.RuleId, 1));
        device.SendInner(InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 5_000));
        site.ReceiveInner(0.3).ShouldBeNull();
    }

    [Fact]
    public void A_rule_that_denies_cuts_what_another_allows()
    {
        using var gateway = new RunningGateway(_fleet);
        using var site = gateway.Connect(_fleet.Site);
        using var device = gateway.Connect(_fleet.Device);
        ServingTests.Converse(site, device);

        var deny = _fleet.Rule with { Id = 9, Effect = "deny" };
        Change(gateway, 2, delta => delta with { Rules = [deny] }).FlowsCut.ShouldBe(1);
        Change(gateway, 3, delta => delta with { RemovedRules = [9] });
        ServingTests.Converse(site, device);
    }

    [Fact]
    public void Whom_a_rule_leads_beyond_the_gateway_host_fetches_the_route_and_nobody_else_does()
    {
        var vendor = IpPrefix.Parse("203.0.113.0/24");
        using var gateway = new RunningGateway(_fleet);
        var beyond = _fleet.ModelWithEgress();
        Change(gateway, 2, delta => delta with
        {
            Networks = [beyond.Networks[^1]], Identities = [beyond.Identities[^1]], Applications = [beyond.Applications[^1]], Appearances = beyond.Appearances,
        });
        using var other = gateway.Connect(_fleet.OtherDevice);
        using (var device = gateway.Connect(_fleet.Device))
        {
            device.Options!.Routes.ShouldNotContain(vendor);
            Change(gateway, 3, delta => delta with { Rules = [TestFleet.EgressRule] });
            device.PumpFor(TimeSpan.FromSeconds(0.5));
            device.Messages.ShouldBeEmpty("nobody has the label");
            Change(gateway, 4, delta => delta with { Identities = [_fleet.DeviceModel with { Labels = new Dictionary<string, string> { ["out"] = "yes" } }] });
            device.PumpUntil(() => device.Messages.Contains(ControlMessage.Restart), "RESTART");
        }

        using (var device = gateway.Connect(_fleet.Device))
        {
            device.Options!.Routes.ShouldContain(vendor);

            // It may keep the route until it comes again: policy denies what it leads to.
            Change(gateway, 5, delta => delta with { RemovedRules = [TestFleet.EgressId] });
            device.PumpFor(TimeSpan.FromSeconds(0.5));
            device.Messages.ShouldBeEmpty();
        }

        using var again = gateway.Connect(_fleet.Device);
        again.Options!.Routes.ShouldNotContain(vendor);
        other.PumpFor(TimeSpan.FromSeconds(0.5));
        other.Messages.ShouldBeEmpty();
    }

    [Fact]
    public void A_revoked_device_is_cut_and_told_to_stay_away()
    {
        using var gateway = new RunningGateway(_fleet);
        using var site = gateway.Connect(_fleet.Site);
        using var device = gateway.Connect(_fleet.Device);
        ServingTests.Converse(site, device);

        var acknowledge = Change(gateway, 2, delta => delta with { Identities = [_fleet.DeviceModel with { Active = false, Credentials = [] }] });

        (acknowledge.TunnelsCut, acknowledge.FlowsCut).ShouldBe((1, 1));
        device.SendInner(InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 5_000));
        site.ReceiveInner(0.3).ShouldBeNull();
        device.PumpUntil(() => device.Messages.Contains(ControlMessage.Halt), "HALT");
        gateway.Control.WaitForTunnel(tunnel => !tunnel.Up).EndReason.ShouldBe("revoked");
    }

    [Fact]
    public void A_snapshot_without_a_device_cuts_it_as_well()
    {
        using var gateway = new RunningGateway(_fleet);
        using var device = gateway.Connect(_fleet.Device);
        var model = _fleet.Model();

        gateway.Control.Send(new Snapshot(9, model with { Identities = [.. model.Identities.Where(identity => identity.Id != TestFleet.DeviceId)] }));

        gateway.Control.WaitFor<Acknowledge>(acknowledge => acknowledge.Version == 9).TunnelsCut.ShouldBe(1);
    }

    [Fact]
    public void A_quarantined_device_is_cut_and_told_nothing()
    {
        using var gateway = new RunningGateway(_fleet);
        using var device = gateway.Connect(_fleet.Device);

        Change(gateway, 2, delta => delta with { Identities = [_fleet.DeviceModel with { Active = false }] }).TunnelsCut.ShouldBe(1);

        device.PumpFor(TimeSpan.FromSeconds(0.5));
        device.Messages.ShouldBeEmpty();
    }

    [Fact]
    public void A_device_whose_address_changed_fetches_it()
    {
        using var gateway = new RunningGateway(_fleet);
        using var device = gateway.Connect(_fleet.Device);

        Change(gateway, 2, delta => delta with { Identities = [_fleet.DeviceModel with { AddressV4 = "10.20.0.99" }] });

        device.PumpUntil(() => device.Messages.Contains(ControlMessage.Restart), "RESTART");
        using var again = gateway.Connect(_fleet.Device);
        again.Options!.Ifconfig!.Value.Address.ToString().ShouldBe("10.20.0.99");
    }

    [Fact]
    public void New_routes_are_fetched_by_those_whom_they_concern()
    {
        using var gateway = new RunningGateway(_fleet);
        using var site = gateway.Connect(_fleet.Site);
        using var device = gateway.Connect(_fleet.Device);

        Change(gateway, 2, delta => delta with { Identities = [_fleet.SiteModel with { Subnets = ["192.168.50.0/24", "192.168.51.0/24"] }] })
            .TunnelsCut.ShouldBe(0);

        device.PumpUntil(() => device.Messages.Contains(ControlMessage.Restart), "RESTART");
        site.PumpFor(TimeSpan.FromSeconds(0.3));
        site.Messages.ShouldBeEmpty("nobody is sent the way to itself");
        ServingTests.Converse(site, device);
    }

    [Fact]
    public void A_change_that_does_not_concern_a_tunnel_leaves_it_alone()
    {
        using var gateway = new RunningGateway(_fleet);
        using var device = gateway.Connect(_fleet.Device);

        Change(gateway, 2, delta => delta with { Identities = [_fleet.DeviceModel with { Labels = new Dictionary<string, string> { ["a"] = "b" } }] })
            .TunnelsCut.ShouldBe(0);

        device.PumpFor(TimeSpan.FromSeconds(0.3));
        device.Messages.ShouldBeEmpty();
    }

    [Fact]
    public void An_operator_may_disconnect_a_device_which_comes_again()
    {
        using var gateway = new RunningGateway(_fleet);
        using var device = gateway.Connect(_fleet.Device);

        gateway.Control.Send(new Disconnect(TestFleet.DeviceId, "because"));

        device.PumpUntil(() => device.Messages.Contains(ControlMessage.Restart), "RESTART");
        using var again = gateway.Connect(_fleet.Device);
    }

    [Fact]
    public void Tunnels_serve_on_while_control_is_gone_and_it_hears_of_them_when_it_is_back()
    {
        using var gateway = new RunningGateway(_fleet);
        using var site = gateway.Connect(_fleet.Site);
        gateway.Control.WaitForTunnel(tunnel => tunnel.Up);

        gateway.Control.Kill();
        ServingTests.Converse(site, gateway.Connect(_fleet.Device));
        gateway.Control.Forget();
        gateway.Control.Start();

        gateway.Control.WaitFor<Hello>().ModelVersion.ShouldBe(1);
        gateway.Control.WaitFor<Ready>().Listening.ShouldBe(gateway.Listening);
        gateway.Control.WaitForTunnel(tunnel => tunnel is { Up: true, IdentityId: TestFleet.SiteId });
        gateway.Control.WaitForTunnel(tunnel => tunnel is { Up: true, IdentityId: TestFleet.DeviceId });
        gateway.Control.WaitFor<FlowReport>(report => report.Flows.Any(flow => flow.FromId == TestFleet.DeviceId));
        gateway.Control.WaitFor<Acknowledge>().TunnelsCut.ShouldBe(0);
        gateway.Control.Received<CertificateRequest>().ShouldBeEmpty("the certificate in hand serves");
    }

    [Fact]
    public void A_tunnel_that_ended_while_control_was_gone_is_reported_when_it_is_back()
    {
        using var gateway = new RunningGateway(_fleet);
        var device = gateway.Connect(_fleet.Device, isStream: true);
        gateway.Control.WaitForTunnel(tunnel => tunnel.Up);

        gateway.Control.Kill();
        device.Dispose();
        gateway.Control.Forget();
        gateway.Control.Start();

        gateway.Control.WaitForTunnel(tunnel => tunnel is { Up: false, EndReason: "the connection was closed" });
    }

    [Fact]
    public void What_control_forbade_while_it_was_gone_is_cut_when_it_is_back()
    {
        using var gateway = new RunningGateway(_fleet);
        using var device = gateway.Connect(_fleet.Device);
        gateway.Control.Kill();
        gateway.Control.Forget();
        var model = _fleet.Model();
        gateway.Control.Model = model with { Identities = [_fleet.SiteModel, _fleet.DeviceModel with { Active = false, Credentials = [] }] };
        gateway.Control.Version = 2;

        gateway.Control.Start();

        gateway.Control.WaitFor<Acknowledge>(acknowledge => acknowledge.Version == 2).TunnelsCut.ShouldBe(1);
    }

    [Fact]
    public void An_orderly_stop_reports_the_end_of_every_tunnel()
    {
        using var gateway = new RunningGateway(_fleet);
        using var device = gateway.Connect(_fleet.Device);
        gateway.Control.WaitForTunnel(tunnel => tunnel.Up);

        gateway.Stop();

        gateway.Control.WaitForTunnel(tunnel => !tunnel.Up).EndReason.ShouldBe("the gateway stopped");
    }

    public void Dispose() => _fleet.Dispose();

    private static Acknowledge Change(RunningGateway gateway, long version, Func<Delta, Delta> change)
    {
        gateway.Control.Send(change(new Delta { Version = version, CommittedAt = 1 }));
        return gateway.Control.WaitFor<Acknowledge>(acknowledge => acknowledge.Version == version);
    }
}
