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

/// <summary>Two networks that are 192.168.1.0/24, and what lies beyond the gateway host: by prefix and by name.</summary>
public sealed class EgressTests
{
    private const int Pump = 1;
    private const int Valve = 2;
    private const int Twin = 21;
    private const int Internet = 31;
    private const int NameRule = 202;

    private const string PumpAt = "192.168.1.10";
    private const string ValveAt = "192.168.1.11";
    private const string Server = "203.0.113.10";
    private const string Vendor = "198.51.100.7";

    private static readonly FleetModel Fleet = Of(
        Network(1, "192.168.1.0/24"),
        Device(Pump, 1, PumpAt),
        Device(Valve, 1, ValveAt),
        Network(2, "192.168.1.0/24"),
        Device(Twin, 2, PumpAt),
        Network(3),
        Site(Internet, 3, null, "0.0.0.0/0") with { Kind = IdentityKind.Host, Name = "internet" },
        Application(101, 3, Internet, "203.0.113.0/24", Udp(123), Tcp(443)),
        Application(102, 3, Internet, "0.0.0.0/0", Tcp(443), Udp(443)) with { Names = ["*.vendor.example", "time.example"] },
        Application(103, 3, Internet, "10.50.0.0/24", Tcp(443)) with { Names = ["lan.vendor.example"] },
        ForDevice(201, Pump, 101),
        ForDevice(NameRule, Pump, 102),
        ForDevice(203, Valve, 102),
        ForDevice(204, Pump, 103),
        ForDevice(205, Twin, 101),
        Service(301, 1, "203.0.113.0/24", 3, "203.0.113.0/24"),
        Service(302, 1, "0.0.0.0/0", 3, "0.0.0.0/0"),
        Service(303, 1, "10.50.0.0/24", 3, "10.50.0.0/24"),
        Service(304, 2, "203.0.113.0/24", 3, "203.0.113.0/24"),
        Guest(311, 3, "198.19.0.0/24", 1, "192.168.1.0/24"),
        Guest(312, 3, "198.19.1.0/24", 2, "192.168.1.0/24"));

    private readonly Ties _ties = new();
    private readonly Forwarder _forwarder;
    private readonly byte[] _refusal = new byte[Refusal.MaximumLength];
    private Instant _now = Gate.Start + TimeSpan.FromMinutes(10);

    public EgressTests()
    {
        _forwarder = new Forwarder(new FlowLimits(), new SeededEntropy(5), Gate.Start, names: _ties);
        _forwarder.Adopt(Fleet, _now);
    }

    [Fact]
    public void Twins_of_one_address_are_two_guests_and_each_gets_his_own_answers()
    {
        Forward(Pump, Build.Udp(PumpAt, 4000, Server, 123), Internet).ShouldBe(("198.19.0.10", 4000, Server, 123));
        Forward(Twin, Build.Udp(PumpAt, 4000, Server, 123), Internet).ShouldBe(("198.19.1.10", 4000, Server, 123));
        Forward(Internet, Build.Udp(Server, 123, "198.19.0.10", 4000), Pump).ShouldBe((Server, 123, PumpAt, 4000));
        Forward(Internet, Build.Udp(Server, 123, "198.19.1.10", 4000), Twin).ShouldBe((Server, 123, PumpAt, 4000));
    }

    [Theory]
    [InlineData("192.168.1.99")]
    [InlineData("192.168.1.255")]
    [InlineData("192.168.1.0")]
    public void An_address_of_the_network_that_nobody_has_is_not_beyond_whatever_the_sender_was_told(string address)
    {
        _ties.Tell(Pump, "a.vendor.example", address, _now + TimeSpan.FromSeconds(60));
        Send(Pump, Build.Syn(PumpAt, 4000, address, 443)).Kind.ShouldNotBe(ForwardKind.Forward);
        Fleet.Resolve(1, IpAddress.Parse(address)).Carrier.ShouldBeNull();
    }

