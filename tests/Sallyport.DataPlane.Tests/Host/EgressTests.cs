using Sallyport.Api.Nodes;
using Sallyport.Core.Dns;
using Sallyport.Core.Gateway;
using Sallyport.Core.Nat;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Dns;
using Sallyport.DataPlane.Host;
using Sallyport.DataPlane.Shards;
using Sallyport.DataPlane.Tests.Dns;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Host;

/// <summary>One shard between a device's tunnel and what lies beyond the gateway host.</summary>
public sealed class EgressTests : IDisposable
{
    private const int EgressNetwork = 9;
    private const int EgressId = 9;
    private static readonly OuterPath DeviceAt = PathFixture.At("198.51.100.2", 2000);
    private static readonly IpAddress Server = IpAddress.Parse("203.0.113.10");
    private static readonly IpAddress Guest = IpAddress.Parse("198.19.0.10");

    private readonly PathFixture _fixture = new(new Fabric(1, new Meters()), 0, dns: new DnsModel([]));
    private readonly TestTun _tun = new();

    public EgressTests()
    {
        _fixture.Outbox.Host.Attach(_tun.Queue, TestTun.Handles);
        _fixture.Adopt(new Delta
        {
            Version = 2,
            CommittedAt = 0,
            Networks = [new NetworkModel { Id = EgressNetwork, Name = "internet", Prefixes = [], Ciphers = [], Wrappings = [], Elsewhere = ["198.19.0.0/16"], Dns = new DnsModel([".=192.0.2.53"]) }],
            Identities = [new IdentityModel { Id = EgressId, NetworkId = EgressNetwork, Kind = "host", Name = "internet", Active = true, Subnets = ["0.0.0.0/0"] }],
            Applications =
            [
                new ApplicationModel { Id = 91, NetworkId = EgressNetwork, Name = "ntp", OwnerId = EgressId, Target = "203.0.113.0/24", Services = ["udp/123"] },
                new ApplicationModel { Id = 92, NetworkId = EgressNetwork, Name = "web", OwnerId = EgressId, Target = "0.0.0.0/0", Names = ["*.vendor.example"], Services = ["udp/443"] },
            ],
            Rules =
            [
                new RuleModel { Id = 91, SubjectKind = "device", SubjectId = TestFleet.DeviceId, NetworkId = TestFleet.NetworkId, ApplicationId = 91 },
                new RuleModel { Id = 92, SubjectKind = "device", SubjectId = TestFleet.DeviceId, NetworkId = TestFleet.NetworkId, ApplicationId = 92 },
            ],
            Appearances =
            [
                new AppearanceModel { Id = 1, Kind = "service", NetworkId = TestFleet.NetworkId, At = "203.0.113.0/24", HomeId = EgressNetwork, Of = "203.0.113.0/24" },
                new AppearanceModel { Id = 2, Kind = "service", NetworkId = TestFleet.NetworkId, At = "0.0.0.0/0", HomeId = EgressNetwork, Of = "0.0.0.0/0" },
                new AppearanceModel { Id = 3, Kind = "guest", NetworkId = EgressNetwork, At = "198.19.0.0/16", HomeId = TestFleet.NetworkId, Of = "10.20.0.0/16" },
            ],
        });
    }

    /// <summary>To an IPsec tunnel, which takes less in one piece than the host's device.</summary>
    [Fact]
    public void What_is_too_long_for_the_tunnel_is_cut_up_whatever_its_sender_wants()
    {
        _fixture.Outbox.Host.IsEgressOpen = true;
        var device = _fixture.OpenIpsec(TestFleet.DeviceId, DeviceAt);
        device.Send(InnerPackets.Udp(TestFleet.DeviceAddress, Server, 4000, 123, new byte[48])).ShouldBe(DropReason.None);
        _fixture.Outbox.Flush();
        var answer = InnerPackets.Udp(Server, Guest, 123, 4000, new byte[1450]);
        answer[6] = 0x40;
        answer[10] = answer[11] = 0;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(10), InternetChecksum.Compute(answer.AsSpan(0, 20)));
        for (var i = 0; i < 2; i++)
        {
            _tun.Send(default, answer);
        }

