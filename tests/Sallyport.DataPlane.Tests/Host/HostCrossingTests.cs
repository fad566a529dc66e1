using Sallyport.Core.Gateway;
using Sallyport.Core.Nat;
using Sallyport.Core.Packets;
using Sallyport.DataPlane.Shards;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Host;

/// <summary>Two shards with a queue each; the device's tunnel is on the second, and the host's packets come to the first.</summary>
public sealed class HostCrossingTests : IDisposable
{
    private readonly PathFixture _first;
    private readonly PathFixture _second;
    private readonly TestTun _firstTun = new();
    private readonly TestTun _secondTun = new();

    public HostCrossingTests()
    {
        var fabric = new Fabric(2, new Meters());
        _first = new PathFixture(fabric, 0, withHost: true);
        _second = new PathFixture(fabric, 1, withHost: true);
        _first.Outbox.Host.Attach(_firstTun.Queue, TestTun.Handles);
        _second.Outbox.Host.Attach(_secondTun.Queue, TestTun.Handles);
    }

    [Fact]
    public void A_packet_of_the_host_is_judged_where_the_tunnel_is_and_answered_from_there()
    {
        var device = _second.Open(TestFleet.DeviceId, PathFixture.At("198.51.100.2", 2000) with { Shard = 1 });
        var request = InnerPackets.Udp(TestFleet.HostAddress, TestFleet.DeviceAddress, 5000, 161);
        _firstTun.Send(default, V6(request));

        _first.Host.Receive(_first.Model.Fleet, _first.Now);
        _first.Sent().ShouldBeEmpty();
        _second.TakeHandedOver().ShouldBe([DropReason.None]);
        device.Open(_second.Sent().ShouldHaveSingleItem().Packet)[20..26].ShouldBe(request[20..26]);

        device.Send(InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.HostAddress, 161, 5000)).ShouldBe(DropReason.None);
        _second.Outbox.Flush();
        _secondTun.Received().ShouldHaveSingleItem();
        _first.Forwarder.TryDequeueFlow(out _).ShouldBeFalse();
        _second.Forwarder.TryDequeueFlow(out var flow).ShouldBeTrue();
        (flow.FromId, flow.PacketsOut, flow.PacketsBack).ShouldBe((TestFleet.HostId, 1, 1));
    }

    [Fact]
    public void A_denied_packet_of_the_host_is_refused_where_the_tunnel_is()
    {
        _second.Open(TestFleet.DeviceId, PathFixture.At("198.51.100.2", 2000) with { Shard = 1 });
        _firstTun.Send(default, V6(InnerPackets.Udp(TestFleet.HostAddress, TestFleet.DeviceAddress, 5000, 162)));

        _first.Host.Receive(_first.Model.Fleet, _first.Now);
        _second.TakeHandedOver().ShouldBe([DropReason.None]);

        _second.Sent().ShouldBeEmpty();
        _secondTun.Received().ShouldHaveSingleItem();
        _firstTun.Received().ShouldBeEmpty();
        _second.Forwarder.Drops[(int)DropReason.NoApplication].ShouldBe(1);
    }

    public void Dispose()
    {
        foreach (var (fixture, tun) in new[] { (_first, _firstTun), (_second, _secondTun) })
        {
            fixture.Outbox.Host.Detach();
            fixture.Dispose();
            tun.Dispose();
        }
    }

    private static byte[] V6(byte[] packet)
    {
        InnerPacket.Read(packet, out var read).ShouldBe(DropReason.None);
        var head = new byte[HandleTranslation.HeadMax];
        HandleTranslation.ToV6(TestTun.Handles, TestFleet.NetworkId, packet, read, head, out var length).ShouldBe(DropReason.None);
        return [.. head[..length], .. packet[20..]];
    }
}