    [Theory]
    [InlineData("203.0.113.77", "203.0.113.77")]
    [InlineData("10.50.7.1", Server)]
    [InlineData("192.168.1.11", Server)]
    public void An_error_from_beyond_shows_routers_of_the_internet_and_none_of_the_LAN(string router, string seenAs)
    {
        var sent = Build.Udp(PumpAt, 4000, Server, 123);
        var result = Send(Pump, sent);
        var arrived = sent.ToArray();
        _forwarder.Translate(result, arrived);
        var error = Build.Error(router, "198.19.0.10", 3, 1, arrived);
        var back = Send(Internet, error);
        back.ToIdentityId.ShouldBe(Pump);
        _forwarder.Translate(back, error);
        InnerPacket.Read(error, out var read).ShouldBe(DropReason.None);
        read.Ends.Source.ToString().ShouldBe(seenAs);
        error.ShouldHaveValidChecksums();
    }

    [Fact]
    public void Nobody_in_the_internet_opens_anything()
    {
        Send(Internet, Build.Syn(Server, 443, "198.19.0.10", 4000)).Kind.ShouldBe(ForwardKind.Drop);
        Send(Internet, Build.Udp(Server, 123, "198.19.0.10", 4000)).Kind.ShouldBe(ForwardKind.Drop);
        Send(Internet, Build.Echo(Server, "198.19.0.10", 1)).Kind.ShouldBe(ForwardKind.Drop);

        // Nor with answers of somebody else than who was asked.
        Forward(Pump, Build.Udp(PumpAt, 4000, Server, 123), Internet);
        Send(Internet, Build.Udp("203.0.113.11", 123, "198.19.0.10", 4000)).Kind.ShouldBe(ForwardKind.Drop);
        Send(Internet, Build.Udp(Server, 124, "198.19.0.10", 4000)).Kind.ShouldBe(ForwardKind.Drop);
    }

    [Fact]
    public void An_address_is_reached_by_the_identity_that_was_told_it_for_a_name_of_its_rule_and_by_no_other()
    {
        var packet = Build.Syn(PumpAt, 4000, Vendor, 443);
        Send(Pump, packet).Reason.ShouldBe(DropReason.NameNotAsked, "the right server, but nobody asked for it");
        _ties.Tell(Pump, "vendor.example", Vendor, _now + TimeSpan.FromSeconds(60));
        Send(Pump, packet).Reason.ShouldBe(DropReason.NameNotAsked, "a wildcard is for names below");
        _ties.Tell(Pump, "a.b.vendor.example", Vendor, _now + TimeSpan.FromSeconds(60));
        Forward(Pump, packet, Internet);
        Send(Valve, Build.Syn(ValveAt, 4000, Vendor, 443)).Reason.ShouldBe(DropReason.NameNotAsked, "another identity has a rule and was told nothing");
        _ties.Tell(Twin, "a.vendor.example", Vendor, _now + TimeSpan.FromSeconds(60));
        Send(Twin, Build.Syn(PumpAt, 4000, Vendor, 443)).Kind.ShouldBe(ForwardKind.Refuse, "was told, and has no rule");
        Send(Pump, Build.Syn(PumpAt, 4001, Vendor, 80)).Kind.ShouldBe(ForwardKind.Refuse, "another port");
    }

    [Fact]
    public void A_flood_to_an_address_without_a_name_is_judged_once_and_again_when_something_was_told()
    {
        var packet = Build.Udp(PumpAt, 4000, Vendor, 443);
        for (var i = 0; i < 1000; i++)
        {
            Send(Pump, packet).Reason.ShouldBe(DropReason.NameNotAsked);
        }

        _ties.Looks.ShouldBe(1);
        _ties.Tell(Valve, "a.vendor.example", Vendor, _now + TimeSpan.FromSeconds(60));
        Send(Pump, packet);
        _ties.Looks.ShouldBe(1, "another one was told");
        _ties.Tell(Pump, "a.vendor.example", Server, _now + TimeSpan.FromSeconds(60));
        Send(Pump, packet).Reason.ShouldBe(DropReason.NameNotAsked);
        Send(Pump, packet).Reason.ShouldBe(DropReason.NameNotAsked);
        _ties.Looks.ShouldBe(2);
        _ties.Tell(Pump, "a.vendor.example", Vendor, _now + TimeSpan.FromSeconds(60));
        Forward(Pump, packet, Internet);
    }

