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
/// A network whose members share one address in another: a pump, a valve, and a router with many hosts behind it. Of 256 packet threads one has
/// 251 ports, so that all of them are soon taken.
/// </summary>
public sealed class SharedAddressTests
{
    private const int Pump = 1;
    private const int Valve = 2;
    private const int Router = 3;
    private const int Server = 11;
    private const int Shards = 256;
    private const int Ports = 251;

    private const string PumpAt = "192.168.1.10";
    private const string ValveAt = "192.168.1.11";
    private const string ServerAt = "192.168.1.10";
    private const string Service = "198.18.0.10";
    private const string OtherService = "198.18.0.11";
    private const string Guest = "198.19.9.9";

    private static readonly FleetModel Plants = Of(
        Network(1, "192.168.1.0/24"),
        Device(Pump, 1, PumpAt),
        Device(Valve, 1, ValveAt),
        Site(Router, 1, "192.168.1.2", "10.1.0.0/16"),
        Network(2, "192.168.1.0/24"),
        Device(Server, 2, ServerAt),
        Device(12, 2, "192.168.1.20"),
        Application(101, 2, Server, ServerAt, Tcp(8883), Udp(5683), Ping),
        Application(102, 2, 12, "192.168.1.20", Udp(5683)),
        ForNetwork(201, 1, 101),
        ForNetwork(202, 1, 102),
        Service(301, 1, $"{Service}/32", 2, $"{ServerAt}/32"),
        Service(302, 1, $"{OtherService}/32", 2, "192.168.1.20/32"),
        Guest(311, 2, $"{Guest}/32", 1, "192.168.1.0/24"),
        Guest(312, 2, $"{Guest}/32", 1, "10.1.0.0/16"));

    private readonly byte[] _refusal = new byte[Refusal.MaximumLength];
    private Forwarder _forwarder = Start(Shards);
    private Instant _now = Gate.Start + TimeSpan.FromMinutes(10);

    [Fact]
    public void Who_takes_all_ports_makes_room_and_keeps_nobody_out()
    {
        TakeAll(Pump, PumpAt);
        for (var i = 0; i < 2000; i++)
        {
            Send(Pump, Build.Udp(PumpAt, Other(i), Service, 5683)).Reason.ShouldBe(DropReason.NoGuestAddress, "what it has more of it has to give");
        }

        for (var i = 0; i < 40; i++)
        {
            Pass();
            Send(Valve, Build.Udp(ValveAt, 4000 + i, Service, 5683)).ToIdentityId.ShouldBe(Server, $"{i}");
        }

        // Whoever floods on takes nothing back, and what the neighbour has goes on.
        for (var i = 0; i < 2000; i++)
        {
            Send(Pump, Build.Udp(PumpAt, Other(i), Service, 5683)).Kind.ShouldBe(ForwardKind.Drop);
        }

        for (var i = 0; i < 40; i++)
        {
            var port = Send(Valve, Build.Udp(ValveAt, 4000 + i, Service, 5683)).GuestPort;
            Send(Server, Build.Udp(ServerAt, 5683, Guest, port)).ToIdentityId.ShouldBe(Valve);
        }

        _forwarder.AllowedFlows.ShouldBe(Ports);
    }

    [Fact]
    public void Those_who_have_as_many_as_each_other_take_none_from_each_other()
    {
        TakeAll(Pump, PumpAt);
        var got = 0;
        for (var i = 0; i < 5000; i++)
        {
            Pass();
            got += Send(Valve, Build.Udp(ValveAt, 2000 + i, Service, 5683)).Kind == ForwardKind.Forward ? 1 : 0;
        }

        got.ShouldBeInRange((Ports / 2) - 1, (Ports / 2) + 1);
        for (var i = 0; i < 5000; i++)
        {
            Send(Pump, Build.Udp(PumpAt, Other(i), Service, 5683)).Reason.ShouldBe(DropReason.NoGuestAddress);
        }
    }

