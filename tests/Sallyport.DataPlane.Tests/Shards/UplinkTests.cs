using Sallyport.Core.Gateway;
using Sallyport.DataPlane.Shards;
using Sallyport.DataPlane.Tests.Fixtures;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Tests.Shards;

/// <summary>A site with two uplinks, on one shard and on two.</summary>
public sealed class UplinkTests : IDisposable
{
    private static readonly OuterPath FirstAt = PathFixture.At("198.51.100.1", 4500);
    private static readonly OuterPath SecondAt = PathFixture.At("203.0.113.1", 4500);
    private static readonly OuterPath DeviceAt = PathFixture.At("198.51.100.2", 2000);

    private readonly PathFixture _here;
    private readonly PathFixture _there;

    public UplinkTests()
    {
        var fabric = new Fabric(2, new Meters());
        _here = new PathFixture(fabric, 0);
        _there = new PathFixture(fabric, 1);
    }

    [Fact]
    public void Packets_to_the_site_take_the_lowest_uplink_that_is_well()
    {
        var second = _here.OpenIpsec(TestFleet.SiteId, SecondAt, uplink: 2);
        var device = _here.Open(TestFleet.DeviceId, DeviceAt);
        Way(device).ShouldBe(SecondAt);

        var first = _here.OpenIpsec(TestFleet.SiteId, FirstAt);
        Way(device).ShouldBe(FirstAt);
        _here.Notices().ShouldNotContain(notice => notice.Kind == TunnelNoticeKind.Ended);

        _here.Path.Demote(first.Slot, first.TunnelId, isDemoted: true);
        Way(device).ShouldBe(SecondAt);
        _here.Path.Demote(second.Slot, second.TunnelId, isDemoted: true);
        Way(device).ShouldBe(FirstAt, "where none is well, the lowest");
        _here.Path.Demote(second.Slot, second.TunnelId, isDemoted: false);
        Way(device).ShouldBe(SecondAt);

        first.Send(Answer()).ShouldBe(DropReason.None);
        Way(device).ShouldBe(FirstAt, "it was heard of again");
        _here.Path.Close(first.Slot, TunnelEnd.Silent);
        Way(device).ShouldBe(SecondAt);
        _here.Path.Close(second.Slot, TunnelEnd.Silent);
        device.Send(Request());
        _here.Sent().ShouldHaveSingleItem().To.ShouldBe(DeviceAt.Peer, "nobody is there: the sender is told");
    }

    [Fact]
    public void Packets_from_any_uplink_are_the_sites()
    {
        var first = _here.OpenIpsec(TestFleet.SiteId, FirstAt);
        var second = _here.OpenIpsec(TestFleet.SiteId, SecondAt, uplink: 2);
        var device = _here.Open(TestFleet.DeviceId, DeviceAt);
        Way(device).ShouldBe(FirstAt);
        foreach (var uplink in new[] { first, second })
        {
            uplink.Send(Answer()).ShouldBe(DropReason.None);
            device.Open(_here.Sent().ShouldHaveSingleItem().Packet).ShouldBe(Answer());
        }
    }

    [Fact]
    public void A_new_tunnel_takes_the_place_of_the_same_uplink_alone()
    {
        var first = _here.OpenIpsec(TestFleet.SiteId, FirstAt);
        var second = _here.OpenIpsec(TestFleet.SiteId, SecondAt, uplink: 2);
        _here.Notices();
        _here.OpenIpsec(TestFleet.SiteId, SecondAt with { Peer = DeviceAt.Peer }, uplink: 2);
        _here.Notices().Single(notice => notice.Kind == TunnelNoticeKind.Ended).TunnelId.ShouldBe(second.TunnelId);
        _here.Tunnels.IsLive(first.Slot).ShouldBeTrue();
        _here.Open(TestFleet.SiteId, FirstAt);
        _here.Notices().Single(notice => notice.Kind == TunnelNoticeKind.Ended).TunnelId.ShouldBe(first.TunnelId);
    }

