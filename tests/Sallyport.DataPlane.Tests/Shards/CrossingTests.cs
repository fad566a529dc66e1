using Sallyport.Core.Gateway;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Shards;
using Sallyport.DataPlane.Tests.Fixtures;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Tests.Shards;

/// <summary>Two shards: the device's tunnel on the first, the site's on the second.</summary>
public sealed class CrossingTests : IDisposable
{
    private static readonly OuterPath SiteAt = PathFixture.At("198.51.100.1", 1000) with { Shard = 1 };
    private static readonly OuterPath DeviceAt = PathFixture.At("198.51.100.2", 2000);
    private static readonly OuterPath Elsewhere = PathFixture.At("203.0.113.9", 9999);

    private readonly PathFixture _first;
    private readonly PathFixture _second;

    public CrossingTests()
    {
        var fabric = new Fabric(2, new Meters());
        _first = new PathFixture(fabric, 0);
        _second = new PathFixture(fabric, 1);
    }

    [Fact]
    public void A_conversation_crosses_both_ways_and_is_recorded_where_it_was_opened()
    {
        var (device, site) = OpenBoth();
        var (request, answer) = (Request(), Answer());

        device.Send(request).ShouldBe(DropReason.None);
        _second.TakeHandedOver().ShouldBe([DropReason.None]);
        var arrived = _second.Sent().ShouldHaveSingleItem();
        arrived.To.ShouldBe(SiteAt.Peer);
        site.Open(arrived.Packet).ShouldBe(request);

        site.Send(answer).ShouldBe(DropReason.None);
        _first.TakeHandedOver().ShouldBe([DropReason.None]);
        device.Open(_first.Sent().ShouldHaveSingleItem().Packet).ShouldBe(answer);

        _first.Forwarder.TryDequeueFlow(out var record).ShouldBeTrue();
        (record.PacketsOut, record.PacketsBack).ShouldBe((1, 1));
        _second.Forwarder.TryDequeueFlow(out _).ShouldBeFalse();
        _second.Tunnels[site.Slot].PacketsOut.ShouldBe(1);
    }

    [Fact]
    public void The_other_side_cannot_begin()
    {
        var (_, site) = OpenBoth();

        site.Send(Answer());

        _first.TakeHandedOver().ShouldBeEmpty();
        _first.Sent().ShouldBeEmpty();
    }

    [Fact]
    public void What_one_shard_let_pass_the_other_judges_by_its_own_model()
    {
        var (device, _) = OpenBoth();
        _second.Forwarder.Adopt(Core.Policy.FleetModel.Empty, _second.Now);

        device.Send(Request()).ShouldBe(DropReason.None);

        _second.TakeHandedOver().ShouldBe([DropReason.IdentityNotActive]);
        _second.Sent().ShouldBeEmpty();
    }

    [Fact]
    public void A_tunnel_that_is_gone_meanwhile_drops_what_was_on_its_way()
    {
        var (device, site) = OpenBoth();
        device.Send(Request());
        _second.Path.Close(site.Slot, TunnelEnd.Silent);

        _second.TakeHandedOver().ShouldBe([DropReason.PeerOffline]);
        _second.Drops[DropReason.PeerOffline].ShouldBe(1);

        device.Send(Request());
        _second.TakeHandedOver().ShouldBeEmpty("the directory knows, and the sender is told");
        _first.Sent().ShouldHaveSingleItem();
    }

    [Fact]
    public void A_shard_that_does_not_keep_up_loses_packets_by_name_and_goes_on()
    {
        var (device, site) = OpenBoth();
        var results = Enumerable.Range(0, 12).Select(_ => device.Send(Request())).ToArray();

        results.Count(result => result == DropReason.None).ShouldBe(8);
        results.Count(result => result == DropReason.ShardQueueFull).ShouldBe(4);
        _second.TakeHandedOver().Count.ShouldBe(8);
        _second.Sent().Count.ShouldBe(8);
        device.Send(Request()).ShouldBe(DropReason.None);
        _second.TakeHandedOver().Count.ShouldBe(1);
        _second.Tunnels[site.Slot].PacketsOut.ShouldBe(9);
    }

    [Fact]
    public void A_data_packet_that_came_to_the_wrong_shard_finds_its_own_and_moves_the_tunnel()
    {
        var device = _first.Open(TestFleet.DeviceId, DeviceAt);
        var site = _first.Open(TestFleet.SiteId, SiteAt with { Shard = 0 });
        var request = Request();

        _second.Receive(device.Seal(request), Elsewhere with { Shard = 1 }).ShouldBe(DropReason.None);

        _first.TakeHandedOver().ShouldBe([DropReason.None]);
        site.Open(_first.Sent().ShouldHaveSingleItem().Packet).ShouldBe(request);
        _first.Tunnels[device.Slot].Path.ShouldBe(Elsewhere with { Shard = 0 });
    }