    [Fact]
    public void After_its_time_an_answer_opens_nothing_and_what_it_opened_goes_on_until_the_rule_goes()
    {
        _ties.Tell(Pump, "time.example", Vendor, _now + TimeSpan.FromSeconds(60));
        Forward(Pump, Build.Udp(PumpAt, 4000, Vendor, 443), Internet);
        var record = Records().Last(flow => flow.Allowed);
        (record.DnsName, record.ApplicationId, record.RuleId).ShouldBe(("time.example", 102, NameRule));
        _now += TimeSpan.FromSeconds(60);
        Send(Pump, Build.Udp(PumpAt, 4001, Vendor, 443)).Reason.ShouldBe(DropReason.NameNotAsked);
        Forward(Pump, Build.Udp(PumpAt, 4000, Vendor, 443), Internet);

        // Judged again by a model that changed elsewhere and by one that changed here, it is still what it was.
        _forwarder.Adopt(Fleet.With(ForDevice(299, Pump, 999)), _now).FlowsCut.ShouldBe(0);
        Forward(Pump, Build.Udp(PumpAt, 4000, Vendor, 443), Internet);
        var without = _forwarder.Model.With(new FleetChange { RemovedRules = Ids(NameRule) });
        _forwarder.Adopt(without, _now).FlowsCut.ShouldBe(1);
        Send(Pump, Build.Udp(PumpAt, 4000, Vendor, 443)).Kind.ShouldBe(ForwardKind.Refuse);
        Send(Internet, Build.Udp(Vendor, 443, "198.19.0.10", 4000)).Kind.ShouldNotBe(ForwardKind.Forward);

        // The rule is back, and the answer has been too old for long.
        _forwarder.Adopt(without.With(ForDevice(NameRule, Pump, 102)), _now);
        Send(Pump, Build.Udp(PumpAt, 4000, Vendor, 443)).Kind.ShouldBe(ForwardKind.Refuse);
    }

    [Fact]
    public void A_conversation_whose_rule_becomes_one_of_a_name_keeps_the_name_that_it_was_judged_by()
    {
        var packet = Build.Udp(PumpAt, 4000, Server, 443);
        var byPrefix = Fleet.With(Application(101, 3, Internet, "203.0.113.0/24", Udp(443)));
        _forwarder.Adopt(byPrefix, _now);
        Forward(Pump, packet, Internet);
        _ties.Tell(Pump, "time.example", Server, _now + TimeSpan.FromSeconds(60));

        var byName = byPrefix.With(new FleetChange { RemovedRules = Ids(201) });
        _forwarder.Adopt(byName, _now).FlowsCut.ShouldBe(0);
        Forward(Pump, packet, Internet);
        Records().Last().DnsName.ShouldBe("time.example");

        _now += TimeSpan.FromSeconds(61);
        _forwarder.Adopt(byName.With(ForDevice(299, Pump, 999)), _now).FlowsCut.ShouldBe(0, "the answer is too old, and it is what it goes on by");
        Forward(Pump, packet, Internet);
        _forwarder.Adopt(_forwarder.Model.With(new FleetChange { RemovedRules = Ids(NameRule) }), _now).FlowsCut.ShouldBe(1);
    }

