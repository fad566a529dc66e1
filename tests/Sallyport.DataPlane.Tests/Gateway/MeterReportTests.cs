using Sallyport.Api.Nodes;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Gateway;

/// <summary>What control hears of volumes.</summary>
public sealed class MeterReportTests : IDisposable
{
    private readonly TestFleet _fleet = new();

    [Fact]
    public void Volumes_are_told_when_they_have_changed_and_all_of_them_on_every_new_link()
    {
        using var gateway = new RunningGateway(_fleet);
        gateway.Control.Send(new Delta { Version = 2, CommittedAt = 0, Identities = [_fleet.DeviceModel with { Limit = new LimitModel { VolumeBytes = 1_000_000 } }] });
        gateway.Control.WaitFor<Acknowledge>(ack => ack.Version == 2);
        using var site = gateway.Connect(_fleet.Site);
        using var device = gateway.Connect(_fleet.Device);
        device.SendInner(InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 5_000, payload: 72));
        site.ReceiveInner().ShouldNotBeNull();
        Told(gateway, 100);

        // Three times its turn comes.
        gateway.Control.Forget();
        gateway.Control.WaitFor<DropReport>(_ => gateway.Control.Received<DropReport>().Count >= 3);
        gateway.Control.Received<MeterReport>().ShouldBeEmpty("nothing is new");

        device.SendInner(InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 5_000, payload: 72));
        Told(gateway, 200);
        gateway.Control.Forget();
        gateway.Control.EndLink();
        Told(gateway, 200);
    }

    public void Dispose() => _fleet.Dispose();

    private static void Told(RunningGateway gateway, long bytes) =>
        gateway.Control.WaitFor<MeterReport>(report => report.Meters.Any(meter => meter is { Kind: "identity", Id: TestFleet.DeviceId } && meter.Bytes == bytes));
}
