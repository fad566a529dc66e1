using System.Buffers.Binary;
using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Handshakes;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Shards;
using Sallyport.DataPlane.Tests.Fixtures;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Tests.Shards;

public sealed class EspPathTests : IDisposable
{
    private static readonly OuterPath SiteAt = PathFixture.At("198.51.100.1", 1000);
    private static readonly OuterPath DeviceAt = PathFixture.At("198.51.100.2", 4500);
    private static readonly OuterPath Elsewhere = PathFixture.At("203.0.113.9", 9999);

    private readonly PathFixture _fixture = new();

    public static TheoryData<EspSuite> Suites =>
    [
        new EspSuite(EspCipher.Aes128Gcm, default, false), new EspSuite(EspCipher.ChaCha20Poly1305, default, true),
        new EspSuite(EspCipher.Aes256Cbc, HashKind.Sha512, false), new EspSuite(EspCipher.Aes128Cbc, HashKind.Sha1, true),
        new EspSuite(EspCipher.Aes256Gmac, default, true),
    ];

    [Theory]
    [MemberData(nameof(Suites))]
    public void Packets_pass_between_ipsec_and_openvpn_both_ways(EspSuite suite)
    {
        var site = _fixture.Open(TestFleet.SiteId, SiteAt);
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt, suite);
        var (request, answer) = (Request(payload: 1300), Answer(payload: 1300));

        device.Send(request).ShouldBe(DropReason.None);
        var sent = _fixture.Sent().ShouldHaveSingleItem();
        sent.To.ShouldBe(SiteAt.Peer);
        site.Open(sent.Packet).ShouldBe(request);