    [Fact]
    public void Names_do_not_lead_into_private_ranges_that_no_application_names()
    {
        string[] elsewhere = ["10.50.0.10", "192.168.7.1", "172.16.0.1", "100.64.0.1", "198.19.0.11"];
        foreach (var address in elsewhere)
        {
            _ties.Tell(Pump, "rebind.vendor.example", address, _now + TimeSpan.FromSeconds(60));
            Send(Pump, Build.Syn(PumpAt, 4000, address, 443)).Kind.ShouldBe(ForwardKind.Refuse, address);
        }

        Send(Pump, Build.Syn(PumpAt, 4000, "127.0.0.1", 443)).Kind.ShouldNotBe(ForwardKind.Forward);
        _ties.Tell(Pump, "lan.vendor.example", "10.50.0.10", _now + TimeSpan.FromSeconds(60));
        Forward(Pump, Build.Syn(PumpAt, 4001, "10.50.0.10", 443), Internet);
        _ties.Tell(Pump, "lan.vendor.example", "10.51.0.10", _now + TimeSpan.FromSeconds(60));
        Send(Pump, Build.Syn(PumpAt, 4001, "10.51.0.10", 443)).Kind.ShouldBe(ForwardKind.Refuse, "outside of what is named");
    }

    [Theory]
    [InlineData("0.0.0.0/0", "203.0.113.1", true)]
    [InlineData("0.0.0.0/0", "10.0.0.1", false)]
    [InlineData("10.0.0.0/8", "10.0.0.1", true)]
    [InlineData("0.0.0.0/5", "10.0.0.1", false)]
    [InlineData("127.0.0.0/8", "127.0.0.1", false)]
    [InlineData("169.254.169.254/32", "169.254.169.254", false)]
    [InlineData("224.0.0.0/4", "224.0.0.1", false)]
    public void What_a_target_means(string target, string destination, bool isMeant) =>
        Egress.Means(IpPrefix.Parse(target), IpAddress.Parse(destination)).ShouldBe(isMeant);

    [Theory]
    [InlineData("*.vendor.example", "a.vendor.example", true)]
    [InlineData("*.vendor.example", "a.b.vendor.example", true)]
    [InlineData("*.vendor.example", "vendor.example", false)]
    [InlineData("*.vendor.example", ".vendor.example", false)]
    [InlineData("*.vendor.example", "evilvendor.example", false)]
    [InlineData("vendor.example", "vendor.example", true)]
    [InlineData("vendor.example", "a.vendor.example", false)]
    public void What_a_pattern_means(string pattern, string name, bool isMeant) => NamePattern.Matches(pattern, name).ShouldBe(isMeant);

    [Fact]
    public void What_could_be_reached_by_a_name_is_told_as_reach()
    {
        var reach = new ReachQuestions(Fleet, new ReachMap(Fleet), _ => default).ReachOf(Fleet.Identity(Valve)!, Gate.Start).ToList();
        reach.ShouldContain(one => one.Application.Id == 102 && one.Decision.Allowed);
        reach.ShouldAllBe(one => one.Application.Id == 102 && !IpPrefix.Parse("10.0.0.0/8").Contains(one.Cell.Example));
        Fleet.Explain(Valve, default, IpAddress.Parse(Vendor), IpProtocol.Tcp, 443).Kind.ShouldBe(ExplanationKind.NameNotAsked);
    }

    [Fact]
    public void Ways_to_prefixes_are_told_and_none_to_everything()
    {
        Routes(Pump).ShouldBe(["10.50.0.0/24", "203.0.113.0/24"]);
        Routes(Valve).ShouldBeEmpty();
        Routes(Twin).ShouldBe(["203.0.113.0/24"]);

        static IEnumerable<string> Routes(int id) => Fleet.EgressWays.Of(Fleet.Identity(id)!).Select(route => route.ToString());
    }

