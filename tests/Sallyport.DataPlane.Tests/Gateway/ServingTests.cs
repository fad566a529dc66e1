using Sallyport.Api.Nodes;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Gateway;

/// <summary>The whole gateway on loopback with our own client role.</summary>
public sealed class ServingTests : IDisposable
{
    private readonly TestFleet _fleet = new();

    [Fact]
    public void A_device_reaches_the_application_behind_a_site_and_is_answered()
    {
        using var gateway = new RunningGateway(_fleet);
        using var site = gateway.Connect(_fleet.Site);
        using var device = gateway.Connect(_fleet.Device);
        var request = InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 5_000);

        device.SendInner(request);

        site.ReceiveInner().ShouldBe(request);
        var answer = InnerPackets.Udp(TestFleet.ApplicationAddress, TestFleet.DeviceAddress, 5_000, 40_000);
        site.SendInner(answer);
        device.ReceiveInner().ShouldBe(answer);
        gateway.Control.WaitFor<FlowReport>(report => report.Flows.Any(flow => flow.Allowed && flow.FromId == TestFleet.DeviceId))
            .Flows[0].RuleId.ShouldBe(TestFleet.RuleId);
    }

    public void Dispose() => _fleet.Dispose();
}
