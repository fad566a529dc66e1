using System.Buffers.Binary;
using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.OpenVpn;
using Sallyport.Core.Tests.Packets;
using static Sallyport.Core.Tests.Policy.Fleets;

namespace Sallyport.Core.Tests.Gateway;

/// <summary>
/// Three networks that are all 192.168.1.0/24: the pump of the first reaches the server of the second, which has the pump's own address.
/// </summary>
public sealed class CrossingTests
{
    private const int Pump = 1;
    private const int Neighbour = 2;
    private const int Router = 3;
    private const int Server = 11;
    private const int Hall = 12;
    private const int Stranger = 21;

    private const string PumpAt = "192.168.1.10";
    private const string ServerAt = "192.168.1.10";
    private const string Service = "198.18.0.10";
    private const string Guest = "198.19.1.10";

    private static readonly FleetModel Plants = Of(
        Network(1, "192.168.1.0/24", "fd01::/64"),
        Device(Pump, 1, PumpAt, "fd01::10", groups: ["pumps"]),
        Device(Neighbour, 1, "192.168.1.11"),
        Site(Router, 1, "192.168.1.2", "10.1.0.0/24"),
        Network(2, "192.168.1.0/24", "fd01::/64"),
        Device(Server, 2, ServerAt, "fd01::10", groups: ["pumps"]),
        Site(Hall, 2, "192.168.1.2", "10.1.0.0/24"),
        Application(101, 2, Server, ServerAt, Tcp(8883), Udp(5683), Ping),
        Application(102, 2, Hall, "10.1.0.0/28", Tcp(502), Udp(161), Ping),
        Application(103, 2, Server, "fd01::10", Tcp(8883), Udp(5683), Ping),
        Network(3, "192.168.1.0/24"),
        Device(Stranger, 3, PumpAt, groups: ["pumps"]),
        new Rule(201, new Subject(SubjectKind.Group, 0, "pumps") { NetworkId = 1 }, 101),
        ForNetwork(202, 1, 102),
        ForDevice(203, Pump, 103),
        Service(301, 1, "198.18.0.10/32", 2, "192.168.1.10/32"),
        Service(302, 1, "198.18.0.16/28", 2, "10.1.0.0/28"),
        Service(303, 1, "fd18::10/128", 2, "fd01::10/128"),
        Service(304, 3, "198.18.0.10/32", 2, "192.168.1.10/32"),
        Guest(311, 2, "198.19.1.0/24", 1, "192.168.1.0/24"),
        Guest(312, 2, "198.19.2.0/24", 1, "10.1.0.0/24"),
        Guest(313, 2, "fd19::/64", 1, "fd01::/64"),
        Guest(314, 2, "198.19.3.0/24", 3, "192.168.1.0/24"));

    private readonly Forwarder _forwarder = Start(Plants);
    private readonly byte[] _refusal = new byte[Refusal.MaximumLength];
    private Instant _now = Gate.Start + TimeSpan.FromMinutes(10);

    [Fact]
    public void A_connection_to_another_network_is_one_of_that_network_there()
    {
        var arrived = Forward(Pump, Build.Tcp(PumpAt, 4000, Service, 8883, TcpFlags.Syn), Server);
        Ends(arrived).ShouldBe((Guest, 4000, ServerAt, 8883));
        var back = Forward(Server, Build.Tcp(ServerAt, 8883, Guest, 4000, TcpFlags.Syn | TcpFlags.Ack), Pump);
        Ends(back).ShouldBe((Service, 8883, PumpAt, 4000));
        var record = Record();
        (record.NetworkId, record.FromId, record.ToId, record.RuleId, record.ApplicationId).ShouldBe((1, Pump, Server, 201, 101));
    }

    [Theory]
    [InlineData(Pump, Service, 8884, DropReason.NoApplication)]
    [InlineData(Neighbour, Service, 8883, DropReason.NoRule)]
    [InlineData(Stranger, Service, 8883, DropReason.NoRule)]
    [InlineData(Pump, "198.18.0.11", 8883, DropReason.NotRouted)]
    [InlineData(Server, Guest, 8883, DropReason.NotRouted)]
    public void Only_what_a_rule_says_crosses(int from, string destination, int port, DropReason reason)
    {
        var source = from == Neighbour ? "192.168.1.11" : PumpAt;
        var result = Send(from, Build.Tcp(source, 4000, destination, port, TcpFlags.Syn));
        (result.Kind, result.Reason).ShouldBe((ForwardKind.Refuse, reason));
    }