    [Fact]
    public void What_was_idle_for_longest_goes_first()
    {
        TakeAll(Pump, PumpAt);
        Pass();
        var busy = Enumerable.Range(0, Ports).Where(i => i % 8 != 0).ToList();
        foreach (var i in busy)
        {
            Send(Pump, Build.Udp(PumpAt, 1024 + (i * Shards), Service, 5683)).Kind.ShouldBe(ForwardKind.Forward);
        }

        Records();
        for (var i = 0; i < 5; i++)
        {
            Send(Valve, Build.Udp(ValveAt, 4000 + i, Service, 5683)).Kind.ShouldBe(ForwardKind.Forward);
        }

        var ended = Records().Where(record => record.Changes.HasFlag(FlowChanges.Ended)).ToList();
        ended.Count.ShouldBe(5);
        ended.ShouldAllBe(record => record.FromId == Pump && record.LastSeen < _now);
    }

    [Fact]
    public void A_host_behind_a_site_that_takes_all_its_ports_makes_room_for_the_others_there()
    {
        TakeAll(Router, "10.1.0.1");
        for (var host = 2; host < 30; host++)
        {
            Pass();
            Send(Router, Build.Udp($"10.1.0.{host}", 4000, Service, 5683)).Kind.ShouldBe(ForwardKind.Forward);
            Send(Router, Build.Udp("10.1.0.1", 20_000 + host, Service, 5683)).Reason.ShouldBe(DropReason.NoGuestAddress);
        }

        // A site is one among the members, however many hosts it says it has.
        for (var i = 0; i < 30; i++)
        {
            Send(Valve, Build.Udp(ValveAt, 4000 + i, Service, 5683)).Kind.ShouldBe(ForwardKind.Forward);
        }

        for (var host = 0; host < 2000; host++)
        {
            Send(Router, Build.Udp($"10.1.{1 + (host / 250)}.{1 + (host % 250)}", 4000, Service, 5683));
        }

        for (var i = 0; i < 30; i++)
        {
            var port = Send(Valve, Build.Udp(ValveAt, 4000 + i, Service, 5683)).GuestPort;
            Send(Server, Build.Udp(ServerAt, 5683, Guest, port)).ToIdentityId.ShouldBe(Valve);
        }
    }

    [Fact]
    public void What_somebody_has_elsewhere_does_not_count()
    {
        for (var i = 0; i < Ports; i++)
        {
            Send(Valve, Build.Udp(ValveAt, 1024 + (i * Shards), OtherService, 5683)).Kind.ShouldBe(ForwardKind.Forward);
        }

        TakeAll(Pump, PumpAt);
        Send(Valve, Build.Udp(ValveAt, 4000, Service, 5683)).Kind.ShouldBe(ForwardKind.Forward);
        _forwarder.AllowedFlows.ShouldBe(2 * Ports);
    }

    [Fact]
    public void Who_gets_no_flow_anyway_takes_no_port_from_anybody()
    {
        _forwarder = Start(Shards, new FlowLimits { AllowedPerIdentity = Ports });
        TakeAll(Pump, PumpAt);
        for (var i = 0; i < Ports; i++)
        {
            Send(Valve, Build.Udp(ValveAt, 1024 + (i * Shards), OtherService, 5683)).Kind.ShouldBe(ForwardKind.Forward);
        }

        Send(Valve, Build.Udp(ValveAt, 4000, Service, 5683)).Kind.ShouldBe(ForwardKind.Drop);
        _forwarder.AllowedFlows.ShouldBe(2 * Ports);
    }

    [Fact]
    public void A_whole_fleet_may_send_from_one_port()
    {
        _forwarder = Start(1);
        for (var host = 0; host < 5000; host++)
        {
            Send(Router, Build.Udp($"10.1.{host / 250}.{1 + (host % 250)}", 123, Service, 5683)).Kind.ShouldBe(ForwardKind.Forward);
        }
    }