    [Fact]
    public void Conversations_with_beyond_are_bounded_for_all_and_for_each_and_leave_the_rest_of_the_table_alone()
    {
        var forwarder = new Forwarder(new FlowLimits { Capacity = 4000 }, new SeededEntropy(5), Gate.Start) { BeyondFlowsMax = 1024 };
        forwarder.Adopt(Fleet.With(Change(ForNetwork(206, 1, 101))), _now);
        int Open(int from, string at, int count) => Enumerable.Range(0, count)
            .Count(i => forwarder.Handle(from, Build.Udp(at, 2000 + i, Server, 123), _now, _refusal).Kind == ForwardKind.Forward);

        Open(Pump, PumpAt, 3000).ShouldBe(256, "a quarter");
        Open(Valve, ValveAt, 3000).ShouldBe(256, "a quarter, with which half are taken");
        Open(Twin, PumpAt, 3000).ShouldBe(16, "from here on a little for each");
        Open(Pump, PumpAt, 3000).ShouldBe(256, "those that it has go on, and there are no more");
        Open(Valve, ValveAt, 10).ShouldBe(10);
        forwarder.AllowedFlows.ShouldBe(256 + 256 + 16);
        forwarder.Drops[(int)DropReason.FlowTableFull].ShouldBeGreaterThan(0);

        // What is over makes room.
        _now += TimeSpan.FromMinutes(10);
        forwarder.HandleTimeout(_now);
        forwarder.AllowedFlows.ShouldBe(0);
        Open(Twin, PumpAt, 3000).ShouldBe(256);
    }

    [Fact]
    public void Beyond_takes_half_of_the_table_at_most_and_gives_nothing_of_it_away()
    {
        var forwarder = new Forwarder(new FlowLimits { Capacity = 400 }, new SeededEntropy(5), Gate.Start) { BeyondFlowsMax = int.MaxValue };
        forwarder.BeyondFlowsMax.ShouldBe(200);
        const int gateway = 41;
        forwarder.Adopt(Fleet.With(Change(Device(gateway, 1, "192.168.1.40"), Application(104, 1, gateway, "192.168.1.40", Udp(123)), ForNetwork(206, 1, 104))), _now);
        int Open(string to, int count) => Enumerable.Range(0, count)
            .Count(i => forwarder.Handle(Pump, Build.Udp(PumpAt, 2000 + i, to, 123), _now, _refusal).Kind == ForwardKind.Forward);
        Open(Server, 300).ShouldBe(50);
        Open("192.168.1.40", 400).ShouldBe(350);

        // Another one who takes places in the full table takes them of what stays inside: what the host remembers is not forgotten here.
        Enumerable.Range(0, 200).Count(i => forwarder.Handle(Valve, Build.Udp(ValveAt, 2000 + i, "192.168.1.40", 123), _now, _refusal).Kind == ForwardKind.Forward)
            .ShouldBeGreaterThan(100);
        Open(Server, 50).ShouldBe(50);
        forwarder.AllowedFlows.ShouldBe(400);
    }

    [Theory]
    [InlineData(TcpFlags.Rst, 0x7fffffffu, 0u)]
    [InlineData(TcpFlags.Rst, 102u, 0u)]
    [InlineData(TcpFlags.Rst, 100u, 0u)]
    [InlineData(TcpFlags.Rst | TcpFlags.Ack, 101u, 502u)]
    [InlineData(TcpFlags.Rst | TcpFlags.Ack, 101u, 0x80000000u)]
    [InlineData(TcpFlags.Fin | TcpFlags.Ack, 101u, 502u)]
    [InlineData(TcpFlags.Fin | TcpFlags.Ack, 0x7fffffffu, 501u)]
    [InlineData(TcpFlags.Fin | TcpFlags.Ack, 400u, 501u)]
    public void An_end_whose_numbers_do_not_fit_frees_no_place_that_the_kernel_still_takes(TcpFlags flags, uint sequence, uint acknowledgement)
    {
        var forwarder = new Forwarder(new FlowLimits(), new SeededEntropy(5), Gate.Start) { BeyondFlowsMax = 1024 };
        forwarder.Adopt(Fleet.With(Change(ForNetwork(206, 1, 101))), _now);
        var (opened, port) = (0, 2000);
        for (var round = 0; round < 40; round++)
        {
            for (var i = 0; i < 256; i++, port++)
            {
                if (forwarder.Handle(Pump, Build.Tcp(PumpAt, port, Server, 443, TcpFlags.Syn, 100), _now, _refusal).Kind != ForwardKind.Forward)
                {
                    break;
                }

                Establish(forwarder, port);
                forwarder.Handle(Pump, Build.Tcp(PumpAt, port, Server, 443, flags, sequence, acknowledgement), _now, _refusal);
                opened++;
            }

            _now += TimeSpan.FromMinutes(5);
            forwarder.HandleTimeout(_now);
            Drain(forwarder);
        }

        opened.ShouldBeLessThanOrEqualTo(2 * 1024, "all that the kernel remembers for 124 minutes, of 200");
        forwarder.AllowedFlows.ShouldBeGreaterThan(0);
    }

