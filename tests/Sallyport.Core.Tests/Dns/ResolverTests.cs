using System.Buffers.Binary;
using Sallyport.Core.Dns;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using static Sallyport.Core.Tests.Policy.Fleets;

namespace Sallyport.Core.Tests.Dns;

/// <summary>Names inside a network mean what the asker may reach, and nothing else.</summary>
public sealed class ResolverTests
{
    private const int Pump = 17;
    private const int Valve = 18;
    private const int Router = 2;
    private const int Historian = 5;
    private const int Modbus = 6;
    private const int Camera = 7;
    private const int Lan = 8;

    private static readonly Network Plant = Network(1, "10.20.0.0/16", "fd00:20::/64") with
    {
        Name = "plant-a",
        Dns = new NetworkDns(
            "sallyport", "plant-a.sallyport",
            [new DnsForward("corp.example", [new OuterAddress(IpAddress.Parse("10.0.0.53"), 53)]), new DnsForward("example", [new OuterAddress(IpAddress.Parse("10.0.0.54"), 53)])]),
    };

    /// <summary>A pump that may reach the historian, and a twin network where everything is called and numbered alike.</summary>
    private static readonly FleetModel Fleet = Of(
        Plant,
        Device(Pump, 1, "10.20.0.17", "fd00:20::17") with { Name = "pump-17" },
        Device(Valve, 1, "10.20.0.18") with { Name = "valve-18" },
        Site(Router, 1, "10.20.0.2", "192.168.1.0/24", "fd00:50::/64") with { Name = "router-3" },
        Application(Historian, 1, Router, "192.168.1.20", Tcp(8883)) with { Name = "historian" },
        Application(Modbus, 1, Valve, "10.20.0.18", Tcp(502)) with { Name = "modbus" },
        Application(Camera, 1, Router, "192.168.1.30", Tcp(554)) with { Name = "camera" },
        ForDevice(1, Pump, Historian),
        Network(7, "10.20.0.0/16") with { Name = "plant-b", Dns = new NetworkDns("sallyport", "plant-b.sallyport", []) },
        Device(70, 7, "10.20.0.17") with { Name = "pump-17" },
        Device(71, 7, "10.20.0.18") with { Name = "mixer" },
        Application(72, 7, 71, "10.20.0.18", Tcp(502)) with { Name = "mixing" },
        ForDevice(70, 70, 72));

    [Fact]
    public void A_granted_application_has_an_address_and_the_others_are_not_there()
    {
        Ask4(Pump, "historian.plant-a.sallyport").ShouldBe("192.168.1.20");
        Ask4(Pump, "HISTORIAN.Plant-A.sallyport").ShouldBe("192.168.1.20");
        Ask4(Pump, "camera.plant-a.sallyport").ShouldBe("NxDomain");
        Ask4(Pump, "modbus.plant-a.sallyport").ShouldBe("NxDomain");
        Ask4(Valve, "historian.plant-a.sallyport").ShouldBe("NxDomain");
        Ask4(Pump, "no-such-thing.plant-a.sallyport").ShouldBe("NxDomain");
        Ask4(Valve, "modbus.plant-a.sallyport").ShouldBe("10.20.0.18", "its own");
        Ask4(Router, "camera.plant-a.sallyport").ShouldBe("192.168.1.30", "its own");
    }

    [Fact]
    public void What_may_not_be_reached_and_what_is_not_there_are_answered_alike_byte_for_byte()
    {
        byte[] Answer(string name) => Resolve(Pump, Ask.For(name, DnsType.A, ednsSize: 1232));
        var hidden = Answer("camera.plant-a.sallyport");
        var absent = Answer("cannon.plant-a.sallyport");
        hidden.AsSpan(13, 6).Clear();
        absent.AsSpan(13, 6).Clear();
        hidden.ShouldBe(absent);
    }

