using System.Buffers.Binary;
using Sallyport.Api.Nodes;
using Sallyport.Core.Dns;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Dns;
using Sallyport.DataPlane.Nodes;
using Sallyport.DataPlane.Shards;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Dns;

/// <summary>Questions that come out of a tunnel are answered back into it.</summary>
public sealed class NameServiceTests : IDisposable
{
    private const string Historian = "historian.plant-a.sallyport";

    private static readonly DnsModel Forwarding = new(["corp.example=10.0.0.53"]);

    private readonly PathFixture _path = new(new Fabric(1, new Meters()), 0, dns: Forwarding);

    [Fact]
    public void A_device_is_answered_at_once_from_the_address_that_it_asked()
    {
        using var device = _path.Open(TestFleet.DeviceId, PathFixture.At("203.0.113.7", 4000));
        device.Send(Packet(Questions.For(Historian))).ShouldBe(DropReason.None);
        var answer = device.Open(_path.Sent().Single().Packet);

        InnerPacket.Read(answer, out var read).ShouldBe(DropReason.None);
        (read.Ends.Source, read.Ends.SourcePort, read.Ends.Destination, read.Ends.DestinationPort)
            .ShouldBe((TestFleet.HostAddress, (ushort)53, TestFleet.DeviceAddress, (ushort)40_000));
        InternetChecksum.IsValid(answer.AsSpan(0, 20)).ShouldBeTrue();
        InternetChecksum.IsValid(answer.AsSpan(20), InternetChecksum.PseudoHeader(TestFleet.HostAddress, TestFleet.DeviceAddress, 17, answer.Length - 20)).ShouldBeTrue();
        BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(28)).ShouldBe((ushort)0x4711);
        Questions.Read(answer.AsSpan(28)).ShouldBe("0 192.168.50.10");
        _path.Forwarder.AllowedFlows.ShouldBe(0, "it crosses to nobody");
    }

    [Fact]
    public void Who_may_not_reach_it_hears_that_there_is_no_such_name()
    {
        using var device = _path.Open(TestFleet.OtherDeviceId, PathFixture.At("203.0.113.7", 4000));
        Ask(device, Historian, TestFleet.OtherDeviceAddress).ShouldBe("3");
    }

    [Fact]
    public void A_rule_that_goes_takes_the_name_with_it()
    {
        using var device = _path.Open(TestFleet.DeviceId, PathFixture.At("203.0.113.7", 4000));
        Ask(device, Historian).ShouldBe("0 192.168.50.10");
        _path.Adopt(new Delta { Version = 2, CommittedAt = 0, RemovedRules = [TestFleet.RuleId] });
        Ask(device, Historian).ShouldBe("3");
    }

    [Fact]
    public void A_host_behind_a_site_is_answered_as_the_site()
    {
        using var site = _path.Open(TestFleet.SiteId, PathFixture.At("203.0.113.8", 4000));
        Ask(site, "192-168-50-77.hq.plant-a.sallyport", IpAddress.Parse("192.168.50.10")).ShouldBe("0 192.168.50.77");
        Ask(site, "pump-17.plant-a.sallyport", IpAddress.Parse("192.168.50.10")).ShouldBe("3");
    }

    [Fact]
    public void Nobody_asks_in_the_name_of_another()
    {
        using var device = _path.Open(TestFleet.OtherDeviceId, PathFixture.At("203.0.113.7", 4000));
        device.Send(Packet(Questions.For(Historian), from: TestFleet.DeviceAddress));
        _path.Sent().ShouldBeEmpty();
        _path.Forwarder.Drops[(int)DropReason.SpoofedSource].ShouldBe(1);
    }

    [Fact]
    public void A_network_that_answers_no_names_refuses_the_question_as_any_packet_without_a_rule()
    {
        using var path = new PathFixture(new Fabric(1, new Meters()), 0);
        using var device = path.Open(TestFleet.DeviceId, PathFixture.At("203.0.113.7", 4000));
        device.Send(Packet(Questions.For(Historian)));
        device.Open(path.Sent().Single().Packet)[9].ShouldBe((byte)1, "ICMP: prohibited");
        path.Forwarder.DeniedFlows.ShouldBe(1);
    }

    [Fact]
    public void A_name_server_of_the_host_comes_first()
    {
        using var path = new PathFixture(new Fabric(1, new Meters()), 0, withHost: true, dns: Forwarding);
        using var device = path.Open(TestFleet.DeviceId, PathFixture.At("203.0.113.7", 4000));
        device.Send(Packet(Questions.For(Historian)));
        path.Forwarder.AllowedFlows.ShouldBe(1);
        path.Names.Log.Report(new Uplink(new Clock(TimeProvider.System)), path.Now, everything: true);
        path.Asked.ShouldBeEmpty();
    }

    [Fact]
    public void Only_the_port_of_names_at_the_gateway_s_address_is_answered()
    {
        using var device = _path.Open(TestFleet.DeviceId, PathFixture.At("203.0.113.7", 4000));
        var query = Questions.For(Historian);
        device.Send(InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.HostAddress, 40_000, 5353, query));
        device.Open(_path.Sent().Single().Packet)[9].ShouldBe((byte)1);
        device.Send(InnerPackets.Udp(TestFleet.DeviceAddress, IpAddress.Parse("10.20.0.99"), 40_000, 53, query));
        device.Open(_path.Sent().Single().Packet)[9].ShouldBe((byte)1);
    }

    [Fact]
    public void What_is_no_question_gets_no_answer()
    {
        using var device = _path.Open(TestFleet.DeviceId, PathFixture.At("203.0.113.7", 4000));
        var response = Questions.For(Historian);
        response[2] |= 0x80;
        foreach (var payload in (byte[][])[[], [1], response])
        {
            device.Send(Packet(payload)).ShouldBe(DropReason.DnsMalformed);
        }

        _path.Sent().ShouldBeEmpty();
        _path.Drops[DropReason.DnsMalformed].ShouldBe(3);
    }

    [Fact]
    public void One_identity_asks_so_often_and_no_more_and_others_are_not_slowed()
    {
        using var device = _path.Open(TestFleet.DeviceId, PathFixture.At("203.0.113.7", 4000));
        using var other = _path.Open(TestFleet.OtherDeviceId, PathFixture.At("203.0.113.8", 4000));
        var answered = 0;
        for (var i = 0; i < 1000; i++)
        {
            answered += device.Send(Packet(Questions.For(Historian))) == DropReason.None ? 1 : 0;
            _path.Sent();
        }

        answered.ShouldBe(DnsServiceLimits.QueryBurst);
        _path.Drops[DropReason.DnsRateLimited].ShouldBe(1000 - answered);
        Ask(other, "pump-18.plant-a.sallyport", TestFleet.OtherDeviceAddress).ShouldBe("0 10.20.0.11");
        _path.Now += 10 * DnsServiceLimits.QueryInterval;
        Ask(device, Historian).ShouldBe("0 192.168.50.10");
    }

    [Fact]
    public void A_name_elsewhere_is_asked_for_and_its_answer_goes_back()
    {
        using var device = _path.Open(TestFleet.DeviceId, PathFixture.At("203.0.113.7", 4000));
        device.Send(Packet(Questions.For("www.corp.example"))).ShouldBe(DropReason.None);
        _path.Sent().ShouldBeEmpty();
        var question = _path.Asked.Single();
        question.Forward.Servers.Single().ToString().ShouldBe("10.0.0.53:53");

        var upstream = Questions.Answer(Questions.For("www.corp.example", id: 9), 0x8180, Questions.Address("10.1.2.3"));
        _path.Path.Deliver(new DeliverAnswer(question, Questions.Upstream(upstream)), _path.Now);
        var answer = device.Open(_path.Sent().Single().Packet);
        BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(28)).ShouldBe((ushort)0x4711);
        Questions.Read(answer.AsSpan(28)).ShouldBe("0 10.1.2.3");

        Ask(device, "www.example.org").ShouldBe("5", "nobody is asked");
        _path.Path.Deliver(new DeliverAnswer(question, null), _path.Now);
        Questions.Read(device.Open(_path.Sent().Single().Packet).AsSpan(28)).ShouldBe("2");
        _path.Path.Deliver(new DeliverAnswer(question, Questions.Upstream(upstream[..^3])), _path.Now);
        Questions.Read(device.Open(_path.Sent().Single().Packet).AsSpan(28)).ShouldBe("2");
    }

    [Fact]
    public void An_answer_finds_nobody_who_was_shut_out_meanwhile_or_whose_network_asks_there_no_more()
    {
        using var device = _path.Open(TestFleet.DeviceId, PathFixture.At("203.0.113.7", 4000));
        device.Send(Packet(Questions.For("www.corp.example")));
        var delivery = new DeliverAnswer(_path.Asked.Single(), Questions.Upstream(Questions.Answer(Questions.For("www.corp.example", id: 9), 0x8180)));
        var network = new NetworkModel { Id = 1, Name = "plant-a", Prefixes = ["10.20.0.0/16"], Ciphers = [], Wrappings = [], Dns = new DnsModel([]) };
        _path.Adopt(new Delta { Version = 2, CommittedAt = 0, Networks = [network] });
        _path.Path.Deliver(delivery, _path.Now);
        _path.Sent().ShouldBeEmpty();

        _path.Adopt(new Delta { Version = 2, CommittedAt = 0, RemovedIdentities = [TestFleet.DeviceId] });
        _path.Path.Deliver(delivery, _path.Now);
        _path.Sent().ShouldBeEmpty();
        _path.Drops[DropReason.NotRequested].ShouldBe(2);
    }

    [Fact]
    public void Questions_and_answers_count_against_the_volume_of_who_asks()
    {
        using var device = _path.Open(TestFleet.DeviceId, PathFixture.At("203.0.113.7", 4000));
        using var other = _path.Open(TestFleet.OtherDeviceId, PathFixture.At("203.0.113.8", 4000));
        var question = Packet(Questions.For(Historian)).Length;
        var answer = Answered(device).Length;
        Limit(new LimitModel { VolumeBytes = question + answer });
        Answered(device).Length.ShouldBe(answer);
        _path.Fabric.Meters.Readings().ShouldHaveSingleItem().Bytes.ShouldBe(question + answer);
        device.Send(Packet(Questions.For(Historian)));
        _path.Sent().ShouldBeEmpty("its volume is used up");
        _path.Forwarder.Drops[(int)DropReason.VolumeUsed].ShouldBe(1);
        device.Send(Packet(Questions.For("www.corp.example")));
        _path.Asked.ShouldBeEmpty("nothing more is carried out");
        device.Send(InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 5_000));
        _path.Forwarder.TryDequeueFlow(out var flow).ShouldBeTrue();
        flow.Reason.ShouldBe(DropReason.VolumeUsed, "names and flows share it");
        _path.Sent().ShouldHaveSingleItem("refused");
        Ask(other, "pump-18.plant-a.sallyport", TestFleet.OtherDeviceAddress).ShouldBe("0 10.20.0.11");
    }

    [Fact]
    public void Who_is_throttled_asks_no_faster_than_its_rate_and_answers_of_others_count_too()
    {
        using var device = _path.Open(TestFleet.DeviceId, PathFixture.At("203.0.113.7", 4000));
        Limit(new LimitModel { BitsPerSecond = 64_000 });
        var carried = 0L;
        for (var i = 0; i < 100; i++)
        {
            device.Send(Packet(Questions.For(Historian)));
            carried = _path.Sent().Count > 0 ? i + 1 : carried;
        }

        // A burst is 6,000 bytes; each question with its answer takes 150 and more.
        carried.ShouldBeInRange(5, 40);
        _path.Forwarder.Drops[(int)DropReason.RateLimited].ShouldBeGreaterThan(50);

        _path.Now += TimeSpan.FromSeconds(10);
        device.Send(Packet(Questions.For("www.corp.example")));
        var upstream = Questions.Answer(Questions.For("www.corp.example", id: 9), 0x8180, Enumerable.Repeat(Questions.Address("10.1.2.3"), 20));
        var delivery = new DeliverAnswer(_path.Asked.Single(), Questions.Upstream(upstream));
        var delivered = 0;
        for (var i = 0; i < 100; i++)
        {
            _path.Path.Deliver(delivery, _path.Now);
            delivered += _path.Sent().Count;
        }

        delivered.ShouldBeInRange(5, 30);
        _path.Drops[DropReason.RateLimited].ShouldBeGreaterThanOrEqualTo(100 - delivered);
    }

    [Fact]
    public void The_log_counts_the_same_together_and_many_names_in_few_lines()
    {
        using var device = _path.Open(TestFleet.DeviceId, PathFixture.At("203.0.113.7", 4000));
        for (var i = 0; i < 3; i++)
        {
            Ask(device, Historian);
        }

        var report = Report();
        var line = report.Queries.ShouldHaveSingleItem();
        (line.IdentityId, line.NetworkId, line.Name, line.Type, line.Code, line.Count).ShouldBe((TestFleet.DeviceId, 1, Historian, "A", "NOERROR", 3L));
        line.Addresses.ShouldBe(["192.168.50.10"]);

        for (var i = 0; i < 5000; i++)
        {
            _path.Now += DnsServiceLimits.QueryInterval;
            Ask(device, $"secret-{i}.plant-a.sallyport").ShouldBe("3");
        }

        report = Report();
        report.Queries.Count.ShouldBeLessThan(DnsServiceLimits.LogBurst + 30);
        report.Queries.Sum(query => query.Count).ShouldBe(5000);
        report.Queries.Single(query => query.Name == QueryLog.Others).Code.ShouldBe("NXDOMAIN");
    }

    [Fact]
    public void Many_who_fill_the_log_together_leave_room_for_the_lines_of_others()
    {
        var log = new QueryLog();
        void Note(int identity, int count)
        {
            var lines = default(TokenBucket);
            for (var i = 0; i < count; i++)
            {
                log.Note(new QueryKey(identity, $"secret-{i}.example", DnsType.A, DnsRcode.NxDomain), 1, [], _path.Now, ref lines);
            }
        }

        for (var identity = 1; identity <= 200; identity++)
        {
            Note(identity, DnsServiceLimits.LogBurst);
        }

        Note(999, 3);
        var uplink = new Uplink(new Clock(TimeProvider.System));
        log.Report(uplink, _path.Now, everything: true);
        var queries = uplink.Take().OfType<DnsReport>().SelectMany(report => report.Queries).ToList();
        queries.Count.ShouldBeLessThan(DnsServiceLimits.LogWindowMax);
        queries.Count(query => query.IdentityId == 999 && query.Name != QueryLog.Others).ShouldBe(3);
        queries.Where(query => query.IdentityId == 200).Sum(query => query.Count).ShouldBe(DnsServiceLimits.LogBurst, "all are counted, most of them together");
        queries.Sum(query => query.Count).ShouldBe((200 * DnsServiceLimits.LogBurst) + 3);
    }

    [Fact]
    public void Nothing_is_allocated_for_packets_that_only_look_like_questions()
    {
        using var device = _path.Open(TestFleet.DeviceId, PathFixture.At("203.0.113.7", 4000));
        using var site = _path.Open(TestFleet.SiteId, PathFixture.At("203.0.113.8", 4000));
        var rounds = 200;
        byte[][] Seal(IpAddress to, ushort port) =>
            [.. Enumerable.Range(0, rounds).Select(_ => device.Seal(InnerPackets.Udp(TestFleet.DeviceAddress, to, 40_000, port, Questions.For(Historian))))];
        foreach (var (to, port) in new[] { (TestFleet.ApplicationAddress, (ushort)5000), (IpAddress.Parse("10.20.0.99"), (ushort)53), (TestFleet.ApplicationAddress, (ushort)53) })
        {
            var packets = Seal(to, port);
            for (var i = 0; i < rounds / 2; i++)
            {
                _path.Receive(packets[i], device.At);
                _path.Outbox.Flush();
            }

            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = rounds / 2; i < rounds; i++)
            {
                _path.Receive(packets[i], device.At);
                _path.Outbox.Flush();
            }

            (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0, $"{to}:{port}");
        }
    }

    public void Dispose() => _path.Dispose();

    private DnsReport Report()
    {
        var uplink = new Uplink(new Clock(TimeProvider.System));
        _path.Names.Log.Report(uplink, _path.Now, everything: true);
        return uplink.Take().OfType<DnsReport>().Single();
    }

    private string Ask(PathPeer peer, string name, IpAddress? from = null)
    {
        peer.Send(Packet(Questions.For(name), from));
        return Questions.Read(peer.Open(_path.Sent().Single().Packet).AsSpan(28));
    }

    private byte[] Answered(PathPeer peer)
    {
        peer.Send(Packet(Questions.For(Historian)));
        return peer.Open(_path.Sent().ShouldHaveSingleItem().Packet);
    }

    private void Limit(LimitModel limit)
    {
        var device = new IdentityModel
        {
            Id = TestFleet.DeviceId, NetworkId = 1, Kind = "device", Name = "pump-17", Active = true, AddressV4 = TestFleet.DeviceAddress.ToString(), Limit = limit,
        };
        _path.Adopt(new Delta { Version = 2, CommittedAt = 0, Identities = [device] });
    }

    private static byte[] Packet(byte[] payload, IpAddress? from = null) =>
        InnerPackets.Udp(from ?? TestFleet.DeviceAddress, TestFleet.HostAddress, 40_000, DnsLimits.Port, payload);
}