    [Fact]
    public void A_connection_that_begins_anew_keeps_its_port()
    {
        Send(Valve, Build.Udp(ValveAt, 4000, Service, 5683));
        var syn = Build.Syn(PumpAt, 4000, Service, 8883);
        var port = Send(Pump, syn).GuestPort;
        Send(Server, Build.Tcp(ServerAt, 8883, Guest, port, TcpFlags.Rst | TcpFlags.Ack, 0, 1001)).ToIdentityId.ShouldBe(Pump);
        Send(Pump, syn).GuestPort.ShouldBe(port);
        _forwarder.AllowedFlows.ShouldBe(2);
    }

    [Fact]
    public void Nothing_is_allocated_where_ports_are_short()
    {
        TakeAll(Pump, PumpAt);
        byte[][] packets = [.. Enumerable.Range(0, 400).Select(i => i % 2 == 0
            ? Build.Udp(ValveAt, 2000 + i, Service, 5683) : Build.Udp(PumpAt, 30_000 + i, Service, 5683))];
        void SendSome(int from, int to)
        {
            for (var i = from; i < to; i++)
            {
                _forwarder.Handle(i % 2 == 0 ? Valve : Pump, packets[i], _now, _refusal);
            }
        }

        SendSome(0, 100);
        var before = GC.GetAllocatedBytesForCurrentThread();
        SendSome(100, 400);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }

    [Fact]
    public void Datagrams_of_two_guests_with_one_identification_do_not_mix_at_the_other_end()
    {
        _forwarder = Start(1);
        var random = new SeededEntropy(11);
        for (ushort id = 0; id < 300; id++)
        {
            // All send at once, each in parts that cross, some of them overtaken by others.
            _now += TimeSpan.FromSeconds(1);
            var sent = new[] { (From: Pump, At: PumpAt), (From: Valve, At: ValveAt), (From: Router, At: "10.1.0.7") }
                .Select(sender => (sender.From, Whole: Build.Udp(sender.At, 4000 + id, Service, 5683, payload: 1000 + random.Below(900)))).ToList();
            var parts = sent.SelectMany(one => Build.Fragments(one.Whole, 400, id).Select(part => (one.From, part))).ToList();
            for (var i = parts.Count - 1; i > 0; i--)
            {
                var other = random.Below(i + 1);
                (parts[i], parts[other]) = (parts[other], parts[i]);
            }

            var arrived = parts.SelectMany(part => Deliver(part.From, part.part)).ToList();
            arrived.Count.ShouldBe(parts.Count);
            foreach (var datagram in arrived.GroupBy(part => BinaryPrimitives.ReadUInt16BigEndian(part.AsSpan(4))))
            {
                byte[] payload = [.. datagram.OrderBy(part => BinaryPrimitives.ReadUInt16BigEndian(part.AsSpan(6)) & 0x1fff).SelectMany(part => part[20..])];
                var expected = sent.First(one => one.Whole.Length - 20 == payload.Length);
                payload[8..].ShouldBe(expected.Whole[28..]);
                InternetChecksum.IsValid(payload, InternetChecksum.PseudoHeader(IpAddress.Parse(Guest), IpAddress.Parse(ServerAt), 17, payload.Length)).ShouldBeTrue();
                datagram.All(part => InternetChecksum.IsValid(part.AsSpan(0, 20))).ShouldBeTrue();
            }
        }
    }

    [Fact]
    public void What_may_be_cut_on_the_way_is_identified_anew_and_what_may_not_is_left_alone()
    {
        _forwarder = Start(1);
        var given = new HashSet<int>();
        for (var i = 0; i < 1000; i++)
        {
            foreach (var (from, at) in new[] { (Pump, PumpAt), (Valve, ValveAt) })
            {
                var packet = Uncut(Build.Udp(at, 4000, Service, 5683), (ushort)i);
                var arrived = Deliver(from, packet).ShouldHaveSingleItem();
                arrived.ShouldHaveValidChecksums();
                given.Add(BinaryPrimitives.ReadUInt16BigEndian(arrived.AsSpan(4))).ShouldBeTrue("once only");
            }
        }

        var atomic = Build.Udp(PumpAt, 4000, Service, 5683);
        BinaryPrimitives.ReadUInt16BigEndian(Deliver(Pump, atomic).Single().AsSpan(4)).ShouldBe((ushort)0);

        // What comes back is the other one's to number.
        var reply = Uncut(Build.Udp(ServerAt, 5683, Guest, 4000), 77);
        BinaryPrimitives.ReadUInt16BigEndian(Deliver(Server, reply).Single().AsSpan(4)).ShouldBe((ushort)77);
    }