    [Fact]
    public void A_name_goes_with_the_rule_and_a_denial_a_lock_or_an_end_takes_it_as_well()
    {
        Ask4(Pump, "historian.plant-a.sallyport", Fleet.With(new FleetChange { RemovedRules = [1] })).ShouldBe("NxDomain");
        Ask4(Pump, "historian.plant-a.sallyport", Fleet.With(new Rule(2, new Subject(SubjectKind.Device, Pump, ""), Historian) { Effect = RuleEffect.Deny })).ShouldBe("NxDomain");
        Ask4(Pump, "historian.plant-a.sallyport", Fleet.With(Fleet.Application(Historian)! with { Locked = true })).ShouldBe("NxDomain");
        Ask4(Pump, "historian.plant-a.sallyport", Fleet.With(Fleet.Identity(Router)! with { Active = false })).ShouldBe("NxDomain");
        var ending = Fleet.With(ForDevice(1, Pump, Historian) with { Time = new RuleTime(Instant.FromUnixSeconds(100), []) });
        Ask4(Pump, "historian.plant-a.sallyport", ending).ShouldBe("192.168.1.20");
        Ask4(Pump, "historian.plant-a.sallyport", ending.At(Instant.FromUnixSeconds(100))).ShouldBe("NxDomain");
    }

    [Fact]
    public void A_port_that_is_left_open_between_denied_ones_is_enough()
    {
        FleetModel With(params Service[] denied) => Fleet.With(
            Fleet.Application(Historian)! with { Services = [Tcp(8000, 8010)] },
            Application(20, 1, Router, "192.168.1.0/24", denied),
            new Rule(20, new Subject(SubjectKind.Device, Pump, ""), 20) { Effect = RuleEffect.Deny });
        Ask4(Pump, "historian.plant-a.sallyport", With(Tcp(8000, 8004), Tcp(8006, 8010))).ShouldBe("192.168.1.20");
        Ask4(Pump, "historian.plant-a.sallyport", With(Tcp(8000, 8005), Tcp(8004, 8010))).ShouldBe("NxDomain");
        Ask4(Pump, "historian.plant-a.sallyport", With(Udp(8000, 8010))).ShouldBe("192.168.1.20");
    }

    [Fact]
    public void An_application_at_the_same_address_as_a_granted_one_stays_unnamed()
    {
        var fleet = Fleet.With(Application(21, 1, Router, "192.168.1.20", Tcp(22)) with { Name = "ssh" });
        Ask4(Pump, "ssh.plant-a.sallyport", fleet).ShouldBe("NxDomain");
    }

    [Fact]
    public void A_device_is_called_by_its_name_where_anything_of_it_may_be_reached_and_by_itself_always()
    {
        Ask4(Pump, "valve-18.plant-a.sallyport").ShouldBe("NxDomain");
        Ask4(Pump, "valve-18.plant-a.sallyport", Fleet.With(ForDevice(2, Pump, Modbus))).ShouldBe("10.20.0.18");
        Ask4(Pump, "pump-17.plant-a.sallyport").ShouldBe("10.20.0.17");
        Ask6(Pump, "pump-17.plant-a.sallyport").ShouldBe("fd00:20::17");
        Ask4(Valve, "pump-17.plant-a.sallyport").ShouldBe("NxDomain");
    }

    [Fact]
    public void Dash_names_are_of_hosts_behind_a_site_that_may_be_reached()
    {
        Ask4(Pump, "192-168-1-20.router-3.plant-a.sallyport").ShouldBe("192.168.1.20");
        Ask4(Pump, "192-168-1-30.router-3.plant-a.sallyport").ShouldBe("NxDomain");
        var lan = Fleet.With(Application(Lan, 1, Router, "192.168.1.0/24", Tcp(80)) with { Name = "lan" }, ForDevice(3, Pump, Lan));
        Ask4(Pump, "192-168-1-30.router-3.plant-a.sallyport", lan).ShouldBe("192.168.1.30");
        Ask4(Pump, "192-168-2-30.router-3.plant-a.sallyport", lan).ShouldBe("NxDomain", "another subnet");
        Ask4(Pump, "10-20-0-18.router-3.plant-a.sallyport", lan).ShouldBe("NxDomain", "no host of the site");
        Ask4(Pump, "192-168-1-20.valve-18.plant-a.sallyport", lan).ShouldBe("NxDomain", "a device carries nothing");
        Ask4(Pump, "192-168-001-20.router-3.plant-a.sallyport", lan).ShouldBe("NxDomain");
        Ask4(Pump, "192-168-1-300.router-3.plant-a.sallyport", lan).ShouldBe("NxDomain");
        Ask4(Pump, "192-168-1.router-3.plant-a.sallyport", lan).ShouldBe("NxDomain");
        Ask4(Pump, "192-168-1-20-1.router-3.plant-a.sallyport", lan).ShouldBe("NxDomain");
        Ask4(Pump, "lan.plant-a.sallyport", lan).ShouldBe("NxDomain", "a whole subnet has no address");
        Ask4(Router, "192-168-1-99.router-3.plant-a.sallyport").ShouldBe("192.168.1.99", "its own");
    }