    [Fact]
    public void A_stream_with_another_shard_s_peer_id_is_a_stranger_and_reaches_no_other_shard()
    {
        var device = _first.Open(TestFleet.DeviceId, DeviceAt);
        var stream = Elsewhere with { Shard = 1, Socket = -1, Connection = 4 };

        _second.Receive(device.Seal(Request()), stream).ShouldBe(DropReason.UnknownPeer);

        _first.TakeHandedOver().ShouldBeEmpty();
    }

    [Fact]
    public void A_tunnel_keeps_its_address_when_only_ours_changed()
    {
        var (device, _) = OpenBoth();
        device.At = DeviceAt with { Local = IpAddress.Parse("192.0.2.99") };
        device.Send(Request()).ShouldBe(DropReason.None);
        _first.Tunnels[device.Slot].Path.Local.ToString().ShouldBe("192.0.2.99");

        _first.Fabric.Tunnels.TryTakeAddress(AddressKey.Of(DeviceAt), TestFleet.SiteId).ShouldBeFalse();
    }

    [Fact]
    public void A_forged_packet_to_the_wrong_shard_moves_nothing()
    {
        var device = _first.Open(TestFleet.DeviceId, DeviceAt);
        var forged = device.Seal(Request());
        forged[^1] ^= 1;

        _second.Receive(forged, Elsewhere with { Shard = 1 });

        _first.TakeHandedOver().ShouldBe([DropReason.BadTag]);
        _first.Tunnels[device.Slot].Path.ShouldBe(DeviceAt);
    }

    [Fact]
    public void A_newer_session_on_another_shard_replaces_the_older_one()
    {
        var older = _first.Open(TestFleet.DeviceId, DeviceAt);
        var newer = _second.Open(TestFleet.DeviceId, Elsewhere with { Shard = 1 });

        _first.Mailbox.TryTake(out var command).ShouldBeTrue();
        var replace = command.ShouldBeOfType<ReplaceTunnel>();
        _first.Path.ReplaceFromElsewhere(replace.IdentityId, replace.TunnelId, replace.By, _first.Now);

        _first.Tunnels.IsLive(older.Slot).ShouldBeFalse();
        _first.Notices().ShouldContain(notice => notice.Kind == TunnelNoticeKind.Ended && notice.End == TunnelEnd.Replaced);
        _second.Tunnels.IsLive(newer.Slot).ShouldBeTrue();
    }

    [Fact]
    public void A_peer_never_moves_onto_the_address_of_another_shard_s_identity()
    {
        var (device, _) = OpenBoth();
        device.At = SiteAt with { Shard = 0 };

        device.Send(Request()).ShouldBe(DropReason.WrongSourceAddress);

        _first.Tunnels[device.Slot].Path.ShouldBe(DeviceAt);
    }

    [Fact]
    public void Nothing_is_allocated_for_a_packet_that_crosses()
    {
        var (device, site) = OpenBoth();
        const int Packets = 2_000;
        var sealedPackets = Enumerable.Range(0, Packets).Select(_ => device.Seal(Request(payload: 1300))).ToArray();
        var lane = new Crossing(_second.Fabric, 1).Inbound.Single();
        void Carry(int from, int to)
        {
            for (var i = from; i < to; i++)
            {
                _first.Receive(sealedPackets[i], DeviceAt);
                while (lane.TryTake(out var head, out var packet))
                {
                    _second.Path.HandleHandedOver(head, packet, _second.Now);
                }

                _second.Outbox.Flush();
                lane.Release();
            }
        }

        Carry(0, Packets / 2);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Carry(Packets / 2, Packets);

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
        _second.Tunnels[site.Slot].PacketsOut.ShouldBe(Packets);
    }

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
    }

    private static byte[] Request(int payload = 100) =>
        InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 5_000, payload);

    private static byte[] Answer() => InnerPackets.Udp(TestFleet.ApplicationAddress, TestFleet.DeviceAddress, 5_000, 40_000);

    private (PathPeer Device, PathPeer Site) OpenBoth() =>
        (_first.Open(TestFleet.DeviceId, DeviceAt), _second.Open(TestFleet.SiteId, SiteAt));
}