        _fixture.Host.Receive(_fixture.Forwarder.Model, _fixture.Now);
        var parts = _fixture.Sent().Select(one => device.Open(one.Packet)).ToList();
        parts.Count.ShouldBe(4);
        parts.ForEach(part => InternetChecksum.IsValid(part.AsSpan(0, 20)).ShouldBeTrue());
        parts.Select(part => (part[4] << 8) | part[5]).Distinct().Count().ShouldBe(2, "parts of two datagrams are told apart");
        parts.Take(2).Sum(part => part.Length - 20).ShouldBe(1458);
    }

    [Fact]
    public void A_packet_leaves_as_that_of_a_guest_and_its_answer_comes_back()
    {
        _fixture.Outbox.Host.IsEgressOpen = true;
        using var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        device.Send(InnerPackets.Udp(TestFleet.DeviceAddress, Server, 4000, 123, new byte[48])).ShouldBe(DropReason.None);
        _fixture.Outbox.Flush();
        var (offload, packet) = _tun.Received().ShouldHaveSingleItem();
        offload.ShouldBe(default);
        InnerPacket.Read(packet, out var read).ShouldBe(DropReason.None);
        (read.Ends.Source, read.Ends.Destination, read.Ends.SourcePort).ShouldBe((Guest, Server, (ushort)4000));

        _tun.Send(default, InnerPackets.Udp(Server, Guest, 123, 4000, new byte[48]));
        _fixture.Host.Receive(_fixture.Forwarder.Model, _fixture.Now);
        InnerPacket.Read(device.Open(_fixture.Sent().Single().Packet), out var answer).ShouldBe(DropReason.None);
        (answer.Ends.Source, answer.Ends.Destination).ShouldBe((Server, TestFleet.DeviceAddress));

        // Nobody else there is answered to, and nobody there is told anything.
        _tun.Send(default, InnerPackets.Udp(IpAddress.Parse("203.0.113.11"), Guest, 123, 4000, new byte[48]));
        _fixture.Host.Receive(_fixture.Forwarder.Model, _fixture.Now);
        _fixture.Sent().ShouldBeEmpty();
        _fixture.Outbox.Flush();
        _tun.Received().ShouldBeEmpty();
    }

    [Fact]
    public void Where_the_host_passes_nothing_on_the_sender_is_told_so()
    {
        using var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        device.Send(InnerPackets.Udp(TestFleet.DeviceAddress, Server, 4000, 123, new byte[48]));
        device.Open(_fixture.Sent().Single().Packet)[20].ShouldBe((byte)3, "ICMP: unreachable");
        _fixture.Outbox.Flush();
        _tun.Received().ShouldBeEmpty();
        _fixture.Forwarder.TryDequeueFlow(out var flow).ShouldBeTrue();
        (flow.Allowed, flow.Reason).ShouldBe((true, DropReason.PeerOffline));
    }

    [Fact]
    public void An_address_may_be_used_when_its_answer_arrives_and_only_by_who_asked()
    {
        _fixture.Outbox.Host.IsEgressOpen = true;
        using var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        using var other = _fixture.Open(TestFleet.OtherDeviceId, PathFixture.At("198.51.100.3", 2000));
        var vendor = IpAddress.Parse("198.51.100.77");
        device.Send(InnerPackets.Udp(TestFleet.DeviceAddress, vendor, 4000, 443, new byte[48]));
        _fixture.Sent().ShouldHaveSingleItem("refused");

        other.Send(InnerPackets.Udp(TestFleet.OtherDeviceAddress, TestFleet.HostAddress, 40_000, DnsLimits.Port, Questions.For("www.vendor.example")));
        _fixture.Asked.ShouldBeEmpty("nobody is asked for who has no rule");
        _fixture.Sent();
        device.Send(InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.HostAddress, 40_000, DnsLimits.Port, Questions.For("www.vendor.example")));
        var question = _fixture.Asked.ShouldHaveSingleItem();
        question.Forward.Servers.Single().ToString().ShouldBe("192.0.2.53:53");
        var upstream = Questions.Answer(Questions.For("www.vendor.example", id: 9), 0x8180, Questions.Address("198.51.100.77"));
        _fixture.Ties.Tie(question, Questions.Upstream(upstream), _fixture.Now);
        _fixture.Path.Deliver(new DeliverAnswer(question, Questions.Upstream(upstream)), _fixture.Now);
        _fixture.Sent().ShouldHaveSingleItem("the answer");
        _fixture.Ties.Of(TestFleet.DeviceId).ShouldHaveSingleItem().Name.ShouldBe("www.vendor.example");
        _fixture.Ties.Of(TestFleet.OtherDeviceId).ShouldBeEmpty();

        device.Send(InnerPackets.Udp(TestFleet.DeviceAddress, vendor, 4000, 443, new byte[48]));
        _fixture.Outbox.Flush();
        _tun.Received().ShouldHaveSingleItem();
        other.Send(InnerPackets.Udp(TestFleet.OtherDeviceAddress, vendor, 4000, 443, new byte[48]));
        _fixture.Outbox.Flush();
        _tun.Received().ShouldBeEmpty();
    }

    [Fact]
    public void The_table_lets_guests_out_their_answers_in_and_nothing_else()
    {
        var table = new NftTable("sallyport-0", new NftProgram());
        table.Name.ShouldBe("sallyport_egress_sallyport_0");
        var text = table.Text([IpPrefix.Parse("198.19.0.0/16")], forwardingWasOff: true);
        text.ShouldStartWith("add table ip sallyport_egress_sallyport_0\nflush table ip sallyport_egress_sallyport_0\n");
        text.ShouldContain("chain forwarding_was_off { }");
        text.ShouldContain("iifname \"sallyport-0\" reject");
        text.ShouldContain("iifname \"sallyport-0\" ip saddr != { 198.19.0.0/16 } drop");
        text.ShouldContain("iifname \"sallyport-0\" ct status dnat reject", Case.Sensitive, "a port that the host forwards is a port of the host");
        text.ShouldContain("oifname \"sallyport-0\" ct state != { established, related } drop");
        text.ShouldContain("iifname != \"sallyport-0\" oifname != \"sallyport-0\" drop");
        table.Text([IpPrefix.Parse("198.19.0.0/16")], forwardingWasOff: false).ShouldNotContain("oifname != \"sallyport-0\" drop");
    }

    [Fact]
    public void Guests_are_given_no_port_that_the_gateway_listens_on()
    {
        string Text(params int[] listening) => new NftTable("tun9", new NftProgram(), listening).Text([IpPrefix.Parse("198.19.0.0/16")], forwardingWasOff: false);
        Text(443, 1194).ShouldContain("meta l4proto { tcp, udp } ip saddr { 198.19.0.0/16 } oifname != \"tun9\" masquerade to :32768-60999 fully-random");
        Text(443, 40_000).ShouldContain("masquerade to :10240-32767 fully-random");
        Text(11_940, 40_000).ShouldContain("masquerade to :61000-65535 fully-random");
    }

    public void Dispose()
    {
        _fixture.Dispose();
        _tun.Dispose();
    }
}