    [Fact]
    public void Uplinks_on_two_shards_stand_in_for_each_other()
    {
        var second = _here.OpenIpsec(TestFleet.SiteId, SecondAt, uplink: 2);
        var first = _there.OpenIpsec(TestFleet.SiteId, FirstAt with { Shard = 1 });
        var device = _here.Open(TestFleet.DeviceId, DeviceAt);

        device.Send(Request()).ShouldBe(DropReason.None);
        _here.Sent().ShouldBeEmpty("the first uplink is on the other shard");
        _there.TakeHandedOver().ShouldBe([DropReason.None]);
        first.Open(_there.Sent().ShouldHaveSingleItem().Packet).ShouldBe(Request());

        _there.Path.Demote(first.Slot, first.TunnelId, isDemoted: true);
        Way(device).ShouldBe(SecondAt);
        second.Send(Answer()).ShouldBe(DropReason.None);
        device.Open(_here.Sent().ShouldHaveSingleItem().Packet).ShouldBe(Answer());

        _there.Path.Demote(first.Slot, first.TunnelId, isDemoted: false);
        device.Send(Request());
        _there.TakeHandedOver().ShouldBe([DropReason.None]);
        _there.Path.Close(first.Slot, TunnelEnd.Silent);
        Way(device).ShouldBe(SecondAt);
    }

    [Fact]
    public void A_new_tunnel_on_another_shard_replaces_that_of_its_uplink()
    {
        var first = _here.OpenIpsec(TestFleet.SiteId, FirstAt);
        var second = _here.OpenIpsec(TestFleet.SiteId, SecondAt, uplink: 2);
        _there.OpenIpsec(TestFleet.SiteId, SecondAt with { Shard = 1 }, uplink: 2);
        _here.Mailbox.TryTake(out var command).ShouldBeTrue();
        var replace = command.ShouldBeOfType<ReplaceTunnel>();
        replace.TunnelId.ShouldBe(second.TunnelId);
        _here.Path.ReplaceFromElsewhere(replace.IdentityId, replace.TunnelId, replace.By, _here.Now);
        (_here.Tunnels.IsLive(first.Slot), _here.Tunnels.IsLive(second.Slot)).ShouldBe((true, false));
    }

    [Fact]
    public void Esp_that_came_to_the_wrong_shard_finds_its_own()
    {
        var site = _there.OpenIpsec(TestFleet.SiteId, FirstAt with { Shard = 1 });
        var device = _here.Open(TestFleet.DeviceId, DeviceAt);
        device.Send(Request());
        _there.TakeHandedOver();
        _there.Sent();

        // As all that comes as an IP protocol does, which the kernel steers nowhere.
        var capable = Answer();
        _here.ReceiveIpsec(site.Seal(capable), FirstAt, tos: 3).ShouldBe(DropReason.None);
        _there.TakeHandedOver().ShouldBe([DropReason.CongestionMarked], "the mark came along");
        _here.ReceiveIpsec(site.Seal(Answer()), FirstAt).ShouldBe(DropReason.None);
        _there.TakeHandedOver().ShouldBe([DropReason.None]);
        _here.TakeHandedOver().ShouldBe([DropReason.None]);
        device.Open(_here.Sent().ShouldHaveSingleItem().Packet).ShouldBe(Answer());
    }

    [Fact]
    public void What_is_too_big_for_a_tunnel_of_another_shard_is_answered_where_it_came_from()
    {
        var site = _there.OpenIpsec(TestFleet.SiteId, FirstAt with { Shard = 1 });
        var device = _here.Open(TestFleet.DeviceId, DeviceAt);
        var big = InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 5_000, 1450);
        big[6] = 0x40;
        device.Send(big).ShouldBe(DropReason.None);
        _there.TakeHandedOver().ShouldBe([DropReason.PacketTooBig]);
        _there.Sent().ShouldBeEmpty();
        _here.TakeHandedOver().ShouldBe([DropReason.None]);
        var error = device.Open(_here.Sent().ShouldHaveSingleItem().Packet);
        (error[20], error[21], (error[26] << 8) | error[27]).ShouldBe(((byte)3, (byte)4, site.Tunnel.InnerMax));
    }

    public void Dispose()
    {
        _here.Dispose();
        _there.Dispose();
    }

    private static byte[] Request() => InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 5_000);

    private static byte[] Answer() => InnerPackets.Udp(TestFleet.ApplicationAddress, TestFleet.DeviceAddress, 5_000, 40_000);

    /// <summary>Where what the device sends to the site leaves for.</summary>
    private OuterPath Way(PathPeer device)
    {
        _here.Sent();
        device.Send(Request()).ShouldBe(DropReason.None);
        var to = _here.Sent().ShouldHaveSingleItem().To;
        return to == FirstAt.Peer ? FirstAt : to == SecondAt.Peer ? SecondAt : default;
    }
}