    [Fact]
    public void An_error_quotes_what_the_sender_sent_with_its_own_identification()
    {
        _forwarder = Start(1);
        var sent = Uncut(Build.Udp(ValveAt, 4000, Service, 5683), 4711);
        var arrived = Deliver(Valve, sent).Single();
        BinaryPrimitives.ReadUInt16BigEndian(arrived.AsSpan(4)).ShouldNotBe((ushort)4711);
        var error = Deliver(Server, Build.Error(ServerAt, Guest, 3, 3, arrived)).Single();
        error.ShouldHaveValidChecksums();
        error[28..].ShouldBe(sent);
    }

    [Fact]
    public void Two_packet_threads_never_give_out_the_same_identification()
    {
        var (one, other) = (Start(3, shard: 0), Start(3, shard: 2));
        var given = new HashSet<int>();
        for (var i = 0; i < 20_000; i++)
        {
            foreach (var (forwarder, from, at) in new[] { (one, Pump, PumpAt), (other, Valve, ValveAt) })
            {
                _forwarder = forwarder;
                given.Add(BinaryPrimitives.ReadUInt16BigEndian(Deliver(from, Uncut(Build.Udp(at, 4000, Service, 5683), 1)).Single().AsSpan(4))).ShouldBeTrue();
            }
        }
    }

    [Fact]
    public void After_a_restart_nobody_takes_over_a_connection_of_another_one_at_the_shared_address()
    {
        _forwarder = Start(1);
        Connect(Pump, PumpAt, 40_000).ShouldBe((ushort)40_000);

        // The next gateway knows nothing of it, the pump is silent, and the valve guesses the port.
        _forwarder = Start(1);
        Send(Valve, Build.Tcp(ValveAt, 40_000, Service, 8883, TcpFlags.Ack, 1, 1)).Reason.ShouldBe(DropReason.InvalidTcpState);
        _forwarder.AllowedFlows.ShouldBe(0);

        // It may begin one of its own. Of what the server says of the other one it gets nothing, and it says nothing in it.
        Send(Valve, Build.Tcp(ValveAt, 40_000, Service, 8883, TcpFlags.Syn, 7000)).GuestPort.ShouldBe((ushort)40_000);
        foreach (var (flags, acknowledgement) in new[]
                 {
                     (TcpFlags.Ack, 888u), (TcpFlags.Ack, 7001u), (TcpFlags.Rst, 0u), (TcpFlags.Rst | TcpFlags.Ack, 888u), (TcpFlags.Fin | TcpFlags.Ack, 7001u),
                 })
        {
            Send(Server, Build.Tcp(ServerAt, 8883, Guest, 40_000, flags, 777, acknowledgement, 20)).Reason.ShouldBe(DropReason.InvalidTcpState, $"{flags}");
        }

        foreach (var flags in new[] { TcpFlags.Ack, TcpFlags.Rst, TcpFlags.Rst | TcpFlags.Ack, TcpFlags.Fin | TcpFlags.Ack })
        {
            Send(Valve, Build.Tcp(ValveAt, 40_000, Service, 8883, flags, 888, 797, 20)).Reason.ShouldBe(DropReason.InvalidTcpState, $"{flags}");
        }

        // Where the server has none there any more, it answers, and all goes on.
        Send(Server, Build.Tcp(ServerAt, 8883, Guest, 40_000, TcpFlags.Syn | TcpFlags.Ack, 500, 7001)).ToIdentityId.ShouldBe(Valve);
        Send(Valve, Build.Tcp(ValveAt, 40_000, Service, 8883, TcpFlags.Ack, 7001, 501)).ToIdentityId.ShouldBe(Server);
        Send(Server, Build.Tcp(ServerAt, 8883, Guest, 40_000, TcpFlags.Ack, 501, 7001, 20)).ToIdentityId.ShouldBe(Valve);
    }