    [Fact]
    public void A_name_with_names_below_it_is_there_without_an_address()
    {
        Ask4(Pump, "router-3.plant-a.sallyport").ShouldBe("NoError", "the historian is behind it");
        Ask4(Valve, "router-3.plant-a.sallyport").ShouldBe("NxDomain");
        Ask4(Pump, "sallyport").ShouldBe("NoError");
    }

    [Fact]
    public void The_gateway_has_a_name_in_every_network()
    {
        Ask4(Valve, "plant-a.sallyport").ShouldBe("10.20.0.1");
        Ask6(Valve, "gateway.plant-a.sallyport").ShouldBe("fd00:20::1");
        Ask4(70, "gateway.plant-b.sallyport").ShouldBe("10.20.0.1");
        Ask6(70, "gateway.plant-b.sallyport").ShouldBe("NoError", "it has no IPv6 there");
    }

    [Fact]
    public void Another_network_is_not_there_whatever_it_is_called()
    {
        Ask4(Pump, "plant-b.sallyport").ShouldBe("NxDomain");
        Ask4(Pump, "mixer.plant-b.sallyport").ShouldBe("NxDomain");
        Ask4(Pump, "mixing.plant-b.sallyport").ShouldBe("NxDomain");
        Ask4(Pump, "pump-17.plant-b.sallyport").ShouldBe("NxDomain");
        Ask4(70, "mixing.plant-b.sallyport").ShouldBe("10.20.0.18");
        Ask4(70, "valve-18.plant-a.sallyport").ShouldBe("NxDomain");
    }

    [Fact]
    public void An_application_of_another_network_is_called_by_that_network_and_is_where_it_appears()
    {
        var fleet = Fleet.With(new FleetChange
        {
            Appearances =
            [
                new Appearance(1, AppearanceKind.Service, 1, IpPrefix.Parse("198.18.0.5/32"), 7, IpPrefix.Parse("10.20.0.18/32")),
                new Appearance(2, AppearanceKind.Guest, 7, IpPrefix.Parse("198.19.0.17/32"), 1, IpPrefix.Parse("10.20.0.17/32")),
            ],
        });
        Ask4(Pump, "mixing.plant-b.sallyport", fleet).ShouldBe("NxDomain", "an appearance permits nothing");
        var granted = fleet.With(new Rule(9, new Subject(SubjectKind.Device, Pump, ""), 72));
        Ask4(Pump, "mixing.plant-b.sallyport", granted).ShouldBe("198.18.0.5");
        Ask4(Valve, "mixing.plant-b.sallyport", granted).ShouldBe("NxDomain");
        Ask4(Pump, "mixer.plant-b.sallyport", granted).ShouldBe("NxDomain", "the device behind it is not theirs to know");
        Ask4(Pump, "mixing.plant-a.sallyport", granted).ShouldBe("NxDomain");
        Ask4(70, "mixing.plant-b.sallyport", granted).ShouldBe("10.20.0.18", "at home");
        AskPtr(Pump, "5.0.18.198.in-addr.arpa", granted).ShouldBe("mixing.plant-b.sallyport");
        AskPtr(Valve, "5.0.18.198.in-addr.arpa", granted).ShouldBe("NxDomain");
        AskPtr(71, "17.0.19.198.in-addr.arpa", granted).ShouldBe("NxDomain", "guests are answered, not called");
    }

