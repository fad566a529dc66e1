using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Tests.Fixtures;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Tests.Shards;

public sealed class PacketPathTests : IDisposable
{
    private static readonly OuterPath SiteAt = PathFixture.At("198.51.100.1", 1000);
    private static readonly OuterPath DeviceAt = PathFixture.At("198.51.100.2", 2000);
    private static readonly OuterPath Elsewhere = PathFixture.At("203.0.113.9", 9999);

    private readonly PathFixture _fixture = new();

    [Fact]
    public void A_granted_packet_is_sealed_for_who_carries_its_destination()
    {
        var (site, device) = OpenBoth();
        var packet = Request();

        device.Send(packet).ShouldBe(DropReason.None);

        var sent = _fixture.Sent().ShouldHaveSingleItem();
        sent.To.ShouldBe(SiteAt.Peer);
        site.Open(sent.Packet).ShouldBe(packet);
    }

    [Theory]
    [InlineData(DataCipher.Aes128Cbc, HashKind.Sha512, CompressionFraming.StubSwap)]
    [InlineData(DataCipher.ChaCha20Poly1305, HashKind.Sha256, CompressionFraming.None)]
    [InlineData(DataCipher.Aes256Cbc, HashKind.Sha1, CompressionFraming.Lzo)]
    public void A_packet_changes_its_format_on_the_way_without_being_moved(DataCipher cipher, HashKind auth, CompressionFraming compression)
    {
        var site = _fixture.Open(TestFleet.SiteId, SiteAt, new DataFormat(cipher, auth, UsePeerId: false, compression));
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        var packet = Request(payload: 1472);

        device.Send(packet).ShouldBe(DropReason.None);
        site.Open(_fixture.Sent().ShouldHaveSingleItem().Packet).ShouldBe(packet);
    }

    [Theory]
    [InlineData(DataCipher.Aes256Gcm, true, CompressionFraming.None)]
    [InlineData(DataCipher.Aes256Gcm, true, CompressionFraming.Lzo)]
    [InlineData(DataCipher.Aes128Cbc, true, CompressionFraming.None)]
    [InlineData(DataCipher.Aes256Gcm, false, CompressionFraming.StubSwap)]
    public void Coalesced_packets_arrive_one_by_one_and_leave_as_runs_whatever_room_the_next_format_needs(
        DataCipher cipher, bool usePeerId, CompressionFraming compression)
    {
        var site = _fixture.Open(TestFleet.SiteId, SiteAt, new DataFormat(cipher, HashKind.Sha256, usePeerId, compression));
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        var packets = Enumerable.Range(0, 40).Select(i => Request(payload: i == 39 ? 333 : 1000)).ToArray();

        _fixture.ReceiveCoalesced([.. packets.Select(packet => device.Seal(packet))], DeviceAt);

        _fixture.Batch.Messages.ShouldBe(1);
        var sent = _fixture.Sent();
        sent.Select(one => site.Open(one.Packet)).ShouldBe(packets);
        sent.ShouldAllBe(one => one.To == SiteAt.Peer);
    }

    [Fact]
    public void A_forged_packet_among_coalesced_ones_is_dropped_alone()
    {
        var (site, device) = OpenBoth();
        var outers = Enumerable.Range(0, 5).Select(_ => device.Seal(Request())).ToArray();
        outers[2][^1] ^= 1;

        _fixture.ReceiveCoalesced(outers, DeviceAt);

        _fixture.Sent().Count.ShouldBe(4);
        _fixture.Drops[DropReason.BadTag].ShouldBe(1);
        _fixture.Tunnels[site.Slot].PacketsOut.ShouldBe(4);
    }

    [Fact]
    public void What_is_not_granted_is_refused_to_the_sender_alone()
    {
        var (_, device) = OpenBoth();

        device.Send(InnerPackets.Tcp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 8884, flags: 2));