    [Fact]
    public void Nobody_speaks_as_a_guest_or_as_a_service()
    {
        Forward(Pump, Build.Udp(PumpAt, 4000, Service, 5683), Server);
        Send(Server, Build.Udp(Guest, 4000, ServerAt, 5683)).Reason.ShouldBe(DropReason.SpoofedSource);
        Send(Pump, Build.Udp(Service, 5683, PumpAt, 4000)).Reason.ShouldBe(DropReason.SpoofedSource);
        // The called one's neighbour is not the called one.
        Send(Hall, Build.Udp(ServerAt, 5683, Guest, 4000)).Reason.ShouldBe(DropReason.SpoofedSource);
        Send(Hall, Build.Udp("10.1.0.1", 5683, Guest, 4000)).Reason.ShouldBe(DropReason.NotRouted);
    }

    [Fact]
    public void Whatever_crosses_and_comes_back_is_what_was_sent()
    {
        var random = new SeededEntropy(7);
        for (var i = 0; i < 3000; i++)
        {
            var isV4 = random.Below(4) != 0;
            var (source, service) = isV4
                ? (random.Below(2) == 0 ? PumpAt : $"10.1.0.{1 + random.Below(250)}", $"198.18.0.{16 + random.Below(16)}")
                : ("fd01::10", "fd18::10");
            var from = source.StartsWith("10.1", StringComparison.Ordinal) ? Router : Pump;
            var to = isV4 ? Hall : Server;
            var kind = random.Below(3);
            var (port, payload) = (1 + random.Below(65_535), random.Below(200));
            var sent = kind switch
            {
                0 => Build.Tcp(source, port, service, isV4 ? 502 : 8883, TcpFlags.Syn, (uint)random.Below(int.MaxValue), payload: payload),
                1 => Build.Udp(source, port, service, isV4 ? 161 : 5683, payload),
                _ => Build.Echo(source, service, port, payload: payload),
            };
            if (isV4 && random.Below(8) == 0)
            {
                // No checksum (RFC 768), or a wrong one: neither is made good.
                BinaryPrimitives.WriteUInt16BigEndian(sent.AsSpan(20 + (kind == 0 ? 16 : kind == 1 ? 6 : 2)), (ushort)(kind == 1 ? 0 : 1));
            }

            var there = Forward(from, sent, to);
            var again = Reverse(there);
            var back = Forward(to, again, from);
            Reverse(back).ShouldBe(sent);
            Ends(there).Destination.ShouldStartWith(isV4 ? "10.1.0." : "fd01::10");
            Ends(there).Source.ShouldStartWith(isV4 ? "198.19." : "fd19::");
            _now += TimeSpan.FromMinutes(20);
            _forwarder.HandleTimeout(_now);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void An_error_about_what_was_sent_is_about_what_the_sender_knows(int kind)
    {
        var sent = kind switch
        {
            0 => Build.Tcp(PumpAt, 4000, Service, 8883, TcpFlags.Syn, payload: 40),
            1 => Build.Udp(PumpAt, 4000, Service, 5683),
            _ => Build.Echo(PumpAt, Service, 4000),
        };
        var arrived = Forward(Pump, sent, Server);
        // From the called one itself, quoting all of it or the eight bytes that it must; the sender gets what he had sent.
        foreach (var length in new[] { 576, 28 })
        {
            var error = Forward(Server, Build.Error(ServerAt, Guest, 3, 4, arrived, length), Pump);
            error.ShouldHaveValidChecksums();
            InnerPacket.Read(error, out var read);
            (read.Ends.Source.ToString(), read.Ends.Destination.ToString()).ShouldBe((Service, PumpAt));
            error[28..].ShouldBe(sent[..Math.Min(length, sent.Length)]);
        }
    }

    [Fact]
    public void An_error_about_a_reply_is_about_what_the_called_one_sent()
    {
        Forward(Pump, Build.Udp(PumpAt, 4000, Service, 5683), Server);
        var reply = Build.Udp(ServerAt, 5683, Guest, 4000);
        var arrived = Forward(Server, reply, Pump);
        var error = Forward(Pump, Build.Error(PumpAt, Service, 3, 3, arrived), Server);
        error.ShouldHaveValidChecksums();
        InnerPacket.Read(error, out var read);
        (read.Ends.Source.ToString(), read.Ends.Destination.ToString()).ShouldBe((Guest, ServerAt));
        error[28..].ShouldBe(reply);
    }

    [Fact]
    public void An_error_of_a_router_on_the_way_comes_from_an_address_that_the_sender_knows()
    {
        var sent = Build.Udp(PumpAt, 4000, "198.18.0.20", 161);
        var arrived = Forward(Pump, sent, Hall);
        Ends(Forward(Hall, Build.Error("10.1.0.9", Guest, 11, 0, arrived), Pump)).Source.ShouldBe("198.18.0.25");
        Ends(Forward(Hall, Build.Error("10.1.0.200", Guest, 11, 0, arrived), Pump)).Source.ShouldBe("198.18.0.20");
    }

    [Fact]
    public void Fragments_cross_with_the_first_of_them()
    {
        var whole = Build.Udp(PumpAt, 4000, Service, 5683, payload: 3000);
        var fragments = Build.Fragments(whole, 1400, id: 77);
        var arrived = fragments.Select(fragment => Forward(Pump, fragment, Server)).ToList();
        byte[] payload = [.. arrived.SelectMany(fragment => fragment[20..])];
        var (from, to) = (IpAddress.Parse(Guest), IpAddress.Parse(ServerAt));
        InternetChecksum.IsValid(payload, InternetChecksum.PseudoHeader(from, to, 17, payload.Length)).ShouldBeTrue();
        arrived.ShouldAllBe(fragment => Ends(fragment).Source == Guest && Ends(fragment).Destination == ServerAt);
    }

    [Fact]
    public void Guests_that_share_an_address_differ_by_their_ports()
    {
        var shared = Plants.With(Change(Guest(311, 2, "198.19.9.9/32", 1, "192.168.1.0/24"), ForNetwork(204, 1, 101)));
        _forwarder.Adopt(shared, _now);
        var first = Forward(Pump, Build.Udp(PumpAt, 4000, Service, 5683), Server);
        var second = Forward(Neighbour, Build.Udp("192.168.1.11", 4000, Service, 5683), Server);
        Ends(first).ShouldBe(("198.19.9.9", 4000, ServerAt, 5683));
        Ends(second).ShouldBe(("198.19.9.9", 4001, ServerAt, 5683));
        first.ShouldHaveValidChecksums();
        second.ShouldHaveValidChecksums();
        Ends(Forward(Server, Build.Udp(ServerAt, 5683, "198.19.9.9", 4001), Neighbour)).ShouldBe((Service, 5683, "192.168.1.11", 4000));
        Ends(Forward(Server, Build.Udp(ServerAt, 5683, "198.19.9.9", 4000), Pump)).ShouldBe((Service, 5683, PumpAt, 4000));
        Send(Server, Build.Udp(ServerAt, 5683, "198.19.9.9", 4002)).Reason.ShouldBe(DropReason.NotRouted);

        // Echo has its identifiers, and an error quotes what the sender had sent.
        var ping = Build.Echo("192.168.1.11", Service, 9);
        Forward(Pump, Build.Echo(PumpAt, Service, 9), Server);
        var asked = Forward(Neighbour, ping, Server);
        asked.ShouldHaveValidChecksums();
        Forward(Server, Build.Error(ServerAt, "198.19.9.9", 3, 1, asked), Neighbour)[28..].ShouldBe(ping);
        var answer = Build.Echo(ServerAt, "198.19.9.9", BinaryPrimitives.ReadUInt16BigEndian(asked.AsSpan(24)), reply: true);
        var heard = Forward(Server, answer, Neighbour);
        heard.ShouldHaveValidChecksums();
        BinaryPrimitives.ReadUInt16BigEndian(heard.AsSpan(24)).ShouldBe((ushort)9);
    }

    [Fact]
    public void A_record_tells_what_the_other_network_saw_also_of_what_has_ended()
    {
        var shared = Plants.With(Change(Guest(311, 2, "198.19.9.9/32", 1, "192.168.1.0/24"), ForNetwork(204, 1, 101)));
        _forwarder.Adopt(shared, _now);
        Forward(Pump, Build.Udp(PumpAt, 4000, Service, 5683), Server);
        Far(Record()).ShouldBe(("198.19.9.9", 4000, ServerAt));
        Forward(Neighbour, Build.Udp("192.168.1.11", 4000, Service, 5683), Server);
        Far(Record()).ShouldBe(("198.19.9.9", 4001, ServerAt));
        Send(Pump, Build.Udp(PumpAt, 4000, Service, 9));
        Record().FarSource.ShouldBe(default, "it was never let there");

        // The guests' pool is another: each of the two ends as what it was, and its port is free before its record is fetched.
        _forwarder.Adopt(shared.With(Guest(311, 2, "198.19.8.8/32", 1, "192.168.1.0/24")), _now);
        Ends(Forward(Neighbour, Build.Udp("192.168.1.11", 4000, Service, 5683), Server)).ShouldBe(("198.19.8.8", 4000, ServerAt, 5683));
        _forwarder.Adopt(shared, _now);
        Ends(Forward(Neighbour, Build.Udp("192.168.1.11", 4000, Service, 5683), Server)).ShouldBe(("198.19.9.9", 4000, ServerAt, 5683));
        Ends(Forward(Pump, Build.Udp(PumpAt, 4000, Service, 5683), Server)).ShouldBe(("198.19.9.9", 4001, ServerAt, 5683));
        List<FlowRecord> records = [];
        while (_forwarder.TryDequeueFlow(out var record))
        {
            records.Add(record);
        }

        records.Where(record => record.Ended).Select(Far).ShouldBe(
            [("198.19.9.9", 4001, ServerAt), ("198.19.8.8", 4000, ServerAt), ("198.19.9.9", 4000, ServerAt)], ignoreOrder: true);

        static (string, int, string) Far(FlowRecord record) => (record.FarSource.ToString(), record.FarSourcePort, record.FarDestination.ToString());
    }

    /// <summary>Entries of what ended wait for their record among those that are in use, while the table grows and finds.</summary>
    [Fact]
    public void Conversations_that_come_and_go_are_each_told_with_their_own_far_ends()
    {
        _forwarder.Adopt(Plants.With(Change(Guest(311, 2, "198.19.9.9/32", 1, "192.168.1.0/24"), ForNetwork(204, 1, 101))), _now);
        var random = new SeededEntropy(11);
        var given = new Dictionary<int, int>();
        var told = 0;
        for (var i = 0; i < 4_000; i++)
        {
            _now += TimeSpan.FromMilliseconds(random.Below(200));
            var source = 2_000 + random.Below(3_000);
            var (from, at) = random.Below(2) == 0 ? (Pump, PumpAt) : (Neighbour, "192.168.1.11");
            var arrived = Forward(from, Build.Udp(at, source, Service, 5683), Server);
            given[(from * 10_000) + source] = Ends(arrived).SourcePort;
            Ends(Forward(Server, Build.Udp(ServerAt, 5683, "198.19.9.9", Ends(arrived).SourcePort), from)).DestinationPort.ShouldBe(source);
            _forwarder.HandleTimeout(_now);
            if (random.Below(8) == 0)
            {
                while (random.Below(60) != 0 && _forwarder.TryDequeueFlow(out var record))
                {
                    told += record.Ended ? 1 : 0;
                    record.FarSource.ToString().ShouldBe("198.19.9.9");
                    if (!record.Ended)
                    {
                        ((int)record.FarSourcePort).ShouldBe(given[(record.FromId * 10_000) + record.SourcePort]);
                    }
                }
            }
        }

        told.ShouldBeGreaterThan(500);
    }

    [Fact]
    public void Two_packet_threads_never_give_out_the_same_port_and_find_each_others()
    {
        var shared = Plants.With(Change(Guest(311, 2, "198.19.9.9/32", 1, "192.168.1.0/24"), ForNetwork(204, 1, 101)));
        var (near, far) = (Start(shared, 0, 2), Start(shared, 1, 2));
        var sent = Build.Udp(PumpAt, 4001, Service, 5683);
        var result = near.Handle(Pump, sent, _now, _refusal);
        var handed = far.HandleHandedOver(Pump, sent, _now, result.GuestPort);
        var arrived = sent.ToArray();
        far.Translate(handed, arrived);
        Ends(arrived).ShouldBe(("198.19.9.9", 4000, ServerAt, 5683));

        var reply = Build.Udp(ServerAt, 5683, "198.19.9.9", 4000);
        far.Handle(Server, reply, _now, _refusal).ToIdentityId.ShouldBe(Pump);
        var back = near.HandleHandedOver(Server, reply, _now);
        back.ToIdentityId.ShouldBe(Pump);
        near.Translate(back, reply);
        Ends(reply).ShouldBe((Service, 5683, PumpAt, 4001));

        // Begun anew with another port, the other thread follows.
        far.HandleHandedOver(Pump, sent, _now, 4002).GuestPort.ShouldBe((ushort)4002);
        // Of its own the other thread has odd ports.
        var own = far.Handle(Neighbour, Build.Udp("192.168.1.11", 4000, Service, 5683), _now, _refusal);
        own.GuestPort.ShouldBe((ushort)4001);
    }

    [Fact]
    public void A_conversation_that_is_over_where_it_was_opened_keeps_no_port_on_the_other_thread()
    {
        var shared = Plants.With(Change(Guest(311, 2, "198.19.9.9/32", 1, "192.168.1.0/24"), ForNetwork(204, 1, 101)));
        var far = Start(shared, 1, 2);
        far.HandleHandedOver(Pump, Build.Udp(PumpAt, 4001, Service, 5683), _now, 4000).ToIdentityId.ShouldBe(Server);
        // The opener's thread has forgotten it and given its port to the next one.
        far.HandleHandedOver(Neighbour, Build.Udp("192.168.1.11", 4000, Service, 5683), _now, 4000).ToIdentityId.ShouldBe(Server);
        far.Handle(Server, Build.Udp(ServerAt, 5683, "198.19.9.9", 4000), _now, _refusal).ToIdentityId.ShouldBe(Neighbour);
    }

    [Fact]
    public void A_rule_that_goes_cuts_what_crosses_and_an_appearance_that_moves_ends_it()
    {
        Forward(Pump, Build.Tcp(PumpAt, 4000, Service, 8883, TcpFlags.Syn), Server);
        Forward(Server, Build.Tcp(ServerAt, 8883, Guest, 4000, TcpFlags.Syn | TcpFlags.Ack, 200, 101), Pump);
        Forward(Pump, Build.Tcp(PumpAt, 4000, Service, 8883, TcpFlags.Ack, 101, 201), Server);
        _forwarder.Adopt(Plants.With(new FleetChange { RemovedRules = [201] }), _now).FlowsCut.ShouldBe(1);
        // Both ends are told, each in its own words: at once, and again where it speaks.
        var reset = new byte[TcpReset.MaximumLength];
        _forwarder.TakeReset(reset, out var told).ShouldBe(40);
        (told, Ends(reset[..40])).ShouldBe((Pump, (Service, 8883, PumpAt, 4000)));
        BinaryPrimitives.ReadUInt32BigEndian(reset.AsSpan(24)).ShouldBe(201u);
        _forwarder.TakeReset(reset, out told).ShouldBe(40);
        (told, Ends(reset[..40])).ShouldBe((Server, (Guest, 4000, ServerAt, 8883)));
        BinaryPrimitives.ReadUInt32BigEndian(reset.AsSpan(24)).ShouldBe(101u);
        var near = Send(Pump, Build.Tcp(PumpAt, 4000, Service, 8883, TcpFlags.Ack));
        near.Kind.ShouldBe(ForwardKind.Refuse);
        Ends(_refusal[..near.RefusalLength]).ShouldBe((Service, 8883, PumpAt, 4000));
        var far = Send(Server, Build.Tcp(ServerAt, 8883, Guest, 4000, TcpFlags.Ack));
        far.Kind.ShouldBe(ForwardKind.Refuse);
        Ends(_refusal[..far.RefusalLength]).ShouldBe((Guest, 4000, ServerAt, 8883));

        // Allowed again it goes on; seen from another address it cannot.
        _forwarder.Adopt(Plants, _now);
        Forward(Server, Build.Tcp(ServerAt, 8883, Guest, 4000, TcpFlags.Ack), Pump);
        _forwarder.Adopt(Plants.With(Guest(311, 2, "198.19.7.0/24", 1, "192.168.1.0/24")), _now).FlowsCut.ShouldBe(1);
        Send(Server, Build.Tcp(ServerAt, 8883, Guest, 4000, TcpFlags.Ack)).Kind.ShouldNotBe(ForwardKind.Forward);
        Ends(Forward(Pump, Build.Tcp(PumpAt, 4000, Service, 8883, TcpFlags.Ack), Server)).Source.ShouldBe("198.19.7.10");
    }

    [Fact]
    public void What_was_refused_before_a_rule_came_is_translated_when_it_passes()
    {
        Send(Neighbour, Build.Udp("192.168.1.11", 4000, Service, 5683)).Reason.ShouldBe(DropReason.NoRule);
        _forwarder.Adopt(Plants.With(ForNetwork(204, 1, 101)), _now);
        Ends(Forward(Neighbour, Build.Udp("192.168.1.11", 4000, Service, 5683), Server)).ShouldBe(("198.19.1.11", 4000, ServerAt, 5683));
    }

    [Fact]
    public void A_connection_outlives_a_gateway_whose_next_life_hears_the_reply_first()
    {
        _now = Gate.Start;
        Ends(Forward(Server, Build.Tcp(ServerAt, 8883, Guest, 4000, TcpFlags.Ack, payload: 9), Pump)).ShouldBe((Service, 8883, PumpAt, 4000));
        Ends(Forward(Pump, Build.Tcp(PumpAt, 4000, Service, 8883, TcpFlags.Ack), Server)).ShouldBe((Guest, 4000, ServerAt, 8883));
        _now += TimeSpan.FromMinutes(10);
        Send(Server, Build.Tcp(ServerAt, 8883, Guest, 4001, TcpFlags.Ack)).Reason.ShouldBe(DropReason.NotRequested);
    }

    private static Forwarder Start(FleetModel model, ushort shard = 0, int shards = 1)
    {
        var forwarder = new Forwarder(new FlowLimits(), new SeededEntropy(3), Gate.Start, shard, shards);
        forwarder.Adopt(model, Gate.Start);
        return forwarder;
    }

    private ForwardResult Send(int from, byte[] packet) => _forwarder.Handle(from, packet, _now, _refusal);

    /// <summary>The packet as it arrives.</summary>
    private byte[] Forward(int from, byte[] packet, int to)
    {
        var result = Send(from, packet);
        (result.Kind, result.Reason).ShouldBe((ForwardKind.Forward, DropReason.None));
        result.ToIdentityId.ShouldBe(to);
        var arrived = packet.ToArray();
        _forwarder.Translate(result, arrived);
        return arrived;
    }

    private FlowRecord Record()
    {
        _forwarder.TryDequeueFlow(out var record).ShouldBeTrue();
        return record;
    }

    private static (string Source, int SourcePort, string Destination, int DestinationPort) Ends(byte[] packet)
    {
        InnerPacket.Read(packet, out var read).ShouldBe(DropReason.None);
        return (read.Ends.Source.ToString(), read.Ends.SourcePort, read.Ends.Destination.ToString(), read.Ends.DestinationPort);
    }

    /// <summary>The same bytes from the other end: what sums up to the checksums stays what it was, but for echo and SYN.</summary>
    private static byte[] Reverse(byte[] packet)
    {
        InnerPacket.Read(packet, out var read);
        var reversed = packet.ToArray();
        var (addresses, size) = read.IsV4 ? (12, 4) : (8, 16);
        packet.AsSpan(addresses, size).CopyTo(reversed.AsSpan(addresses + size));
        packet.AsSpan(addresses + size, size).CopyTo(reversed.AsSpan(addresses));
        var transport = reversed.AsSpan(read.TransportOffset);
        switch (read.Ends.Kind)
        {
            case PacketKind.Tcp or PacketKind.Udp:
                BinaryPrimitives.WriteUInt16BigEndian(transport, read.Ends.DestinationPort);
                BinaryPrimitives.WriteUInt16BigEndian(transport[2..], read.Ends.SourcePort);
                if (read.Ends.Kind == PacketKind.Tcp)
                {
                    var syn = (TcpFlags)transport[13] == TcpFlags.Syn;
                    Turn(transport[16..], transport[13], (byte)(syn ? TcpFlags.Syn | TcpFlags.Ack : TcpFlags.Syn));
                    transport[13] = (byte)(syn ? TcpFlags.Syn | TcpFlags.Ack : TcpFlags.Syn);
                }

                break;
            default:
                var reply = (byte)(read.Ends.Kind == PacketKind.EchoRequest ? (read.IsV4 ? 0 : 129) : read.IsV4 ? 8 : 128);
                Turn(transport[2..], (ushort)(transport[0] << 8), (ushort)(reply << 8));
                transport[0] = reply;
                break;
        }

        return reversed;

        static void Turn(Span<byte> field, ushort before, ushort after) => BinaryPrimitives.WriteUInt16BigEndian(
            field, InternetChecksum.Update(BinaryPrimitives.ReadUInt16BigEndian(field), before, after));
    }
}