    [Fact]
    public void Whose_connection_was_forgotten_is_told_to_begin_another_one()
    {
        _forwarder = Start(1);
        var result = Send(Pump, Build.Tcp(PumpAt, 40_000, Service, 8883, TcpFlags.Ack, 101, 501));
        (result.Kind, result.ToIdentityId).ShouldBe((ForwardKind.Refuse, 0));
        InnerPacket.Read(_refusal.AsSpan(0, result.RefusalLength), out var reset).ShouldBe(DropReason.None);
        (reset.Flags, reset.Sequence, reset.Ends.Source.ToString(), reset.Ends.DestinationPort).ShouldBe((TcpFlags.Rst, 501u, Service, (ushort)40_000));
        Connect(Pump, PumpAt, 40_000).ShouldBe((ushort)40_000);
    }

    [Fact]
    public void A_server_that_refuses_is_heard()
    {
        _forwarder = Start(1);
        Send(Pump, Build.Tcp(PumpAt, 40_000, Service, 8883, TcpFlags.Syn, 100)).Kind.ShouldBe(ForwardKind.Forward);
        Send(Server, Build.Tcp(ServerAt, 8883, Guest, 40_000, TcpFlags.Rst | TcpFlags.Ack, 0, 101)).ToIdentityId.ShouldBe(Pump);
    }

    [Fact]
    public void Both_ends_of_a_connection_that_makes_room_are_told_and_who_has_its_port_gets_nothing_of_it()
    {
        for (var i = 0; i < Ports; i++)
        {
            Connect(Pump, PumpAt, 1024 + (i * Shards));
        }

        TakeReset(out _).ShouldBeEmpty();
        Pass();
        var taken = Send(Valve, Build.Tcp(ValveAt, 5000, Service, 8883, TcpFlags.Syn, 7000)).GuestPort;
        ((taken - 1024) % Shards).ShouldBe(0);
        InnerPacket.Read(TakeReset(out var to), out var near).ShouldBe(DropReason.None);
        (to, near.Flags, near.Sequence, near.Ends.Source.ToString(), near.Ends.DestinationPort).ShouldBe((Pump, TcpFlags.Rst, 501u, Service, taken));
        InnerPacket.Read(TakeReset(out to), out var far).ShouldBe(DropReason.None);
        (to, far.Flags, far.Sequence, far.Ends.Source.ToString(), far.Ends.SourcePort).ShouldBe((Server, TcpFlags.Rst, 101u, Guest, taken));
        TakeReset(out _).ShouldBeEmpty();
        Send(Server, Build.Tcp(ServerAt, 8883, Guest, taken, TcpFlags.Ack, 501, 101, 40)).Reason.ShouldBe(DropReason.InvalidTcpState);
        Send(Pump, Build.Tcp(PumpAt, taken, Service, 8883, TcpFlags.Ack, 101, 501)).Kind.ShouldBe(ForwardKind.Refuse);
    }

    [Fact]
    public void The_other_ends_packet_thread_tells_it_of_a_connection_that_made_room()
    {
        _forwarder = Start(2, shard: 1);
        _forwarder.HandleHandedOver(Pump, Build.Tcp(PumpAt, 4001, Service, 8883, TcpFlags.Syn, 100), _now, 4000).ToIdentityId.ShouldBe(Server);
        Send(Server, Build.Tcp(ServerAt, 8883, Guest, 4000, TcpFlags.Syn | TcpFlags.Ack, 500, 101)).ToIdentityId.ShouldBe(Pump);
        _forwarder.HandleHandedOver(Pump, Build.Tcp(PumpAt, 4001, Service, 8883, TcpFlags.Ack, 101, 501), _now, 4000).ToIdentityId.ShouldBe(Server);
        _forwarder.HandleHandedOver(Valve, Build.Tcp(ValveAt, 5000, Service, 8883, TcpFlags.Syn, 7000), _now, 4000).ToIdentityId.ShouldBe(Server);
        TakeReset(out var to);
        to.ShouldBe(Pump);
        InnerPacket.Read(TakeReset(out to), out var far).ShouldBe(DropReason.None);
        (to, far.Sequence, far.Ends.SourcePort).ShouldBe((Server, 101u, (ushort)4000));
    }