        var refusal = _fixture.Sent().ShouldHaveSingleItem();
        refusal.To.ShouldBe(DeviceAt.Peer);
        var inner = device.Open(refusal.Packet);
        (inner[33] & 4).ShouldBe(4, "a RST");
    }

    [Theory]
    [InlineData(0x0000_0000u)]
    [InlineData(0x0001_8405u)]
    [InlineData(0x1fff_fffeu)]
    [InlineData(0x0000_0003u)]
    public void Cve_2023_46849_a_packet_with_a_fragment_head_is_no_IP(uint head)
    {
        var (_, device) = OpenBoth();
        var packet = new byte[sizeof(uint) + Request().Length];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(packet, head);
        Request().CopyTo(packet.AsSpan(sizeof(uint)));

        device.Send(packet);

        _fixture.Sent().ShouldBeEmpty();
        _fixture.Forwarder.Drops[(int)DropReason.NotIp].ShouldBe(1);
    }

    [Fact]
    public void A_destination_that_is_not_connected_is_reported_unreachable()
    {
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);

        device.Send(Request());

        var inner = device.Open(_fixture.Sent().ShouldHaveSingleItem().Packet);
        inner[9].ShouldBe((byte)1, "ICMP");
        inner[20].ShouldBe((byte)3, "destination unreachable");
    }

    [Fact]
    public void Nothing_is_allocated_for_a_forwarded_packet()
    {
        var (site, device) = OpenBoth();
        device.Send(Request());
        _fixture.Sent();
        const int Packets = 2_000;
        var sealedPackets = Enumerable.Range(0, Packets).Select(_ => device.Seal(Request(payload: 1300))).ToArray();
        for (var i = 0; i < Packets / 2; i++)
        {
            _fixture.Receive(sealedPackets[i], DeviceAt);
            _fixture.Outbox.Flush();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = Packets / 2; i < Packets; i++)
        {
            _fixture.Receive(sealedPackets[i], DeviceAt);
            _fixture.Outbox.Flush();
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
        _fixture.Tunnels[site.Slot].PacketsOut.ShouldBe(Packets + 1);
    }

    [Fact]
    public void Nothing_is_allocated_for_forged_replayed_or_refused_packets()
    {
        var (_, device) = OpenBoth();
        var forged = device.Seal(Request());
        forged[^1] ^= 1;
        var replayed = device.Seal(Request());
        var refused = Enumerable.Range(0, 200)
            .Select(_ => device.Seal(InnerPackets.Tcp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 8884, flags: 2))).ToArray();
        for (var i = 0; i < 100; i++)
        {
            Flood(forged, replayed, refused[i]);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 100; i < 200; i++)
        {
            Flood(forged, replayed, refused[i]);
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }

    [Fact]
    public void A_peer_moves_with_a_genuine_packet_from_another_address()
    {
        var (site, device) = OpenBoth();

        _fixture.Receive(device.Seal(Request()), Elsewhere).ShouldBe(DropReason.None);

        var moved = _fixture.Notices().Single(notice => notice.Kind == TunnelNoticeKind.Moved);
        moved.Path.ShouldBe(Elsewhere);
        moved.From.ShouldBe(DeviceAt);
        _fixture.Sent();
        site.Send(Answer());
        _fixture.Sent().ShouldHaveSingleItem().To.ShouldBe(Elsewhere.Peer);
    }

    [Fact]
    public void A_forged_packet_never_moves_a_peer()
    {
        var (site, device) = OpenBoth();
        var forged = device.Seal(Request());
        forged[^1] ^= 1;

        _fixture.Receive(forged, Elsewhere).ShouldBe(DropReason.BadTag);

        _fixture.Tunnels[device.Slot].Path.ShouldBe(DeviceAt);
        site.Send(Answer());
    }

    [Fact]
    public void A_replayed_packet_never_moves_a_peer()
    {
        var (_, device) = OpenBoth();
        var genuine = device.Seal(Request());
        _fixture.Receive(genuine, DeviceAt).ShouldBe(DropReason.None);

        _fixture.Receive(genuine, Elsewhere).ShouldBe(DropReason.Replayed);

        _fixture.Tunnels[device.Slot].Path.ShouldBe(DeviceAt);
    }

    /// <summary>CVE-2020-11810.</summary>
    [Fact]
    public void A_peer_never_moves_onto_the_address_of_another_identity()
    {
        var (site, device) = OpenBoth();

        _fixture.Receive(device.Seal(Request()), SiteAt).ShouldBe(DropReason.WrongSourceAddress);

        _fixture.Tunnels[device.Slot].Path.ShouldBe(DeviceAt);
        _fixture.Tunnels[site.Slot].Path.ShouldBe(SiteAt);
        _fixture.Sent().ShouldBeEmpty();
        _fixture.Drops[DropReason.WrongSourceAddress].ShouldBe(1);
    }

    [Fact]
    public void A_packet_on_a_stream_never_moves_a_peer()
    {
        var (_, device) = OpenBoth();
        var stream = Elsewhere with { Socket = -1, Connection = 3 };

        _fixture.Receive(device.Seal(Request()), stream).ShouldBe(DropReason.WrongSourceAddress);
        _fixture.Tunnels[device.Slot].Path.ShouldBe(DeviceAt);
    }

    [Fact]
    public void Packets_without_peer_id_are_known_by_their_address()
    {
        _fixture.Open(TestFleet.SiteId, SiteAt);
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt, PathFixture.Gcm with { UsePeerId = false });

        device.Send(Request()).ShouldBe(DropReason.None);
        _fixture.Receive(device.Seal(Request()), Elsewhere).ShouldBe(DropReason.UnknownPeer);
    }

    [Fact]
    public void Data_of_strangers_is_dropped_by_reason()
    {
        var (_, device) = OpenBoth();
        _fixture.Receive([], DeviceAt).ShouldBe(DropReason.TooShort);
        _fixture.Receive([0x48, 0xff, 0xff, 0xfe, 1, 2, 3], Elsewhere).ShouldBe(DropReason.UnknownPeer);
        _fixture.Receive([0x48, 0, 0], Elsewhere).ShouldBe(DropReason.UnknownPeer);
        _fixture.Receive([0x48, 0, 0, 0x20, 1], Elsewhere).ShouldBe(DropReason.UnknownPeer);
        _fixture.Receive([0xff, 1, 2, 3], DeviceAt).ShouldBe(DropReason.UnknownOpcode);
        var otherKey = device.Seal(Request());
        otherKey[0] |= 5;
        _fixture.Receive(otherKey, DeviceAt).ShouldBe(DropReason.UnknownKey);
    }

    [Fact]
    public void Control_packets_go_to_a_handshake_thread_until_its_queue_is_full()
    {
        byte[] control = [0x38, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
        for (var i = 0; i < DataPlaneLimits.ControlInCapacity; i++)
        {
            _fixture.Receive(control, Elsewhere).ShouldBe(DropReason.None);
        }

        _fixture.Receive(control, Elsewhere).ShouldBe(DropReason.HandshakeQueueFull);
        var packet = new byte[DataPlaneLimits.ControlPacketMax];
        _fixture.Inbox.TryTake(packet, out var from, out var length).ShouldBeTrue();
        from.ShouldBe(Elsewhere);
        packet[..length].ShouldBe(control);
    }

    [Fact]
    public void The_newest_session_of_an_identity_wins_and_the_older_tunnel_ends()
    {
        var (_, old) = OpenBoth();
        _fixture.Now += TimeSpan.FromSeconds(5);
        var fresh = _fixture.Open(TestFleet.DeviceId, Elsewhere);

        var ended = _fixture.Notices().Single(notice => notice.Kind == TunnelNoticeKind.Ended);
        ended.End.ShouldBe(TunnelEnd.Replaced);
        ended.TunnelId.ShouldBe(old.TunnelId);
        ended.WasAlive.ShouldBeTrue();
        ended.From.ShouldBe(Elsewhere);
        old.Send(Request()).ShouldBe(DropReason.UnknownPeer);
        fresh.Send(Request()).ShouldBe(DropReason.None);
    }

    [Fact]
    public void A_tunnel_not_heard_of_for_two_pings_was_not_alive_when_it_was_replaced()
    {
        OpenBoth();
        _fixture.Now += TimeSpan.FromSeconds(21);
        _fixture.Open(TestFleet.DeviceId, Elsewhere);

        _fixture.Notices().Single(notice => notice.Kind == TunnelNoticeKind.Ended).WasAlive.ShouldBeFalse();
    }

    [Fact]
    public void The_client_of_a_replaced_tunnel_is_asked_and_its_answer_proves_a_clone()
    {
        var (_, old) = OpenBoth();
        _fixture.Open(TestFleet.DeviceId, Elsewhere);
        _fixture.Notices();
        var asked = _fixture.Sent().ShouldHaveSingleItem();
        asked.To.ShouldBe(DeviceAt.Peer);
        Occ.TryRead(old.Open(asked.Packet), out var type).ShouldBeTrue();
        type.ShouldBe(OccType.Request);

        old.Send(Request()).ShouldBe(DropReason.UnknownPeer);
        _fixture.Notices().ShouldBeEmpty("it was on its way");
        var answer = new byte[Occ.Length];
        Occ.Write(answer, OccType.Reply);
        old.Send(answer).ShouldBe(DropReason.UnknownPeer);

        var cloned = _fixture.Notices().ShouldHaveSingleItem();
        cloned.Kind.ShouldBe(TunnelNoticeKind.Cloned);
        (cloned.Path, cloned.From).ShouldBe((DeviceAt, Elsewhere));
        _fixture.Sent().ShouldBeEmpty();
    }

    [Fact]
    public void A_replaced_client_that_speaks_on_is_a_clone_and_a_forger_is_not()
    {
        var (_, old) = OpenBoth();
        _fixture.Open(TestFleet.DeviceId, Elsewhere);
        _fixture.Notices();
        _fixture.Now += DataPlaneLimits.OnItsWay;
        var forged = old.Seal(Ping.Payload);
        forged[^1] ^= 1;
        _fixture.Receive(forged, DeviceAt);
        _fixture.Notices().ShouldBeEmpty();

        old.Send(Ping.Payload).ShouldBe(DropReason.UnknownPeer);

        _fixture.Notices().ShouldHaveSingleItem().Kind.ShouldBe(TunnelNoticeKind.Cloned);
        old.Send(Ping.Payload).ShouldBe(DropReason.UnknownPeer);
        _fixture.Notices().ShouldBeEmpty("once");
    }

    [Fact]
    public void A_replaced_tunnel_is_forgotten_after_its_time()
    {
        var (_, old) = OpenBoth();
        _fixture.Open(TestFleet.DeviceId, Elsewhere);
        _fixture.Notices();
        _fixture.Now += DataPlaneLimits.GhostTime;
        _fixture.Path.HandleTimeout(old.Slot, _fixture.Now);

        _fixture.Tunnels.IsGhost(old.Slot).ShouldBeFalse();
        old.Send(Ping.Payload).ShouldBe(DropReason.UnknownPeer);
        _fixture.Notices().ShouldBeEmpty();
    }

    [Fact]
    public void A_ping_is_sent_after_ten_seconds_of_silence_and_not_before()
    {
        var (site, _) = OpenBoth();
        _fixture.Now += TimeSpan.FromSeconds(9.9);
        _fixture.Path.HandleTimeout(site.Slot, _fixture.Now);
        _fixture.Sent().ShouldBeEmpty();

        _fixture.Now += TimeSpan.FromSeconds(0.1);
        _fixture.Path.HandleTimeout(site.Slot, _fixture.Now);
        _fixture.Path.HandleTimeout(site.Slot, _fixture.Now);

        site.Open(_fixture.Sent().ShouldHaveSingleItem().Packet).ShouldBe(Ping.Payload.ToArray());
    }

    [Fact]
    public void Pings_keep_a_tunnel_alive_and_are_not_forwarded_and_silence_ends_it()
    {
        var (_, device) = OpenBoth();
        _fixture.Now += TimeSpan.FromSeconds(119);
        device.Send(Ping.Payload).ShouldBe(DropReason.None);
        _fixture.Sent().ShouldBeEmpty();
        _fixture.Now += TimeSpan.FromSeconds(119);
        _fixture.Path.HandleTimeout(device.Slot, _fixture.Now);
        _fixture.Tunnels.IsLive(device.Slot).ShouldBeTrue();

        _fixture.Now += TimeSpan.FromSeconds(1);
        _fixture.Path.HandleTimeout(device.Slot, _fixture.Now);

        _fixture.Tunnels.IsLive(device.Slot).ShouldBeFalse();
        _fixture.Notices().Last().End.ShouldBe(TunnelEnd.Silent);
    }

    [Fact]
    public void An_exit_message_ends_the_tunnel_at_once()
    {
        var (_, device) = OpenBoth();
        var exit = new byte[Occ.Length];
        Occ.Write(exit, OccType.Exit);

        device.Send(exit);

        _fixture.Notices().Last().End.ShouldBe(TunnelEnd.PeerExit);
        device.Send(exit).ShouldBe(DropReason.UnknownPeer);
    }

    [Fact]
    public void A_new_key_opens_at_once_and_seals_when_the_peer_has_used_it()
    {
        var (site, device) = OpenBoth();
        var (ours, theirs) = _fixture.MakeKey(PathFixture.Gcm, 1, (uint)site.Slot);
        site.Use(1, theirs);
        _fixture.Path.InstallKey(site.Slot, site.TunnelId, ours, 1, _fixture.Now, _fixture.Now + TimeSpan.FromSeconds(60)).ShouldBeTrue();

        device.Send(Request());
        (_fixture.Sent().ShouldHaveSingleItem().Packet[0] & 7).ShouldBe(0);
        site.SealingKey = 1;
        site.Send(Ping.Payload).ShouldBe(DropReason.None);
        device.Send(Request());
        (_fixture.Sent().ShouldHaveSingleItem().Packet[0] & 7).ShouldBe(1);
        site.SealingKey = 0;
        site.Send(Ping.Payload).ShouldBe(DropReason.None, "stragglers under the old key are still opened");
    }

    [Fact]
    public void A_key_for_a_tunnel_that_is_gone_stays_the_callers()
    {
        var (site, _) = OpenBoth();
        _fixture.Path.Close(site.Slot, TunnelEnd.Silent);
        var (ours, theirs) = _fixture.MakeKey(PathFixture.Gcm, 1, 0);

        _fixture.Path.InstallKey(site.Slot, site.TunnelId, ours, 1, _fixture.Now, _fixture.Now).ShouldBeFalse();

        ours.Free();
        theirs.Free();
    }

    [Theory]
    [InlineData(1460, 1360)]
    [InlineData(1200, 1200)]
    public void Segments_are_clamped_to_what_fits_both_tunnels(int announced, int expected)
    {
        var (site, device) = OpenBoth();

        device.Send(InnerPackets.Tcp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 8883, flags: 2, mss: announced));

        var inner = site.Open(_fixture.Sent().ShouldHaveSingleItem().Packet);
        ((inner[42] << 8) | inner[43]).ShouldBe(expected);
    }

    [Fact]
    public void A_slot_rests_before_its_peer_id_is_used_again()
    {
        var (site, _) = OpenBoth();
        _fixture.Path.Close(site.Slot, TunnelEnd.Silent);

        _fixture.PeerIds.TryAllot(out var next);
        next.ShouldNotBe(site.Slot);
    }

    public void Dispose() => _fixture.Dispose();

    private static byte[] Request(int payload = 100) =>
        InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 5_000, payload);

    private static byte[] Answer() => InnerPackets.Udp(TestFleet.ApplicationAddress, TestFleet.DeviceAddress, 5_000, 40_000);

    private (PathPeer Site, PathPeer Device) OpenBoth() =>
        (_fixture.Open(TestFleet.SiteId, SiteAt), _fixture.Open(TestFleet.DeviceId, DeviceAt));

    private void Flood(byte[] forged, byte[] replayed, byte[] refused)
    {
        _fixture.Receive(forged, Elsewhere);
        _fixture.Receive(replayed, DeviceAt);
        _fixture.Receive(refused, DeviceAt);
        _fixture.Outbox.Flush();
        _fixture.Now += TimeSpan.FromSeconds(1);
    }
}