        site.Send(answer).ShouldBe(DropReason.None);
        sent = _fixture.Sent().ShouldHaveSingleItem();
        sent.To.ShouldBe(DeviceAt.Peer);
        device.Open(sent.Packet).ShouldBe(answer);
        (device.Tunnel.PacketsIn, device.Tunnel.PacketsOut).ShouldBe((1, 1));
    }

    [Fact]
    public void Both_ends_may_be_ipsec_and_one_without_udp()
    {
        var raw = DeviceAt with { Peer = DeviceAt.Peer with { Port = 0 } };
        var site = _fixture.OpenIpsec(TestFleet.SiteId, SiteAt);
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, raw);

        device.Send(Request()).ShouldBe(DropReason.None);
        site.Open(_fixture.Sent().ShouldHaveSingleItem().Packet).ShouldBe(Request());
        _fixture.Fabric.Situations.Of(TestFleet.DeviceId).Protocol.ShouldBe(TunnelProtocol.IpsecEsp);
        _fixture.Fabric.Situations.Of(TestFleet.SiteId).Protocol.ShouldBe(TunnelProtocol.IpsecUdp);
        site.Tunnel.InnerMax.ShouldBe(EspOverhead.MaxPacket(EspPeer.Gcm, EspMode.Tunnel, false, isUdp: true, DataPlaneLimits.OuterMtu));
        device.Tunnel.InnerMax.ShouldBe(EspOverhead.MaxPacket(EspPeer.Gcm, EspMode.Tunnel, false, isUdp: false, DataPlaneLimits.OuterMtu));
    }

    [Fact]
    public void Coalesced_packets_arrive_one_by_one_and_leave_as_runs()
    {
        var site = _fixture.OpenIpsec(TestFleet.SiteId, SiteAt);
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        var packets = Enumerable.Range(0, 40).Select(i => Request(payload: i == 39 ? 333 : 1000)).ToArray();

        _fixture.ReceiveCoalesced([.. packets.Select(packet => device.Seal(packet))], DeviceAt);

        _fixture.Batch.Messages.ShouldBe(1);
        _fixture.Sent().Select(one => site.Open(one.Packet)).ShouldBe(packets);
    }

    [Fact]
    public void What_is_not_granted_is_refused_through_the_sa()
    {
        _fixture.Open(TestFleet.SiteId, SiteAt);
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt);
        device.Send(InnerPackets.Tcp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 8884, flags: 2));
        var inner = device.Open(_fixture.Sent().ShouldHaveSingleItem().Packet);
        (inner[33] & 4).ShouldBe(4, "a RST");
    }

    [Fact]
    public void An_inner_source_that_is_not_the_peers_is_dropped()
    {
        _fixture.Open(TestFleet.SiteId, SiteAt);
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt);
        device.Send(InnerPackets.Udp(IpAddress.Parse("10.20.0.77"), TestFleet.ApplicationAddress, 40_000, 5_000));
        _fixture.Sent().ShouldBeEmpty();
        _fixture.Forwarder.Drops[(int)DropReason.SpoofedSource].ShouldBe(1);
    }

    [Fact]
    public void What_comes_outside_the_selectors_is_dropped_before_anybody_judges_it()
    {
        _fixture.Open(TestFleet.SiteId, SiteAt);
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt, childless: true);
        var own = TrafficSelector.Of(TestFleet.DeviceAddress);
        device.Install(device.MakeChild(isUsed: true, local: [TrafficSelector.Of(TestFleet.ApplicationAddress) with { Protocol = 17 }], remote: [own]));

        device.Send(Request()).ShouldBe(DropReason.None);
        _fixture.Sent().Count.ShouldBe(1);
        device.Send(InnerPackets.Udp(TestFleet.DeviceAddress, IpAddress.Parse("10.20.0.99"), 40_000, 5_000)).ShouldBe(DropReason.OutsideSelectors);
        device.Send(InnerPackets.Tcp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 8883, flags: 2)).ShouldBe(DropReason.OutsideSelectors);
        device.Send(InnerPackets.Udp(IpAddress.Parse("10.20.0.77"), TestFleet.ApplicationAddress, 1, 2)).ShouldBe(DropReason.OutsideSelectors);
        _fixture.Drops[DropReason.OutsideSelectors].ShouldBe(3);
        _fixture.Sent().ShouldBeEmpty();
        device.Tunnel.LastReceived.ShouldBe(_fixture.Now);
    }

    [Fact]
    public void What_no_sa_holds_does_not_leave()
    {
        var site = _fixture.OpenIpsec(TestFleet.SiteId, SiteAt, childless: true);
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        device.Send(Request()).ShouldBe(DropReason.OutsideSelectors, "there is no SA yet");
        site.Install(site.MakeChild(isUsed: true, remote: [TrafficSelector.Of(IpAddress.Parse("192.168.99.1"))]));
        device.Send(Request()).ShouldBe(DropReason.OutsideSelectors);
        site.Install(site.MakeChild(isUsed: true, remote: [TrafficSelector.Of(TestFleet.ApplicationAddress)]));
        device.Send(Request()).ShouldBe(DropReason.None);
        site.Open(_fixture.Sent().ShouldHaveSingleItem().Packet).ShouldBe(Request());
    }

    [Fact]
    public void Each_packet_takes_the_sa_whose_selectors_hold_it()
    {
        var site = _fixture.OpenIpsec(TestFleet.SiteId, SiteAt, childless: true);
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        var udp = site.MakeChild(isUsed: true, local: [EspPeer.Everything[0] with { Protocol = 17 }], remote: [EspPeer.Everything[0] with { Protocol = 17 }]);
        var tcp = site.MakeChild(isUsed: true, local: [EspPeer.Everything[0] with { Protocol = 6 }], remote: [EspPeer.Everything[0] with { Protocol = 6 }]);
        site.Install(udp);
        site.Install(tcp);

        device.Send(Request()).ShouldBe(DropReason.None);
        site.GatewaySpiOf(_fixture.Sent().ShouldHaveSingleItem().Packet).ShouldBe(udp.Sa.InboundSpi);
        device.Send(InnerPackets.Tcp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 8883, flags: 2)).ShouldBe(DropReason.None);
        site.GatewaySpiOf(_fixture.Sent().ShouldHaveSingleItem().Packet).ShouldBe(tcp.Sa.InboundSpi);
    }

    /// <summary>We answer a peer that rekeys: what it sealed before and after comes mixed, ours changes when it has deleted the old SA.</summary>
    [Fact]
    public void A_rekey_loses_no_packet_whatever_the_order()
    {
        var site = _fixture.Open(TestFleet.SiteId, SiteAt);
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt);
        var old = device.Spi;
        var before = Enumerable.Range(0, 50).Select(_ => device.Seal(Request())).ToArray();
        var next = device.MakeChild(isUsed: false);
        device.Install(next);
        var after = Enumerable.Range(0, 50).Select(_ => device.Seal(Request())).ToArray();
        var mixed = before.Zip(after).SelectMany(pair => new[] { pair.Second, pair.First }).Reverse().ToArray();

        for (var i = 0; i < mixed.Length; i++)
        {
            if (i == 60)
            {
                _fixture.Path.UseChild(device.Slot, device.TunnelId, next.Sa.InboundSpi);
                _fixture.Path.RemoveChild(device.Slot, device.TunnelId, old, TimeSpan.FromSeconds(5), _fixture.Now);
            }

            _fixture.ReceiveIpsec(mixed[i], DeviceAt).ShouldBe(DropReason.None);
            SpiOfAnswer(site, device).ShouldBe(i < 60 ? old : next.Sa.InboundSpi);
        }

        _fixture.Now += TimeSpan.FromSeconds(5);
        device.SealWith(old);
        var late = device.Seal(Request());
        _fixture.Path.HandleTimeout(device.Slot, _fixture.Now);
        _fixture.ReceiveIpsec(late, DeviceAt).ShouldBe(DropReason.UnknownSpi);
        _fixture.Path.Children.Count.ShouldBe(1);
    }

    [Fact]
    public void Forged_replayed_and_unknown_packets_cost_a_count_and_no_byte_of_memory()
    {
        _fixture.Open(TestFleet.SiteId, SiteAt);
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt);
        var forged = device.Seal(Request());
        forged[^1] ^= 1;
        var genuine = device.Seal(Request());
        _fixture.ReceiveIpsec(genuine, DeviceAt).ShouldBe(DropReason.None);
        _fixture.Sent();
        var unknown = genuine.ToArray();
        unknown[0] ^= 0x55;
        var path = device.Tunnel.Path;

        void Flood(int times)
        {
            for (var i = 0; i < times; i++)
            {
                _fixture.ReceiveIpsec(forged, Elsewhere);
                _fixture.ReceiveIpsec(genuine, Elsewhere);
                _fixture.ReceiveIpsec(unknown, Elsewhere);
                _fixture.ReceiveIpsec([0xff], Elsewhere);
                _fixture.ReceiveIpsec([1, 2, 3], Elsewhere);
            }
        }

        Flood(50);
        LeastAllocated(() => Flood(1000)).ShouldBe(0);
        var times = _fixture.Drops[DropReason.BadTag];
        times.ShouldBeGreaterThanOrEqualTo(1050);
        foreach (var reason in new[] { DropReason.Replayed, DropReason.UnknownSpi, DropReason.NatKeepalive, DropReason.TooShort })
        {
            _fixture.Drops[reason].ShouldBe(times);
        }

        device.Tunnel.Path.ShouldBe(path);
        _fixture.Sent().ShouldBeEmpty();
    }

    [Fact]
    public void Nothing_is_allocated_for_a_forwarded_packet()
    {
        _fixture.OpenIpsec(TestFleet.SiteId, SiteAt);
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt);
        var packets = new Queue<byte[]>(Enumerable.Range(0, 3_000).Select(_ => device.Seal(Request(payload: 1300))));
        void Forward()
        {
            for (var i = 0; i < 500; i++)
            {
                _fixture.ReceiveIpsec(packets.Dequeue(), DeviceAt);
                _fixture.Outbox.Flush();
            }
        }

        Forward();
        LeastAllocated(Forward).ShouldBe(0);
        device.Tunnel.PacketsIn.ShouldBeGreaterThanOrEqualTo(1_000);
    }

    [Fact]
    public void A_peer_behind_a_nat_is_followed_by_its_newest_packet_alone()
    {
        _fixture.Open(TestFleet.SiteId, SiteAt);
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt, options: new IpsecOptions { FollowsPeer = true });
        _fixture.Notices();
        var (older, newer) = (device.Seal(Request()), device.Seal(Request()));

        _fixture.ReceiveIpsec(newer, Elsewhere).ShouldBe(DropReason.None);
        var moved = _fixture.Notices().ShouldHaveSingleItem();
        (moved.Kind, moved.Path, moved.From, moved.IsIpsec).ShouldBe((TunnelNoticeKind.Moved, Elsewhere, DeviceAt, true));

        _fixture.ReceiveIpsec(older, DeviceAt).ShouldBe(DropReason.None, "it was overtaken");
        _fixture.ReceiveIpsec(newer, DeviceAt).ShouldBe(DropReason.Replayed);
        device.Tunnel.Path.ShouldBe(Elsewhere);
    }

    [Fact]
    public void A_peer_that_says_where_it_is_is_not_followed_but_by_its_word()
    {
        _fixture.Open(TestFleet.SiteId, SiteAt);
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt);
        _fixture.ReceiveIpsec(device.Seal(Request()), Elsewhere).ShouldBe(DropReason.None);
        device.Tunnel.Path.ShouldBe(DeviceAt);

        var move = new MovePath(device.Slot, device.TunnelId, Elsewhere, DeviceAt.Peer.Ip, FollowsPeer: false, KeepsNatAlive: false);
        _fixture.Path.MovePath(move, _fixture.Now);
        device.Tunnel.Path.ShouldBe(Elsewhere);
        _fixture.Fabric.Situations.Of(TestFleet.DeviceId).Source.ShouldBe(DeviceAt.Peer.Ip, "it has not shown yet that it receives there");

        _fixture.Path.MovePath(move with { ShownAt = Elsewhere.Peer.Ip }, _fixture.Now);
        _fixture.Fabric.Situations.Of(TestFleet.DeviceId).Source.ShouldBe(Elsewhere.Peer.Ip);
    }

    [Fact]
    public void Peers_with_one_address_are_told_apart_by_their_spis()
    {
        var raw = DeviceAt with { Peer = DeviceAt.Peer with { Port = 0 } };
        var site = _fixture.OpenIpsec(TestFleet.SiteId, raw);
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, raw);
        device.Send(Request()).ShouldBe(DropReason.None);
        site.Open(_fixture.Sent().ShouldHaveSingleItem().Packet).ShouldBe(Request());
        _fixture.Notices().ShouldNotContain(notice => notice.Kind == TunnelNoticeKind.Ended);
    }

    [Fact]
    public void The_newest_tunnel_of_an_identity_wins_across_protocols()
    {
        var openVpn = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        _fixture.Open(TestFleet.SiteId, SiteAt);
        var ipsec = _fixture.OpenIpsec(TestFleet.DeviceId, Elsewhere);
        _fixture.Notices().Single(notice => notice.Kind == TunnelNoticeKind.Ended).TunnelId.ShouldBe(openVpn.TunnelId);
        ipsec.Send(Request()).ShouldBe(DropReason.None);

        _fixture.Open(TestFleet.DeviceId, DeviceAt);
        var ended = _fixture.Notices().Single(notice => notice.Kind == TunnelNoticeKind.Ended);
        (ended.TunnelId, ended.End, ended.IsIpsec, ended.WasAlive).ShouldBe((ipsec.TunnelId, TunnelEnd.Replaced, true, true));
        _fixture.Now += DataPlaneLimits.GhostTime;
        _fixture.Path.HandleTimeout(ipsec.Slot, _fixture.Now);
        ipsec.Send(Request()).ShouldBe(DropReason.UnknownSpi, "its keys are gone in the end");
        _fixture.Path.Children.Count.ShouldBe(0);
    }

    /// <summary>As with a peer that proves anew who it is, and deletes its old IKE SA when the new one is there.</summary>
    [Fact]
    public void What_was_on_its_way_by_a_tunnel_that_was_replaced_still_passes()
    {
        _fixture.Open(TestFleet.SiteId, SiteAt);
        var old = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt);
        var fresh = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt);
        _fixture.Notices();
        _fixture.Now += DataPlaneLimits.OnItsWay - TimeSpan.FromSeconds(1);
        old.Send(Request()).ShouldBe(DropReason.None);
        _fixture.Sent().ShouldHaveSingleItem();
        fresh.Send(Request()).ShouldBe(DropReason.None);
        _fixture.Sent().ShouldHaveSingleItem();

        _fixture.Path.Decided(_fixture.Now);
        old.Send(Request()).ShouldBe(DropReason.UnknownPeer, "what was decided may have been about its credential");
        _fixture.Sent().ShouldBeEmpty();
        _fixture.Now += TimeSpan.FromSeconds(1);
        old.Send(Request()).ShouldBe(DropReason.UnknownPeer);
        _fixture.Notices().ShouldBeEmpty("it is where its successor is");
        old.Send(Request()).ShouldBe(DropReason.UnknownSpi);
    }

    /// <summary>A device that has come again.</summary>
    private EspPeer OpenReplaced(OuterPath by)
    {
        _fixture.Open(TestFleet.SiteId, SiteAt);
        var old = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt);
        _fixture.OpenIpsec(TestFleet.DeviceId, by);
        _fixture.Notices();
        return old;
    }

    [Fact]
    public void What_comes_by_a_replaced_tunnel_that_rules_may_judge_otherwise_does_not_pass()
    {
        var old = OpenReplaced(by: Elsewhere);
        _fixture.Now += TimeSpan.FromSeconds(1);
        old.Send(Request()).ShouldBe(DropReason.UnknownPeer);
        _fixture.Sent().ShouldBeEmpty();
        _fixture.Notices().ShouldBeEmpty("it was on its way");
    }

    [Fact]
    public void A_replaced_peer_that_speaks_on_from_elsewhere_is_told_of_once_and_passes_nothing()
    {
        var old = OpenReplaced(by: Elsewhere);
        _fixture.Now += DataPlaneLimits.OnItsWay;
        var forged = old.Seal(Request());
        forged[^1] ^= 1;
        _fixture.ReceiveIpsec(forged, DeviceAt).ShouldBe(DropReason.BadTag);
        _fixture.Notices().ShouldBeEmpty();

        old.Send(Request()).ShouldBe(DropReason.UnknownPeer);
        _fixture.Sent().ShouldBeEmpty();
        var cloned = _fixture.Notices().ShouldHaveSingleItem();
        (cloned.Kind, cloned.Path, cloned.From).ShouldBe((TunnelNoticeKind.Cloned, DeviceAt, Elsewhere));
        old.Send(Request()).ShouldBe(DropReason.UnknownSpi);
        _fixture.Notices().ShouldBeEmpty("once");
    }

    [Fact]
    public void A_client_that_went_elsewhere_and_uses_its_old_keys_from_there_once_more_is_no_second_one()
    {
        var old = OpenReplaced(by: Elsewhere);
        _fixture.Now += DataPlaneLimits.OnItsWay;
        _fixture.ReceiveIpsec(old.Seal(Request()), Elsewhere).ShouldBe(DropReason.UnknownPeer);
        _fixture.Notices().ShouldBeEmpty();
    }

    /// <summary>Rules judge by what they know now: what comes by the older keys is not covered by what the newer tunnel has become.</summary>
    [Fact]
    public void Nothing_passes_by_a_replaced_tunnel_when_its_successor_is_judged_otherwise_by_then()
    {
        var old = OpenReplaced(by: DeviceAt);
        old.Send(Request()).ShouldBe(DropReason.None);
        var fresh = _fixture.Tunnels.OfIdentity(TestFleet.DeviceId);
        _fixture.Path.MovePath(new MovePath(fresh, _fixture.Tunnels[fresh].Id, Elsewhere, Elsewhere.Peer.Ip, FollowsPeer: false, KeepsNatAlive: false), _fixture.Now);
        old.Send(Request()).ShouldBe(DropReason.UnknownPeer);
    }

    /// <summary>A device that comes again from elsewhere, while anything at all is changed in the fleet.</summary>
    [Fact]
    public void What_was_on_its_way_when_something_was_decided_is_no_sign_of_a_second_client()
    {
        var old = OpenReplaced(by: Elsewhere);
        _fixture.Path.Decided(_fixture.Now);
        old.Send(Request()).ShouldBe(DropReason.UnknownPeer);
        _fixture.Sent().ShouldBeEmpty();
        _fixture.Notices().ShouldBeEmpty("it may have been sent before");

        _fixture.Now += DataPlaneLimits.OnItsWay;
        old.Send(Request()).ShouldBe(DropReason.UnknownPeer);
        _fixture.Notices().ShouldHaveSingleItem().Kind.ShouldBe(TunnelNoticeKind.Cloned);
    }

    [Theory]
    [InlineData(7, true)]
    [InlineData(8, false)]
    public void Whether_both_came_with_one_credential_is_told(int secret, bool isShared)
    {
        _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt, proof: new TunnelProof { SecretId = 7 });
        _fixture.OpenIpsec(TestFleet.DeviceId, Elsewhere, proof: new TunnelProof { SecretId = secret });
        _fixture.Notices().Single(notice => notice.End == TunnelEnd.Replaced).SharesCredential.ShouldBe(isShared);
    }

    [Fact]
    public void Marks_of_routers_come_in_and_go_out()
    {
        var site = _fixture.Open(TestFleet.SiteId, SiteAt);
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt);
        var capable = WithTos(Request(), 0xb8 | 2);
        device.Send(capable, tos: 3).ShouldBe(DropReason.None);
        site.Open(_fixture.Sent().ShouldHaveSingleItem().Packet)[1].ShouldBe((byte)(0xb8 | 3));
        device.Send(Request(), tos: 3).ShouldBe(DropReason.CongestionMarked);
        _fixture.Sent().ShouldBeEmpty();

        site.Send(WithTos(Answer(), 0xb8 | 2));
        _fixture.Batch.Tos(0).ShouldBe((byte)2, "the class stays inside");
        _fixture.Sent();
        site.Send(Answer());
        _fixture.Batch.Tos(0).ShouldBe((byte)0);
    }

    [Fact]
    public void Where_the_network_wants_it_the_class_is_shown_outside()
    {
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt, options: new IpsecOptions { CopiesDscp = true, SilentAfter = TimeSpan.MaxValue });
        var site = _fixture.OpenIpsec(TestFleet.SiteId, SiteAt);
        device.Send(Request());
        _fixture.Sent();
        site.Send(WithTos(Answer(), 0xb8 | 2));
        _fixture.Batch.Tos(0).ShouldBe((byte)(0xb8 | 2));
    }

    [Fact]
    public void What_is_too_big_and_may_not_be_cut_is_answered_with_what_fits()
    {
        var site = _fixture.OpenIpsec(TestFleet.SiteId, SiteAt);
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        var big = Request(payload: 1450);
        big[6] = 0x40;

        device.Send(big);
        var sent = _fixture.Sent().ShouldHaveSingleItem();
        sent.To.ShouldBe(DeviceAt.Peer);
        var error = device.Open(sent.Packet);
        (error[20], error[21]).ShouldBe(((byte)3, (byte)4));
        BinaryPrimitives.ReadUInt16BigEndian(error.AsSpan(26)).ShouldBe((ushort)site.Tunnel.InnerMax);
        _fixture.Forwarder.Drops[(int)DropReason.PacketTooBig].ShouldBe(1);

        var fits = Request(payload: site.Tunnel.InnerMax - 28);
        fits[6] = 0x40;
        device.Send(fits).ShouldBe(DropReason.None);
        var outer = _fixture.Sent().ShouldHaveSingleItem().Packet;
        (outer.Length + 28).ShouldBeLessThanOrEqualTo(DataPlaneLimits.OuterMtu);
        site.Open(outer).Length.ShouldBe(site.Tunnel.InnerMax);
    }

    [Fact]
    public void What_may_be_cut_is_cut_inside()
    {
        var site = _fixture.OpenIpsec(TestFleet.SiteId, SiteAt);
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        var big = Request(payload: 1900);
        big[5] = 77;

        device.Send(big).ShouldBe(DropReason.None);
        var parts = _fixture.Sent().Select(one => (Outer: one.Packet.Length, Inner: site.Open(one.Packet))).ToList();
        parts.Count.ShouldBe(2);
        parts.ShouldAllBe(part => part.Outer + 28 <= DataPlaneLimits.OuterMtu);
        parts.SelectMany(part => part.Inner[20..]).ToArray().ShouldBe(big[20..]);
        site.Tunnel.PacketsOut.ShouldBe(1);
    }

    [Fact]
    public void A_path_that_becomes_narrower_narrows_the_tunnel_within_bounds_and_widens_again()
    {
        var site = _fixture.OpenIpsec(TestFleet.SiteId, SiteAt);
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        int Expected(int mtu) => EspOverhead.MaxPacket(EspPeer.Gcm, EspMode.Tunnel, false, isUdp: true, mtu);
        foreach (var (known, outer) in new[] { (1300, 1300), (100, DataPlaneLimits.OuterMtuMinV4), (0, DataPlaneLimits.OuterMtu), (9000, DataPlaneLimits.OuterMtu) })
        {
            _fixture.KernelMtu = known;
            device.Send(Request());
            _fixture.Sent();
            _fixture.Now += DataPlaneLimits.MeasureEvery;
            _fixture.Path.HandleTimeout(site.Slot, _fixture.Now);
            site.Tunnel.InnerMax.ShouldBe(Expected(outer));
        }
    }

    [Fact]
    public void Segments_are_clamped_to_what_fits_the_sa()
    {
        var site = _fixture.OpenIpsec(TestFleet.SiteId, SiteAt);
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        device.Tunnels(_fixture).InnerMax = 1500;
        device.Send(InnerPackets.Tcp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 8883, flags: 2, mss: 1460)).ShouldBe(DropReason.None);
        var syn = site.Open(_fixture.Sent().ShouldHaveSingleItem().Packet);
        BinaryPrimitives.ReadUInt16BigEndian(syn.AsSpan(42)).ShouldBe((ushort)(site.Tunnel.InnerMax - 40));
    }

    [Fact]
    public void A_worn_sa_is_reported_with_its_spi_and_again_where_nothing_comes_of_it()
    {
        _fixture.Open(TestFleet.SiteId, SiteAt);
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt, childless: true);
        device.Install(device.MakeChild(isUsed: true, lifetime: new EspLifetime(0, 0, SoftPackets: 2, HardPackets: 0)));
        _fixture.Notices();
        device.Send(Request());
        _fixture.Path.HandleTimeout(device.Slot, _fixture.Now);
        _fixture.Notices().ShouldBeEmpty();
        device.Send(Request());
        _fixture.Path.HandleTimeout(device.Slot, _fixture.Now);
        _fixture.Path.HandleTimeout(device.Slot, _fixture.Now);
        var needed = _fixture.Notices().ShouldHaveSingleItem();
        (needed.Kind, needed.Spi).ShouldBe((TunnelNoticeKind.NeedsKey, device.Spi));

        _fixture.Now += DataPlaneLimits.RekeyAgainAfter;
        _fixture.Path.HandleTimeout(device.Slot, _fixture.Now);
        _fixture.Notices().ShouldHaveSingleItem().Kind.ShouldBe(TunnelNoticeKind.NeedsKey);
    }

    [Fact]
    public void Rules_see_the_weakest_cipher_that_packets_may_still_come_by()
    {
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt, new EspSuite(EspCipher.Aes128Cbc, HashKind.Sha256, false));
        Cipher().ShouldBe(TunnelCipher.Aes128Cbc);
        var old = device.Spi;
        device.Suite = EspPeer.Gcm;
        device.Install(device.MakeChild(isUsed: true));
        _fixture.Path.RemoveChild(device.Slot, device.TunnelId, old, TimeSpan.FromSeconds(5), _fixture.Now);
        Cipher().ShouldBe(TunnelCipher.Aes128Cbc, "what is on its way comes by it");
        _fixture.Now += TimeSpan.FromSeconds(6);
        _fixture.Path.HandleTimeout(device.Slot, _fixture.Now);
        Cipher().ShouldBe(TunnelCipher.Aes256Gcm);

        TunnelCipher Cipher() => _fixture.Fabric.Situations.Of(TestFleet.DeviceId).Cipher;
    }

    [Fact]
    public void When_one_uplink_ends_rules_see_the_other_as_it_is()
    {
        var first = _fixture.OpenIpsec(TestFleet.SiteId, SiteAt, uplink: 1);
        var second = _fixture.OpenIpsec(TestFleet.SiteId, Elsewhere, uplink: 2);
        _fixture.Path.HandleTimeout(first.Slot, _fixture.Now);
        _fixture.Fabric.Situations.Of(TestFleet.SiteId).Source.ShouldBe(Elsewhere.Peer.Ip);

        _fixture.Path.Close(second.Slot, TunnelEnd.SessionEnded);
        _fixture.Path.HandleTimeout(first.Slot, _fixture.Now);
        _fixture.Fabric.Situations.Of(TestFleet.SiteId).Source.ShouldBe(SiteAt.Peer.Ip);
    }

    [Fact]
    public void A_silent_peer_is_reported_again_and_again_and_never_closed_here()
    {
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt, options: new IpsecOptions { SilentAfter = TimeSpan.FromSeconds(30) });
        _fixture.Notices();
        List<double> told = [];
        var began = _fixture.Now;
        for (var second = 1; second <= 200; second++)
        {
            _fixture.Now = began + TimeSpan.FromSeconds(second);
            if (second == 100)
            {
                device.Send(Request());
            }

            _fixture.Path.HandleTimeout(device.Slot, _fixture.Now);
            if (_fixture.Notices().Any(notice => notice.Kind == TunnelNoticeKind.Silent))
            {
                told.Add(second);
            }
        }

        told.ShouldBe([30, 60, 90, 130, 160, 190]);
        _fixture.Tunnels.IsLive(device.Slot).ShouldBeTrue();
        _fixture.Sent().ShouldAllBe(one => one.Packet.Length > 1, "no ping, and we are behind no NAT");
    }

    [Fact]
    public void A_nats_mapping_is_kept_where_we_are_behind_one_and_nothing_else_was_sent()
    {
        _fixture.Open(TestFleet.SiteId, SiteAt);
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt, options: new IpsecOptions { KeepsNatAlive = true });
        _fixture.Now += TimeSpan.FromSeconds(19);
        _fixture.Path.HandleTimeout(device.Slot, _fixture.Now);
        _fixture.Sent().ShouldBeEmpty();
        _fixture.Now += TimeSpan.FromSeconds(1);
        _fixture.Path.HandleTimeout(device.Slot, _fixture.Now);
        _fixture.Path.HandleTimeout(device.Slot, _fixture.Now);
        _fixture.Sent().ShouldHaveSingleItem().Packet.ShouldBe([0xff]);
    }

    [Fact]
    public void Ike_goes_to_the_thread_whose_spis_have_its_residue_and_without_the_marker()
    {
        var message = new byte[60];
        BinaryPrimitives.WriteUInt64BigEndian(message, 77);
        (message[17], message[19]) = (0x20, 0x08);
        IkeInboxes.IndexOf(message, 5).ShouldBe(IkeInboxes.IndexOf(message, 5), "a first message stays with its peer's SPI");
        BinaryPrimitives.WriteUInt64BigEndian(message.AsSpan(8), 13);
        IkeInboxes.IndexOf(message, 5).ShouldBe(3);
        message[19] = 0x20;
        IkeInboxes.IndexOf(message, 5).ShouldBe(2);

        _fixture.ReceiveIpsec([0, 0, 0, 0, .. message], DeviceAt).ShouldBe(DropReason.UnknownPeer);
        _fixture.IkeInbox.Use(77, hasPeer: true);
        _fixture.ReceiveIpsec([0, 0, 0, 0, .. message], DeviceAt).ShouldBe(DropReason.None);
        var room = new byte[DataPlaneLimits.IkeMessageMax];
        _fixture.IkeInbox.TryTake(room, out var from, out var length).ShouldBeTrue();
        from.ShouldBe(DeviceAt);
        room[..length].ShouldBe(message);

        _fixture.ReceiveIpsec(message, DeviceAt, kind: SocketKind.Ike).ShouldBe(DropReason.None);
        _fixture.IkeInbox.TryTake(room, out _, out length).ShouldBeTrue();
        length.ShouldBe(message.Length);
    }

    [Fact]
    public void What_cannot_be_ike_reaches_no_thread()
    {
        _fixture.ReceiveIpsec([0, 0, 0, 0, 1, 2, 3], DeviceAt).ShouldBe(DropReason.TooShort);
        _fixture.ReceiveIpsec(new byte[27], DeviceAt, kind: SocketKind.Ike).ShouldBe(DropReason.TooShort);
        _fixture.ReceiveIpsec(new byte[DataPlaneLimits.IkeMessageMax + 1], DeviceAt, kind: SocketKind.Ike).ShouldBe(DropReason.TooLong);
        _fixture.ReceiveIpsec(new byte[60], DeviceAt with { Peer = DeviceAt.Peer with { Port = 0 } }, kind: SocketKind.Ike).ShouldBe(DropReason.WrongSourceAddress);
    }

    [Fact]
    public void An_sa_for_a_tunnel_that_is_gone_stays_the_callers()
    {
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt);
        var child = device.MakeChild(isUsed: true);
        _fixture.Path.Close(device.Slot, TunnelEnd.SessionEnded);
        _fixture.Path.InstallChild(device.Slot, device.TunnelId, child, _fixture.Now).ShouldBeFalse();
        var sa = child.Sa;
        sa.Exists.ShouldBeTrue();
        sa.Free();
        _fixture.Spis.Return(child.Sa.InboundSpi);
        _fixture.Path.Children.Count.ShouldBe(0);
    }

    [Fact]
    public void Transport_mode_gives_a_packet_between_the_two_ends()
    {
        var site = _fixture.Open(TestFleet.SiteId, SiteAt);
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt, childless: true);
        var ends = new EspEnds(TestFleet.ApplicationAddress, TestFleet.DeviceAddress, IsTranslated: true);
        device.Install(device.MakeChild(isUsed: true, mode: EspMode.Transport, ends: ends));
        device.Send(Request()).ShouldBe(DropReason.None);
        _fixture.Sent().Count.ShouldBe(1);
        device.Tunnel.PacketsIn.ShouldBe(1);
        SpiOfAnswer(site, device).ShouldBe(device.Spi);
    }

    [Fact]
    public void Sas_are_described_as_they_are()
    {
        _fixture.Open(TestFleet.SiteId, SiteAt);
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt);
        TunnelReporter.TryTake(ref device.Tunnel, _fixture.Now, out _).ShouldBeTrue("it has an SA that nobody knows of");
        device.Send(Request(payload: 72));
        var next = device.MakeChild(isUsed: false);
        device.Install(next);
        TunnelReporter.TryTake(ref device.Tunnel, _fixture.Now, out _).ShouldBeTrue();
        TunnelReporter.TryTake(ref device.Tunnel, _fixture.Now, out _).ShouldBeFalse();
        var room = new SaSnapshot[4];
        _fixture.Path.Describe(device.Tunnel, room).ShouldBe(2);
        (room[0].IsUsed, room[0].PacketsIn, room[0].BytesIn).ShouldBe((true, 1UL, 100UL));
        (room[1].IsUsed, room[1].InboundSpi).ShouldBe((false, next.Sa.InboundSpi));
    }

    public void Dispose() => _fixture.Dispose();

    private static byte[] Request(int payload = 100) => InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 5_000, payload);

    private static byte[] Answer(int payload = 100) => InnerPackets.Udp(TestFleet.ApplicationAddress, TestFleet.DeviceAddress, 5_000, 40_000, payload);

    private static byte[] WithTos(byte[] packet, int tos)
    {
        packet[1] = (byte)tos;
        packet[10] = packet[11] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), InternetChecksum.Compute(packet.AsSpan(0, 20)));
        return packet;
    }

    /// <summary>Of several times: a collection that another test causes adds to the count of this thread.</summary>
    private static long LeastAllocated(Action work)
    {
        var least = long.MaxValue;
        for (var i = 0; i < 5 && least != 0; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }

    /// <summary>By which SA, as the gateway knows it, an answer leaves for the device.</summary>
    private uint SpiOfAnswer(PathPeer site, EspPeer device)
    {
        _fixture.Sent();
        site.Send(Answer()).ShouldBe(DropReason.None);
        return device.GatewaySpiOf(_fixture.Sent().ShouldHaveSingleItem().Packet);
    }
}

file static class PeerExtensions
{
    public static ref Tunnel Tunnels(this PathPeer peer, PathFixture fixture) => ref fixture.Tunnels[peer.Slot];
}