    [Fact]
    public void Datagrams_that_are_being_answered_make_no_room()
    {
        TakeAll(Pump, PumpAt);
        for (var i = 0; i < Ports; i++)
        {
            Send(Server, Build.Udp(ServerAt, 5683, Guest, 1024 + (i * Shards))).ToIdentityId.ShouldBe(Pump);
        }

        _now += TimeSpan.FromSeconds(2);
        Send(Valve, Build.Udp(ValveAt, 5000, Service, 5683)).Reason.ShouldBe(DropReason.NoGuestAddress);
        _now += TimeSpan.FromSeconds(2);
        Send(Valve, Build.Udp(ValveAt, 5000, Service, 5683)).ToIdentityId.ShouldBe(Server);
    }

    /// <summary>The opener's SYN has number 100, the server's 500. Returns the port that the server sees.</summary>
    private ushort Connect(int from, string at, int sourcePort)
    {
        var port = Send(from, Build.Tcp(at, sourcePort, Service, 8883, TcpFlags.Syn, 100)).GuestPort;
        Send(Server, Build.Tcp(ServerAt, 8883, Guest, port, TcpFlags.Syn | TcpFlags.Ack, 500, 101)).ToIdentityId.ShouldBe(from);
        Send(from, Build.Tcp(at, sourcePort, Service, 8883, TcpFlags.Ack, 101, 501)).ToIdentityId.ShouldBe(Server);
        return port;
    }

    private byte[] TakeReset(out int to)
    {
        var reset = new byte[TcpReset.MaximumLength];
        return reset[.._forwarder.TakeReset(reset, out to)];
    }

    private static Forwarder Start(int shards, FlowLimits? limits = null, ushort shard = 0)
    {
        var forwarder = new Forwarder(limits ?? new FlowLimits(), new SeededEntropy(3), Gate.Start, shard, shards);
        forwarder.Adopt(Plants, Gate.Start);
        return forwarder;
    }

    /// <summary>A packet that may be cut into parts on the way.</summary>
    private static byte[] Uncut(byte[] packet, ushort id) => Build.Fragment(packet, packet[20..], 0, more: false, id);

    private void TakeAll(int from, string source)
    {
        for (var i = 0; i < Ports; i++)
        {
            Send(from, Build.Udp(source, 1024 + (i * Shards), Service, 5683)).Kind.ShouldBe(ForwardKind.Forward, $"{i}");
        }

        // Long enough that those may be given up.
        _now += TimeSpan.FromSeconds(4);
    }

    /// <summary>A port that <see cref="TakeAll"/> does not send from.</summary>
    private static int Other(int i) => 1024 + (i % 240 * Shards) + 1 + (i / 240);

    private void Pass() => _now += TimeSpan.FromMilliseconds(10);

    private ForwardResult Send(int from, byte[] packet) => _forwarder.Handle(from, packet, _now, _refusal);

    /// <summary>What arrives: parts that wait for their first one come with it.</summary>
    private List<byte[]> Deliver(int from, byte[] packet)
    {
        List<byte[]> arrived = [];
        var held = packet.ToArray();
        for (var length = packet.Length; length > 0; length = _forwarder.TakeHeld(from, held = new byte[2048]))
        {
            var bytes = held[..length];
            var result = Send(from, bytes);
            (result.Kind is ForwardKind.Forward or ForwardKind.Hold).ShouldBeTrue($"{result.Reason}");
            if (result.Kind == ForwardKind.Forward)
            {
                _forwarder.Translate(result, bytes);
                arrived.Add(bytes);
            }
        }

        return arrived;
    }

    private List<FlowRecord> Records()
    {
        var records = new List<FlowRecord>();
        while (_forwarder.TryDequeueFlow(out var record))
        {
            records.Add(record);
        }

        return records;
    }
}