    [Fact]
    public void Addresses_have_the_names_of_what_may_be_reached_there()
    {
        AskPtr(Pump, "17.0.20.10.in-addr.arpa").ShouldBe("pump-17.plant-a.sallyport");
        AskPtr(Pump, "1.0.20.10.in-addr.arpa").ShouldBe("gateway.plant-a.sallyport");
        AskPtr(Pump, "20.1.168.192.in-addr.arpa").ShouldBe("historian.plant-a.sallyport");
        AskPtr(Pump, "30.1.168.192.in-addr.arpa").ShouldBe("NxDomain");
        AskPtr(Pump, "18.0.20.10.in-addr.arpa").ShouldBe("NxDomain");
        AskPtr(Pump, "99.0.20.10.in-addr.arpa").ShouldBe("NxDomain");
        AskPtr(Pump, Nibbles("fd00:20::17")).ShouldBe("pump-17.plant-a.sallyport");
        AskPtr(Pump, Nibbles("fd00:20::1")).ShouldBe("gateway.plant-a.sallyport");
        AskPtr(Pump, Nibbles("fd00:20::18")).ShouldBe("NxDomain");
        AskPtr(Pump, Nibbles("fd00:99::1")).ShouldBe("Refused");
        AskPtr(Pump, Nibbles("fd00:20::17")[2..]).ShouldBe("Refused", "a part of an address is none");
        var lan = Fleet.With(Application(Lan, 1, Router, "192.168.1.0/24", Tcp(80)) with { Name = "lan" }, ForDevice(3, Pump, Lan));
        AskPtr(Pump, "99.1.168.192.in-addr.arpa", lan).ShouldBe("192-168-1-99.router-3.plant-a.sallyport");
        AskPtr(Pump, "8.8.8.8.in-addr.arpa").ShouldBe("Refused", "nobody's here");
    }