    [Theory]
    [InlineData(TcpFlags.Rst, 101u, 0u)]
    [InlineData(TcpFlags.Rst | TcpFlags.Ack, 101u, 501u)]
    public void A_reset_that_the_server_must_take_ends_the_conversation_at_once(TcpFlags flags, uint sequence, uint acknowledgement)
    {
        Forward(Pump, Build.Tcp(PumpAt, 4000, Server, 443, TcpFlags.Syn, 100), Internet);
        Establish(_forwarder, 4000);
        Send(Pump, Build.Tcp(PumpAt, 4000, Server, 443, flags, sequence, acknowledgement)).Kind.ShouldBe(ForwardKind.Forward);
        LivesFor(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void A_reset_that_no_server_would_take_does_not_get_there()
    {
        Forward(Pump, Build.Tcp(PumpAt, 4000, Server, 443, TcpFlags.Syn, 100), Internet);
        Establish(_forwarder, 4000);
        Send(Pump, Build.Tcp(PumpAt, 4000, Server, 443, TcpFlags.Rst, 100)).Reason.ShouldBe(DropReason.InvalidTcpState);
        Send(Pump, Build.Tcp(PumpAt, 4000, Server, 443, TcpFlags.Rst, 101 + (1u << 30) + 1)).Reason.ShouldBe(DropReason.InvalidTcpState);

        // It may follow data that is on its way.
        Send(Pump, Build.Tcp(PumpAt, 4000, Server, 443, TcpFlags.Rst, 1500)).Kind.ShouldBe(ForwardKind.Forward);
        LivesFor(TimeSpan.FromMinutes(124));
    }

    [Fact]
    public void Both_ends_say_goodbye_after_their_last_data_and_the_place_is_free()
    {
        Forward(Pump, Build.Tcp(PumpAt, 4000, Server, 443, TcpFlags.Syn, 100), Internet);
        Establish(_forwarder, 4000);
        Forward(Pump, Build.Tcp(PumpAt, 4000, Server, 443, TcpFlags.Ack, 101, 501, payload: 300), Internet);
        Forward(Pump, Build.Tcp(PumpAt, 4000, Server, 443, TcpFlags.Fin | TcpFlags.Ack, 401, 501), Internet);
        Forward(Internet, Build.Tcp(Server, 443, "198.19.0.10", 4000, TcpFlags.Fin | TcpFlags.Ack, 501, 402), Pump);
        Forward(Pump, Build.Tcp(PumpAt, 4000, Server, 443, TcpFlags.Ack, 402, 502), Internet);
        LivesFor(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void A_FIN_is_not_what_was_acknowledged_where_data_came_in_its_place()
    {
        Forward(Pump, Build.Tcp(PumpAt, 4000, Server, 443, TcpFlags.Syn, 100), Internet);
        Establish(_forwarder, 4000);
        Forward(Pump, Build.Tcp(PumpAt, 4000, Server, 443, TcpFlags.Fin | TcpFlags.Ack, 401, 501), Internet);
        Forward(Pump, Build.Tcp(PumpAt, 4000, Server, 443, TcpFlags.Ack, 101, 501, payload: 301), Internet);
        Forward(Internet, Build.Tcp(Server, 443, "198.19.0.10", 4000, TcpFlags.Ack, 501, 402), Pump);
        LivesFor(TimeSpan.FromMinutes(124));
    }

    [Fact]
    public void What_the_server_acknowledged_once_is_acknowledged_whatever_it_says_later()
    {
        Forward(Pump, Build.Tcp(PumpAt, 4000, Server, 443, TcpFlags.Syn, 100), Internet);
        Establish(_forwarder, 4000);
        Forward(Pump, Build.Tcp(PumpAt, 4000, Server, 443, TcpFlags.Ack, 101, 501, payload: 300), Internet);
        Forward(Internet, Build.Tcp(Server, 443, "198.19.0.10", 4000, TcpFlags.Ack, 501, 401), Pump);
        Forward(Internet, Build.Tcp(Server, 443, "198.19.0.10", 4000, TcpFlags.Ack, 501, 201), Pump);
        Forward(Internet, Build.Tcp(Server, 443, "198.19.0.10", 4000, TcpFlags.Syn | TcpFlags.Ack, 501, 7001), Pump);
        foreach (var sequence in new[] { 201u, 7001u })
        {
            Send(Pump, Build.Tcp(PumpAt, 4000, Server, 443, TcpFlags.Rst, sequence));
        }

        LivesFor(TimeSpan.FromMinutes(124));
    }

    [Fact]
    public void A_server_ends_a_conversation_by_its_reset()
    {
        Forward(Pump, Build.Tcp(PumpAt, 4000, Server, 443, TcpFlags.Syn, 100), Internet);
        Forward(Internet, Build.Tcp(Server, 443, "198.19.0.10", 4000, TcpFlags.Rst | TcpFlags.Ack, 0, 101), Pump);
        LivesFor(TimeSpan.FromSeconds(10));
    }

    /// <summary>The server's half of a handshake whose SYN had number 100, and the acknowledgement of it.</summary>
    private void Establish(Forwarder forwarder, int port)
    {
        forwarder.Handle(Internet, Build.Tcp(Server, 443, "198.19.0.10", port, TcpFlags.Syn | TcpFlags.Ack, 500, 101), _now, _refusal).ToIdentityId.ShouldBe(Pump);
        forwarder.Handle(Pump, Build.Tcp(PumpAt, port, Server, 443, TcpFlags.Ack, 101, 501), _now, _refusal).ToIdentityId.ShouldBe(Internet);
    }

    private void LivesFor(TimeSpan time)
    {
        _now += time - TimeSpan.FromSeconds(1);
        _forwarder.HandleTimeout(_now);
        _forwarder.AllowedFlows.ShouldBe(1);
        _now += TimeSpan.FromSeconds(2);
        _forwarder.HandleTimeout(_now);
        _forwarder.AllowedFlows.ShouldBe(0);
    }

    private static void Drain(Forwarder forwarder)
    {
        while (forwarder.TryDequeueFlow(out _))
        {
        }
    }

    [Fact]
    public void The_server_name_of_a_client_is_on_the_record()
    {
        Handshake(4000);
        var first = Records().Last().ServerName;
        first.ShouldBe("updates.vendor.example");
        Handshake(4001);
        Records().Last().ServerName.ShouldBeSameAs(first, "one string for all flows");
    }

    [Fact]
    public void A_server_name_behind_a_long_key_share_is_found_in_the_segments_that_follow()
    {
        var hello = TlsHelloTests.Hello("late.vendor.example", before: 2900);
        Connect(4000);
        Data(4000, 1, hello.AsSpan(0, 1400));
        Data(4000, 1, hello.AsSpan(0, 1400));
        Data(4000, 1401, hello.AsSpan(1400, 1400));
        Records().ShouldAllBe(record => record.ServerName == null);
        Data(4000, 2801, hello.AsSpan(2800));
        Records().Last().ServerName.ShouldBe("late.vendor.example");
    }

    [Fact]
    public void A_hello_of_which_a_part_is_missing_has_no_name_and_its_ports_may_have_another()
    {
        var hello = TlsHelloTests.Hello("late.vendor.example", before: 1500);
        Connect(4000);
        Data(4000, 1, hello.AsSpan(0, 700));
        Data(4000, 1401, hello.AsSpan(1400));
        Data(4000, 701, hello.AsSpan(700, 700));
        Records().ShouldAllBe(record => record.ServerName == null);

        // One who begins hellos and ends none keeps a few places, and nobody else out of his.
        for (var port = 5000; port < 5200; port++)
        {
            Connect(port);
            Data(port, 1, hello.AsSpan(0, 700));
            if (port == 5000)
            {
                Forward(Twin, Build.Syn(PumpAt, 4000, Server, 443), Internet);
                Forward(Internet, Build.Tcp(Server, 443, "198.19.1.10", 4000, TcpFlags.Syn | TcpFlags.Ack), Twin);
                Data(4000, 1, hello.AsSpan(0, 700), Twin);
            }
        }

        Data(4000, 701, hello.AsSpan(700), Twin);
        Records().Last(record => record.FromId == Twin).ServerName.ShouldBe("late.vendor.example");
        Data(5000, 701, hello.AsSpan(700));
        Data(5199, 701, hello.AsSpan(700));
        Records().Where(record => record.ServerName is not null).Select(record => record.SourcePort).ShouldBe([(ushort)5199]);
    }

    private void Handshake(int port)
    {
        Connect(port);
        Data(port, 1, TlsHelloTests.Hello("Updates.Vendor.example"));
    }

    private void Connect(int port)
    {
        Forward(Pump, Build.Syn(PumpAt, port, Server, 443), Internet);
        Forward(Internet, Build.Tcp(Server, 443, "198.19.0.10", port, TcpFlags.Syn | TcpFlags.Ack), Pump);
    }

    private void Data(int port, uint sequence, ReadOnlySpan<byte> bytes, int from = Pump)
    {
        var head = Build.Tcp(PumpAt, port, Server, 443, TcpFlags.Ack)[20..];
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(4), sequence);
        Forward(from, Build.Ip(IpAddress.Parse(PumpAt), IpAddress.Parse(Server), IpProtocol.Tcp, [.. head, .. bytes]), Internet);
    }

    private (string Source, int SourcePort, string Destination, int DestinationPort) Forward(int from, byte[] packet, int to)
    {
        var result = Send(from, packet);
        (result.Kind, result.ToIdentityId).ShouldBe((ForwardKind.Forward, to), $"{result.Reason}");
        var arrived = packet.ToArray();
        _forwarder.Translate(result, arrived);
        InnerPacket.Read(arrived, out var read).ShouldBe(DropReason.None);
        return ($"{read.Ends.Source}", read.Ends.SourcePort, $"{read.Ends.Destination}", read.Ends.DestinationPort);
    }

    private ForwardResult Send(int from, byte[] packet) => _forwarder.Handle(from, packet, _now, _refusal);

    private List<FlowRecord> Records()
    {
        var records = new List<FlowRecord>();
        while (_forwarder.TryDequeueFlow(out var record))
        {
            records.Add(record);
        }

        return records;
    }

    private sealed class Ties : INameTies
    {
        private readonly Dictionary<int, List<NameTie>> _ties = [];

        /// <summary>How often the names of anybody were looked through.</summary>
        public int Looks { get; private set; }

        public void Tell(int identity, string name, string address, Instant until)
        {
            _ties.TryAdd(identity, []);
            _ties[identity].Add(new NameTie(name, IpAddress.Parse(address), until));
        }

        public NameTie[] Of(int identityId)
        {
            Looks++;
            return _ties.TryGetValue(identityId, out var ties) ? [.. ties] : [];
        }

        public int VersionOf(int identityId) => _ties.TryGetValue(identityId, out var ties) ? ties.Count : 0;
    }
}