    [Fact]
    public void A_type_that_a_name_has_not_is_no_error()
    {
        Ask6(Pump, "historian.plant-a.sallyport").ShouldBe("NoError");
        var answer = Resolve(Pump, Ask.For("historian.plant-a.sallyport", DnsType.Aaaa));
        (BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(6)), BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(8))).ShouldBe(((ushort)0, (ushort)1));
    }

    [Fact]
    public void A_negative_answer_says_for_how_long_and_by_whom()
    {
        var answer = Resolve(Pump, Ask.For("camera.plant-a.sallyport", DnsType.A));
        DnsQuery.Read(Ask.For("camera.plant-a.sallyport", DnsType.A), out var query);
        var records = new DnsRecordReader(answer, query.QuestionEnd);
        records.TryNext(out var soa).ShouldBeTrue();
        (soa.Section, soa.Type, soa.Ttl).ShouldBe((DnsSection.Authority, DnsType.Soa, (uint)DnsLimits.NegativeTtlSeconds));
        DnsName.TryRead(answer, soa.Start, out var zone, out _).ShouldBeTrue();
        zone.ShouldBe("plant-a.sallyport");
        DnsName.TryRead(answer, soa.DataStart, out _, out var next).ShouldBeTrue();
        DnsName.TryRead(answer, next, out var mail, out next).ShouldBeTrue();
        mail.ShouldBe("hostmaster.plant-a.sallyport");
        BinaryPrimitives.ReadUInt32BigEndian(answer.AsSpan(next + 16)).ShouldBe((uint)DnsLimits.NegativeTtlSeconds);
        (next + 20).ShouldBe(soa.End);
        records.TryNext(out _).ShouldBeFalse();
        records.IsBroken.ShouldBeFalse();
    }

    [Fact]
    public void A_name_elsewhere_is_refused_or_asked_of_the_server_of_its_longest_domain()
    {
        Ask4(Pump, "example.com").ShouldBe("Refused");
        Ask4(Pump, "xcorp.example").ShouldBe("10.0.0.54:53");
        Ask4(Pump, "a.corp.example").ShouldBe("10.0.0.53:53");
        Ask4(Pump, "corp.example").ShouldBe("10.0.0.53:53");
        Ask4(70, "corp.example").ShouldBe("Refused");
    }

    [Fact]
    public void Nothing_is_asked_elsewhere_for_who_is_shut_out_but_names_of_what_is_left_to_it()
    {
        var fleet = Fleet.With(
            Network(9) with { Name = "internet", Dns = new NetworkDns("sallyport", "internet.sallyport", [new DnsForward("", [new OuterAddress(IpAddress.Parse("192.0.2.53"), 53)])]) },
            Site(90, 9, null, "0.0.0.0/0") with { Kind = IdentityKind.Host, Name = "internet" },
            Application(91, 9, 90, "0.0.0.0/0", Tcp(443)) with { Names = ["updates.vendor.example"], IsManagement = true },
            Application(92, 9, 90, "0.0.0.0/0", Tcp(443)) with { Names = ["*.cloud.test"] },
            ForDevice(91, Pump, 91),
            ForDevice(92, Pump, 92));
        FleetModel As(QuarantineDegree degree, int forensic = 0) => fleet.With(fleet.Identity(Pump)! with { Quarantine = degree, ForensicApplicationId = forensic });
        foreach (var degree in (QuarantineDegree[])[QuarantineDegree.None, QuarantineDegree.Throttled])
        {
            Ask4(Pump, "secret.corp.example", As(degree)).ShouldBe("10.0.0.53:53");
            Ask4(Pump, "a.cloud.test", As(degree)).ShouldBe("192.0.2.53:53");
            Ask4(Pump, "router-3.plant-a.sallyport", As(degree)).ShouldBe("NoError");
        }

        foreach (var shut in (FleetModel[])[As(QuarantineDegree.Management), As(QuarantineDegree.Forensic, 92), As(QuarantineDegree.Dark)])
        {
            Ask4(Pump, "secret.corp.example", shut).ShouldBe("Refused", "whoever answers hears the secret");
            Ask4(Pump, "secret.example", shut).ShouldBe("Refused");
            Ask4(Pump, "historian.plant-a.sallyport", shut).ShouldBe("NxDomain");
            Ask4(Pump, "router-3.plant-a.sallyport", shut).ShouldBe("NxDomain", "nothing behind it is left, either");
            Ask4(Pump, "pump-17.plant-a.sallyport", shut).ShouldBe("10.20.0.17", "its own");
        }

        // The network's own server is asked of what is left, as before.
        Ask4(Pump, "updates.vendor.example", As(QuarantineDegree.Management)).ShouldBe("10.0.0.54:53");
        Ask4(Pump, "secret.updates.vendor.example", As(QuarantineDegree.Management)).ShouldBe("Refused");
        Ask4(Pump, "a.cloud.test", As(QuarantineDegree.Management)).ShouldBe("Refused");
        Ask4(Pump, "a.cloud.test", As(QuarantineDegree.Forensic, 92)).ShouldBe("192.0.2.53:53");
        Ask4(Pump, "updates.vendor.example", As(QuarantineDegree.Forensic, 92)).ShouldBe("Refused");
        Ask4(Pump, "a.cloud.test", As(QuarantineDegree.Dark)).ShouldBe("Refused");
    }

    [Fact]
    public void What_is_no_question_for_a_record_is_not_passed_on()
    {
        const DnsType transfer = (DnsType)252;
        Text(Pump, Ask.For("corp.example", transfer), Fleet).ShouldBe("NotImp");
        Text(Pump, Ask.For("corp.example", DnsType.Txt, @class: 3), Fleet).ShouldBe("NotImp");
        Text(Pump, Ask.For("corp.example", DnsType.A, flags: 0x2800), Fleet).ShouldBe("NotImp");
        Text(Pump, Ask.For("corp.example", DnsType.A)[..^2], Fleet).ShouldBe("FormErr");
        Resolver.Resolve(Fleet, Fleet.Identity(Pump)!, default, Ask.For("x", DnsType.A, flags: 0x8180), new byte[512]).Kind.ShouldBe(ResolveKind.Ignore);
    }

    [Fact]
    public void A_later_version_of_edns_is_told_ours()
    {
        var message = Ask.Message(1, 0x0100, Ask.Question("historian.plant-a.sallyport", DnsType.A, 1), [], [], [Ask.Opt(1232, ttl: 0x0001_0000)]);
        var answer = Resolve(Pump, message);
        answer[^6].ShouldBe((byte)1, "the upper bits of BADVERS");
        BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(6)).ShouldBe((ushort)0);
    }

    [Fact]
    public void Everything_of_ours_fits_who_knows_no_edns()
    {
        var label = new string('x', 63);
        var zone = string.Join('.', Enumerable.Repeat(new string('z', 19), 5));
        var network = Plant with { Name = label, Dns = new NetworkDns(zone, $"{label}.{zone}", []) };
        var fleet = Of(network, Device(1, 1, "10.20.0.17", "fd00:20::17") with { Name = label }, Device(2, 1, "10.20.0.18"));
        foreach (var (name, type) in new[] { ($"{label}.{label}.{zone}", DnsType.Any), ($"{label}.{label}.{zone}", DnsType.Mx), ($"y{label[1..]}.{label}.{zone}", DnsType.A), ("17.0.20.10.in-addr.arpa", DnsType.Ptr) })
        {
            var answer = new byte[DnsLimits.PlainAnswerMax];
            var resolution = Resolver.Resolve(fleet, fleet.Identity(1)!, default, Ask.For(name, type, ednsSize: 512), answer);
            resolution.Kind.ShouldBe(ResolveKind.Answer);
            var records = new DnsRecordReader(answer.AsSpan(0, resolution.Length), resolution.Query.QuestionEnd);
            var count = 0;
            while (records.TryNext(out _))
            {
                count++;
            }

            records.IsBroken.ShouldBeFalse();
            count.ShouldBeGreaterThan(1, name);
        }
    }

    private static string Ask4(int asker, string name, FleetModel? fleet = null) => Text(asker, Ask.For(name, DnsType.A), fleet ?? Fleet);

    private static string Ask6(int asker, string name) => Text(asker, Ask.For(name, DnsType.Aaaa), Fleet);

    private static string AskPtr(int asker, string name, FleetModel? fleet = null) => Text(asker, Ask.For(name, DnsType.Ptr), fleet ?? Fleet);

    private static string Nibbles(string address) =>
        string.Join('.', Convert.ToHexStringLower(IpAddress.Parse(address).Bytes()).Reverse()) + ".ip6.arpa";

    private static byte[] Resolve(int asker, byte[] message)
    {
        var answer = new byte[DnsLimits.PlainAnswerMax];
        return answer[..Resolver.Resolve(Fleet, Fleet.Identity(asker)!, default, message, answer).Length];
    }

    /// <summary>The one address or name in the answer, the code where there is none, or who is to be asked.</summary>
    private static string Text(int asker, byte[] message, FleetModel fleet)
    {
        var answer = new byte[DnsLimits.PlainAnswerMax];
        var resolution = Resolver.Resolve(fleet, fleet.Identity(asker)!, default, message, answer);
        if (resolution.Kind == ResolveKind.Forward)
        {
            return resolution.Forward!.Servers[0].ToString();
        }

        answer = answer[..resolution.Length];
        ((byte)resolution.Rcode).ShouldBe((byte)(answer[3] & 0xf));
        BinaryPrimitives.ReadUInt16BigEndian(answer).ShouldBe(BinaryPrimitives.ReadUInt16BigEndian(message));
        var records = new DnsRecordReader(answer, resolution.Query.QuestionEnd);
        if (!records.TryNext(out var record) || record.Section != DnsSection.Answer)
        {
            return resolution.Rcode.ToString();
        }

        record.Ttl.ShouldBe((uint)DnsLimits.OwnTtlSeconds);
        var data = answer.AsSpan(record.DataStart..record.End);
        return record.Type switch
        {
            DnsType.A => IpAddress.ReadV4(data).ToString(),
            DnsType.Aaaa => IpAddress.ReadV6(data).ToString(),
            DnsType.Ptr when DnsName.TryRead(answer, record.DataStart, out var target, out _) => target,
            _ => record.Type.ToString(),
        };
    }
}
