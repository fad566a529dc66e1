using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.Crypto;
using Sallyport.Core.Tests.OpenVpn;
using Sallyport.Core.Tests.Packets;
using Xunit.Abstractions;
using static Sallyport.Core.Tests.Policy.Fleets;

namespace Sallyport.Core.Tests.Gateway;

public sealed class ForwarderTests(ITestOutputHelper output)
{
    [Fact]
    public void An_allowed_connection_passes_both_ways()
    {
        var gate = new Gate();
        gate.Connect();
        gate.ShouldForward(Gate.Hq, Gate.Back(TcpFlags.Ack | TcpFlags.Psh, payload: 1000), Gate.Pump);
        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Fin | TcpFlags.Ack), Gate.Hq);
        gate.ShouldForward(Gate.Hq, Gate.Back(TcpFlags.Fin | TcpFlags.Ack), Gate.Pump);
        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Ack), Gate.Hq);
        gate.Forwarder.AllowedFlows.ShouldBe(1);
        gate.Pass(11);
        gate.Forwarder.AllowedFlows.ShouldBe(0);
    }

    [Fact]
    public void UDP_and_echo_pass_with_their_replies_in_both_families()
    {
        var gate = new Gate();
        gate.ShouldForward(Gate.Pump, Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683), Gate.Hq);
        gate.ShouldForward(Gate.Hq, Build.Udp(Gate.HistorianV4, 5683, Gate.PumpV4, 5000), Gate.Pump);
        gate.ShouldForward(Gate.Pump, Build.Udp(Gate.PumpV6, 5000, Gate.HistorianV6, 5683), Gate.Hq);
        gate.ShouldForward(Gate.Hq, Build.Udp(Gate.HistorianV6, 5683, Gate.PumpV6, 5000), Gate.Pump);
        gate.ShouldForward(Gate.Pump, Build.Echo(Gate.PumpV4, Gate.HistorianV4, 0), Gate.Hq);
        gate.ShouldForward(Gate.Hq, Build.Echo(Gate.HistorianV4, Gate.PumpV4, 0, reply: true), Gate.Pump);
        gate.ShouldForward(Gate.Pump, Build.Echo(Gate.PumpV6, Gate.HistorianV6, 9), Gate.Hq);
        gate.ShouldForward(Gate.Hq, Build.Echo(Gate.HistorianV6, Gate.PumpV6, 9, reply: true), Gate.Pump);
        gate.Forwarder.AllowedFlows.ShouldBe(4);
    }

    [Fact]
    public void Without_a_rule_a_connection_is_refused_by_a_reset_and_a_datagram_by_an_ICMP_error()
    {
        var gate = new Gate(withRule: false);
        gate.ShouldRefuse(Gate.Pump, Gate.Out(TcpFlags.Syn), DropReason.NoRule);
        InnerPacket.Read(gate.Answer, out var reset).ShouldBe(DropReason.None);
        (reset.Ends.Kind, reset.Flags).ShouldBe((PacketKind.Tcp, TcpFlags.Rst | TcpFlags.Ack));
        reset.Ends.Destination.ShouldBe(IpAddress.Parse(Gate.PumpV4));
        reset.Ends.Source.ShouldBe(IpAddress.Parse(Gate.HistorianV4));

        gate.ShouldRefuse(Gate.Pump, Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683), DropReason.NoRule);
        InnerPacket.Read(gate.Answer, out var error).ShouldBe(DropReason.None);
        error.Ends.Kind.ShouldBe(PacketKind.IcmpError);
        error.Ends.Source.ShouldBe(IpAddress.Parse("10.20.0.1"));

        gate.ShouldRefuse(Gate.Pump, Build.Udp(Gate.PumpV6, 5000, Gate.HistorianV6, 99), DropReason.NoApplication);
        InnerPacket.Read(gate.Answer, out error).ShouldBe(DropReason.None);
        error.Ends.Source.ShouldBe(IpAddress.Parse("fd00:20::1"));
    }

    [Fact]
    public void Another_port_another_host_another_device_and_the_site_itself_are_denied()
    {
        var gate = new Gate();
        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Syn), Gate.Hq);
        gate.ShouldRefuse(Gate.Pump, Build.Syn(Gate.PumpV4, 4000, Gate.HistorianV4, 8884), DropReason.NoApplication);
        gate.ShouldRefuse(Gate.Pump, Build.Syn(Gate.PumpV4, 4000, "192.168.50.11", 8883), DropReason.NoApplication);
        gate.ShouldRefuse(Gate.Pump, Build.Syn(Gate.PumpV4, 4000, "10.20.0.18", 22), DropReason.NoApplication);
        gate.ShouldRefuse(Gate.Pump, Build.Echo(Gate.PumpV4, "10.20.0.18", 1), DropReason.NoApplication);
        gate.ShouldRefuse(Gate.Valve, Build.Syn("10.20.0.18", 4000, Gate.HistorianV4, 8883), DropReason.NoRule);
        gate.ShouldRefuse(Gate.Hq, Build.Syn(Gate.HistorianV4, 4000, Gate.PumpV4, 8883), DropReason.NoApplication);
        gate.ShouldRefuse(Gate.Hq, Build.Syn("10.20.0.2", 4000, Gate.PumpV4, 22), DropReason.NoApplication);
        gate.ShouldRefuse(Gate.Pump, Build.Syn(Gate.PumpV4, 4000, "8.8.8.8", 53), DropReason.NotRouted);
        gate.ShouldRefuse(Gate.Pump, Build.Echo(Gate.PumpV4, "10.20.0.1", 1), DropReason.NotRouted);
    }

    [Fact]
    public void A_device_sends_only_from_its_own_addresses_and_a_site_only_from_its_subnets()
    {
        var gate = new Gate();
        gate.Connect();
        gate.ShouldDrop(Gate.Pump, Build.Syn("10.20.0.18", 4000, Gate.HistorianV4, 8883), DropReason.SpoofedSource);
        gate.ShouldDrop(Gate.Pump, Build.Syn("1.2.3.4", 4000, Gate.HistorianV4, 8883), DropReason.SpoofedSource);
        gate.ShouldDrop(Gate.Pump, Build.Syn("fd00:20::18", 4000, Gate.HistorianV6, 8883), DropReason.SpoofedSource);
        gate.ShouldDrop(Gate.Hq, Build.Udp("192.168.51.1", 4000, Gate.PumpV4, 8883), DropReason.SpoofedSource);
        gate.ShouldDrop(Gate.Hq, Build.Syn(Gate.PumpV4, 4000, Gate.HistorianV4, 8883), DropReason.SpoofedSource);
        // Not even with the five-tuple of somebody's live flow, in either direction.
        gate.ShouldDrop(Gate.Valve, Gate.Out(TcpFlags.Ack), DropReason.SpoofedSource);
        gate.ShouldDrop(Gate.Valve, Gate.Back(TcpFlags.Rst | TcpFlags.Ack), DropReason.SpoofedSource);
        gate.ShouldDrop(Gate.Pump, Gate.Back(TcpFlags.Ack), DropReason.SpoofedSource);
        gate.Records().ShouldAllBe(record => record.PacketsOut == 2 && record.PacketsBack == 1);
        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Ack), Gate.Hq);
    }

    [Fact]
    public void Equal_addresses_in_two_networks_never_meet()
    {
        var gate = new Gate();
        gate.Connect();
        gate.ShouldRefuse(Gate.OtherPump, Gate.Out(TcpFlags.Ack), DropReason.NoApplication);
        gate.ShouldDrop(Gate.OtherHq, Gate.Back(TcpFlags.Syn | TcpFlags.Ack), DropReason.NotRequested);
        gate.ShouldRefuse(Gate.OtherPump, Gate.Out(TcpFlags.Syn, port: 4001), DropReason.NoApplication);
        gate.Adopt(gate.Model.With(Application(8, 7, Gate.OtherHq, Gate.HistorianV4, Tcp(8883)), ForDevice(80, Gate.OtherPump, 8)));
        gate.ShouldForward(Gate.OtherPump, Gate.Out(TcpFlags.Syn), Gate.OtherHq);
        gate.ShouldForward(Gate.OtherHq, Gate.Back(TcpFlags.Syn | TcpFlags.Ack), Gate.OtherPump);
        gate.ShouldForward(Gate.Hq, Gate.Back(TcpFlags.Ack), Gate.Pump);
    }

    [Fact]
    public void What_stock_clients_chatter_is_dropped_without_a_record_or_an_answer()
    {
        var gate = new Gate();
        gate.ShouldDrop(Gate.Pump, Build.Icmp(IpAddress.Parse("fe80::1"), IpAddress.Parse("ff02::2"), [133, 0, 0, 0, 0, 0, 0, 0]), DropReason.NotUnicast);
        gate.ShouldDrop(Gate.Pump, Build.Icmp(IpAddress.Parse("::"), IpAddress.Parse("ff02::16"), [143, 0, 0, 0, 0, 0, 0, 0]), DropReason.NotUnicast);
        gate.ShouldDrop(Gate.Pump, Build.Udp("fe80::1", 1, "fe80::2", 2), DropReason.LinkLocal);
        gate.ShouldDrop(Gate.Pump, Build.Udp(Gate.PumpV6, 1, "fe80::2", 2), DropReason.LinkLocal);
        gate.ShouldDrop(Gate.Pump, Build.Udp(Gate.PumpV4, 5353, "224.0.0.251", 5353), DropReason.NotUnicast);
        gate.ShouldDrop(Gate.Pump, Build.Udp(Gate.PumpV4, 137, "10.20.255.255", 137), DropReason.NotUnicast);
        gate.ShouldDrop(Gate.Pump, Build.Udp(Gate.PumpV4, 68, "255.255.255.255", 67), DropReason.NotUnicast);
        gate.ShouldDrop(Gate.Pump, Build.Udp(Gate.PumpV4, 68, Gate.PumpV4, 67), DropReason.ToItself);
        gate.ShouldDrop(Gate.Hq, Build.Udp(Gate.HistorianV4, 68, "192.168.50.11", 67), DropReason.ToItself);
        gate.ShouldDrop(Gate.Pump, [0x2a, 1, 2], DropReason.NotIp);
        gate.Records().ShouldBeEmpty();
        gate.Forwarder.Drops[(int)DropReason.NotUnicast].ShouldBe(5);
    }

    [Fact]
    public void What_cannot_be_judged_fails_closed_with_its_reason()
    {
        var gate = new Gate();
        var v6 = Build.Udp(Gate.PumpV6, 5000, Gate.HistorianV6, 5683);
        foreach (var next in new byte[] { 0, 43, 44, 51, 60 })
        {
            v6[6] = next;
            gate.ShouldDrop(Gate.Pump, v6, DropReason.IpExtensionHeader);
        }

        var (pump, historian) = (IpAddress.Parse(Gate.PumpV4), IpAddress.Parse(Gate.HistorianV4));
        gate.ShouldRefuse(Gate.Pump, Build.Ip(pump, historian, (IpProtocol)47, new byte[20]), DropReason.ProtocolNotSupported);
        gate.ShouldDrop(Gate.Pump, Build.Ip(IpAddress.Parse("9.9.9.9"), historian, (IpProtocol)47, new byte[20]), DropReason.SpoofedSource);
        gate.ShouldDrop(Gate.Pump, Build.Icmp(pump, historian, [5, 1, 0, 0, 10, 0, 0, 9, .. Gate.Back(TcpFlags.Ack)]), DropReason.ProtocolNotSupported);
    }

    [Fact]
    public void An_unknown_or_inactive_sender_gets_nothing_through_and_no_answer()
    {
        var gate = new Gate();
        gate.Connect();
        gate.ShouldDrop(404, Gate.Out(TcpFlags.Syn), DropReason.IdentityNotActive);
        gate.Adopt(gate.Model.With(gate.Model.Identity(Gate.Pump)! with { Active = false }));
        gate.ShouldDrop(Gate.Pump, Gate.Out(TcpFlags.Ack), DropReason.IdentityNotActive);
        gate.ShouldDrop(Gate.Pump, Gate.Out(TcpFlags.Syn, port: 4001), DropReason.IdentityNotActive);
        gate.ShouldRefuse(Gate.Hq, Gate.Back(TcpFlags.Ack), DropReason.IdentityNotActive);
    }

    [Fact]
    public void A_repeated_attempt_is_one_record_and_is_judged_once_until_something_changes()
    {
        var gate = new Gate(withRule: false);
        for (var attempt = 0; attempt < 5; attempt++)
        {
            gate.ShouldRefuse(Gate.Pump, Gate.Out(TcpFlags.Syn), DropReason.NoRule);
            gate.Pass(6);
        }

        var records = gate.Records();
        records.Select(record => record.FlowId).Distinct().ShouldHaveSingleItem();
        var last = records[^1];
        (last.Allowed, last.PacketsOut, last.ApplicationId, last.Reason).ShouldBe((false, 5, Gate.Historian, DropReason.NoRule));
        (last.FromId, last.ToId, last.SourcePort, last.DestinationPort).ShouldBe((Gate.Pump, Gate.Hq, (ushort)4000, (ushort)8883));

        gate.Adopt(gate.Model.With(ForDevice(Gate.PumpRule, Gate.Pump, Gate.Historian)));
        gate.Connect();
        var allowed = gate.Records();
        (allowed.ShouldHaveSingleItem().Changes & FlowChanges.VerdictChanged).ShouldBe(FlowChanges.VerdictChanged);
        (allowed[0].FlowId, allowed[0].Allowed, allowed[0].RuleId).ShouldBe((last.FlowId, true, Gate.PumpRule));
    }

    [Fact]
    public void A_lost_permission_cuts_the_live_flow_in_both_directions()
    {
        var gate = new Gate();
        gate.Connect();
        gate.Pass(3);
        gate.ShouldForward(Gate.Hq, Gate.Back(TcpFlags.Ack, payload: 500), Gate.Pump);
        var lastPacket = gate.Now;
        gate.Pass(2);
        gate.Records();
        var report = gate.Adopt(gate.Model.With(new FleetChange { RemovedRules = [Gate.PumpRule] }));
        report.ShouldBe(new CutReport(1, lastPacket));
        var record = gate.Records().ShouldHaveSingleItem();
        (record.Allowed, record.Reason, record.Changes & FlowChanges.VerdictChanged).ShouldBe((false, DropReason.NoRule, FlowChanges.VerdictChanged));

        gate.ShouldRefuse(Gate.Pump, Gate.Out(TcpFlags.Ack, payload: 10), DropReason.NoRule);
        gate.Answer[20 + 13].ShouldBe((byte)TcpFlags.Rst);
        gate.ShouldRefuse(Gate.Hq, Gate.Back(TcpFlags.Ack, payload: 10), DropReason.NoRule);
        gate.Answer[20 + 13].ShouldBe((byte)TcpFlags.Rst);
        gate.Adopt(gate.Model).FlowsCut.ShouldBe(0);
    }

    [Fact]
    public void Both_ends_of_a_cut_connection_are_told_at_once_though_neither_speaks()
    {
        var gate = new Gate();
        gate.Connect();
        gate.ShouldForward(Gate.Pump, Build.Tcp(Gate.PumpV4, 4000, Gate.HistorianV4, 8883, TcpFlags.Ack, 101, 4_000_000_001), Gate.Hq);
        gate.Adopt(gate.Model.With(new FleetChange { RemovedRules = [Gate.PumpRule] }));
        var resets = Resets(gate);
        resets.Keys.ShouldBe([Gate.Pump, Gate.Hq], ignoreOrder: true);
        Convert.ToHexString(resets[Gate.Pump]).ShouldBe(Convert.ToHexString(Reset(Gate.HistorianV4, 8883, Gate.PumpV4, 4000, 4_000_000_001)));
        Convert.ToHexString(resets[Gate.Hq]).ShouldBe(Convert.ToHexString(Reset(Gate.PumpV4, 4000, Gate.HistorianV4, 8883, 100)));
        resets.Values.ShouldAllBe(packet => HasValidChecksums(packet));
        Resets(gate).ShouldBeEmpty("once");
        gate.Adopt(gate.Model);
        Resets(gate).ShouldBeEmpty();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_reset_that_its_receiver_ignored_hides_nothing_of_a_cut(bool fromOpener)
    {
        var gate = new Gate();
        gate.Connect();
        gate.Send(fromOpener ? Gate.Pump : Gate.Hq, fromOpener ? Gate.Out(TcpFlags.Rst) : Gate.Back(TcpFlags.Rst)).Kind.ShouldBe(ForwardKind.Forward);
        gate.ShouldForward(Gate.Hq, Gate.Back(TcpFlags.Ack, payload: 100), Gate.Pump);
        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Ack, payload: 100), Gate.Hq);
        gate.Records().Last().Finished.ShouldBeFalse();
        gate.Pass(60);
        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Ack, payload: 100), Gate.Hq);
        gate.Adopt(gate.Model.With(new FleetChange { RemovedRules = [Gate.PumpRule] })).FlowsCut.ShouldBe(1);
        gate.Records().Last().Cut.ShouldBeTrue();
        Resets(gate).Count.ShouldBe(2);
    }

    [Fact]
    public void Who_may_not_receive_is_told_nothing_and_the_other_end_is()
    {
        var gate = new Gate();
        gate.Connect();
        gate.Adopt(gate.Model.With(gate.Model.Identity(Gate.Pump)! with { Active = false }));
        Resets(gate).Keys.ShouldBe([Gate.Hq]);
    }

    [Fact]
    public void What_was_never_answered_or_has_ended_or_is_no_connection_gets_no_reset()
    {
        var gate = new Gate();
        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Syn, 4001), Gate.Hq);
        gate.ShouldForward(Gate.Pump, Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683), Gate.Hq);
        gate.Connect(4002);
        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Rst, 4002), Gate.Hq);
        gate.Adopt(gate.Model.With(new FleetChange { RemovedRules = [Gate.PumpRule] }));
        Resets(gate).ShouldBeEmpty();
    }

    private static Dictionary<int, byte[]> Resets(Gate gate)
    {
        var packets = new Dictionary<int, byte[]>();
        var packet = new byte[TcpReset.MaximumLength];
        while (gate.Forwarder.TakeReset(packet, out var to) is > 0 and var length)
        {
            packets.Add(to, packet[..length]);
        }

        return packets;
    }

    private static bool HasValidChecksums(byte[] packet)
    {
        packet.ShouldHaveValidChecksums();
        return true;
    }

    private static byte[] Reset(string source, int sourcePort, string destination, int destinationPort, uint sequence)
    {
        var ends = new PacketEnds
        {
            Source = IpAddress.Parse(source), SourcePort = (ushort)sourcePort, Destination = IpAddress.Parse(destination), DestinationPort = (ushort)destinationPort,
        };
        var packet = new byte[TcpReset.MaximumLength];
        return packet[..TcpReset.Write(ends, sequence, packet)];
    }

    [Fact]
    public void A_cut_reports_only_the_flows_of_who_was_cut()
    {
        var gate = new Gate();
        gate.Adopt(gate.Model.With(ForDevice(10, Gate.Valve, Gate.Historian)));
        gate.Connect(4000);
        gate.Connect(4001);
        gate.Pass(1);
        gate.ShouldForward(Gate.Valve, Build.Udp("10.20.0.18", 5000, Gate.HistorianV4, 5683), Gate.Hq);
        var revoked = gate.Adopt(gate.Model.With(gate.Model.Identity(Gate.Pump)! with { Active = false }));
        revoked.ShouldBe(new CutReport(2, gate.Now - TimeSpan.FromSeconds(1)));
        gate.ShouldForward(Gate.Hq, Build.Udp(Gate.HistorianV4, 5683, "10.20.0.18", 5000), Gate.Valve);
        gate.Adopt(gate.Model.With(gate.Model.Identity(Gate.Hq)! with { Active = false })).ShouldBe(new CutReport(1, gate.Now));
    }

    [Fact]
    public void An_unrelated_change_cuts_nothing()
    {
        var gate = new Gate();
        gate.Connect();
        gate.Adopt(gate.Model.With(Device(30, 1, "10.20.0.30"), Application(40, 1, 30, "10.20.0.30", Tcp(80)), ForGroup(41, "pumps", 40)))
            .FlowsCut.ShouldBe(0);
        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Ack), Gate.Hq);
    }

    [Fact]
    public void A_flow_whose_destination_moves_to_another_site_ends_and_begins_anew()
    {
        var gate = new Gate();
        gate.Connect();
        gate.Records();
        gate.Adopt(gate.Model.With(
            Site(3, 1, "10.20.0.3", "192.168.50.0/28"), Application(12, 1, 3, Gate.HistorianV4, Tcp(8883)), ForDevice(13, Gate.Pump, 12)))
            .FlowsCut.ShouldBe(1);
        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Ack), 3);
        gate.ShouldDrop(Gate.Hq, Gate.Back(TcpFlags.Ack), DropReason.SpoofedSource);
        gate.ShouldForward(3, Gate.Back(TcpFlags.Ack), Gate.Pump);
        gate.Records().Select(record => (record.ToId, record.Ended)).ShouldBe([(Gate.Hq, true), (3, false)]);
    }

    [Fact]
    public void Replies_that_nobody_asked_for_do_not_pass()
    {
        var gate = new Gate();
        gate.ShouldDrop(Gate.Hq, Gate.Back(TcpFlags.Syn | TcpFlags.Ack), DropReason.NotRequested);
        gate.ShouldDrop(Gate.Hq, Gate.Back(TcpFlags.Ack), DropReason.NotRequested);
        gate.ShouldDrop(Gate.Hq, Gate.Back(TcpFlags.Rst), DropReason.NotRequested);
        gate.ShouldDrop(Gate.Hq, Build.Udp(Gate.HistorianV4, 5683, Gate.PumpV4, 5000), DropReason.NotRequested);
        gate.ShouldDrop(Gate.Hq, Build.Echo(Gate.HistorianV4, Gate.PumpV4, 1, reply: true), DropReason.NotRequested);
        gate.ShouldRefuse(Gate.Hq, Build.Echo(Gate.HistorianV4, Gate.PumpV4, 1), DropReason.NoApplication);
        var about = Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683);
        gate.ShouldDrop(Gate.Hq, Build.Error(Gate.HistorianV4, Gate.PumpV4, 3, 3, about), DropReason.NotRequested);
    }

    [Fact]
    public void A_reply_does_not_pass_on_a_permission_that_came_after_the_refused_request()
    {
        var gate = new Gate(withRule: false);
        gate.ShouldRefuse(Gate.Pump, Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683), DropReason.NoRule);
        gate.Adopt(gate.Model.With(ForDevice(Gate.PumpRule, Gate.Pump, Gate.Historian)));
        gate.ShouldDrop(Gate.Hq, Build.Udp(Gate.HistorianV4, 5683, Gate.PumpV4, 5000), DropReason.NotRequested);
        gate.ShouldForward(Gate.Pump, Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683), Gate.Hq);
        gate.ShouldForward(Gate.Hq, Build.Udp(Gate.HistorianV4, 5683, Gate.PumpV4, 5000), Gate.Pump);
    }

    [Fact]
    public void The_side_that_was_denied_does_not_block_the_side_that_is_allowed()
    {
        var gate = new Gate();
        gate.ShouldRefuse(Gate.Hq, Build.Udp(Gate.HistorianV4, 9999, Gate.PumpV4, 5000), DropReason.NoApplication);
        gate.Adopt(gate.Model.With(Application(14, 1, Gate.Hq, Gate.HistorianV4, Udp(9999)), ForDevice(15, Gate.Pump, 14)));
        gate.ShouldForward(Gate.Pump, Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 9999), Gate.Hq);
        gate.ShouldForward(Gate.Hq, Build.Udp(Gate.HistorianV4, 9999, Gate.PumpV4, 5000), Gate.Pump);
    }

    [Fact]
    public void Impossible_flags_and_a_SYN_against_the_direction_are_dropped()
    {
        var gate = new Gate();
        foreach (var flags in new[] { TcpFlags.None, TcpFlags.Fin, TcpFlags.Syn | TcpFlags.Fin, TcpFlags.Syn | TcpFlags.Rst, TcpFlags.Fin | TcpFlags.Psh | TcpFlags.Urg })
        {
            gate.ShouldDrop(Gate.Pump, Gate.Out(flags), DropReason.InvalidTcpState);
        }

        gate.Connect();
        gate.ShouldDrop(Gate.Pump, Gate.Out(TcpFlags.Syn | TcpFlags.Fin), DropReason.InvalidTcpState);
        gate.ShouldDrop(Gate.Hq, Gate.Back(TcpFlags.Syn), DropReason.InvalidTcpState);
        gate.ShouldDrop(Gate.Pump, Gate.Out(TcpFlags.Syn | TcpFlags.Ack), DropReason.InvalidTcpState);
        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Ack), Gate.Hq);
    }

    [Fact]
    public void A_closed_connection_opened_again_from_the_same_port_is_another_flow()
    {
        var gate = new Gate();
        gate.Connect();
        gate.ShouldForward(Gate.Hq, Gate.Back(TcpFlags.Rst | TcpFlags.Ack), Gate.Pump);
        gate.Connect();
        var records = gate.Records();
        records.Count.ShouldBe(2);
        records.Count(record => record.Ended).ShouldBe(1);
        records[0].FlowId.ShouldNotBe(records[1].FlowId);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_connection_that_was_closed_is_told_as_ended_at_once_and_never_as_cut(bool byReset)
    {
        var gate = new Gate();
        gate.Connect();
        gate.Records();
        if (byReset)
        {
            gate.ShouldForward(Gate.Hq, Gate.Back(TcpFlags.Rst | TcpFlags.Ack), Gate.Pump);
        }
        else
        {
            gate.ShouldForward(Gate.Hq, Gate.Back(TcpFlags.Fin | TcpFlags.Ack), Gate.Pump);
            gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Fin | TcpFlags.Ack), Gate.Hq);
        }

        var closed = gate.Records().ShouldHaveSingleItem();
        (closed.Ended, closed.Allowed, closed.Cut).ShouldBe((true, true, false));

        gate.Adopt(gate.Model.With(new FleetChange { RemovedRules = [Gate.PumpRule] })).FlowsCut.ShouldBe(0);

        gate.Records().ShouldAllBe(record => record.Ended && record.Allowed && !record.Cut);
        gate.Forwarder.DeniedFlows.ShouldBe(0);
    }

    [Fact]
    public void After_a_restart_established_connections_go_on_from_the_side_that_may_open_them()
    {
        var gate = new Gate();
        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Ack, payload: 10), Gate.Hq);
        gate.ShouldForward(Gate.Hq, Gate.Back(TcpFlags.Ack, payload: 10), Gate.Pump);
        gate.ShouldRefuse(Gate.Valve, Build.Tcp("10.20.0.18", 4000, Gate.HistorianV4, 8883, TcpFlags.Ack), DropReason.NoRule);
    }

    [Fact]
    public void After_a_restart_the_replying_side_is_taken_up_for_two_minutes_and_never_reset()
    {
        var gate = new Gate { Now = Gate.Start + TimeSpan.FromSeconds(119.9) };
        gate.ShouldForward(Gate.Hq, Gate.Back(TcpFlags.Ack, payload: 10), Gate.Pump);
        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Ack), Gate.Hq);
        var record = gate.Records().ShouldHaveSingleItem();
        (record.FromId, record.ToId, record.RuleId, record.PacketsBack).ShouldBe((Gate.Pump, Gate.Hq, Gate.PumpRule, 1));
        // Datagrams and connections without a rule are not.
        gate.ShouldDrop(Gate.Hq, Build.Udp(Gate.HistorianV4, 5683, Gate.PumpV4, 5000), DropReason.NotRequested);
        gate.ShouldRefuse(Gate.Hq, Build.Tcp(Gate.HistorianV4, 22, Gate.PumpV4, 5000, TcpFlags.Ack), DropReason.NoApplication);
        gate.Pass(0.1);
        gate.ShouldDrop(Gate.Hq, Gate.Back(TcpFlags.Ack, port: 4001), DropReason.NotRequested);
        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Ack, port: 4001), Gate.Hq);
        gate.ShouldForward(Gate.Hq, Gate.Back(TcpFlags.Ack, port: 4001), Gate.Pump);
    }

    [Fact]
    public void An_ICMP_error_passes_to_the_sender_of_the_packet_it_quotes_from_the_side_where_that_went()
    {
        var gate = new Gate();
        var request = Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683);
        gate.ShouldForward(Gate.Pump, request, Gate.Hq);
        gate.ShouldForward(Gate.Hq, Build.Error(Gate.HistorianV4, Gate.PumpV4, 3, 3, request), Gate.Pump);
        gate.ShouldForward(Gate.Hq, Build.Error("192.168.50.1", Gate.PumpV4, 3, 4, request), Gate.Pump);
        var reply = Build.Udp(Gate.HistorianV4, 5683, Gate.PumpV4, 5000);
        gate.ShouldForward(Gate.Pump, Build.Error(Gate.PumpV4, Gate.HistorianV4, 3, 3, reply), Gate.Hq);
        // From the wrong side, to somebody else, from somebody else's address, about a packet that was never there.
        gate.ShouldDrop(Gate.Pump, Build.Error(Gate.PumpV4, Gate.HistorianV4, 3, 3, request), DropReason.NotRequested);
        gate.ShouldDrop(Gate.Hq, Build.Error(Gate.HistorianV4, "10.20.0.18", 3, 3, request), DropReason.NotRequested);
        gate.ShouldDrop(Gate.Valve, Build.Error("10.20.0.18", Gate.PumpV4, 3, 3, request), DropReason.NotRequested);
        gate.ShouldDrop(Gate.Hq, Build.Error("8.8.8.8", Gate.PumpV4, 3, 3, request), DropReason.SpoofedSource);
        gate.ShouldDrop(Gate.Hq, Build.Error(Gate.HistorianV4, Gate.PumpV4, 3, 3, Build.Udp(Gate.PumpV4, 5001, Gate.HistorianV4, 5683)), DropReason.NotRequested);
        gate.Adopt(gate.Model.With(new FleetChange { RemovedRules = [Gate.PumpRule] }));
        gate.ShouldDrop(Gate.Hq, Build.Error(Gate.HistorianV4, Gate.PumpV4, 3, 3, request), DropReason.NotRequested);
    }

    [Fact]
    public void Errors_of_IPv6_pass_like_those_of_IPv4()
    {
        var gate = new Gate();
        var request = Build.Syn(Gate.PumpV6, 5000, Gate.HistorianV6, 8883);
        gate.ShouldForward(Gate.Pump, request, Gate.Hq);
        gate.ShouldForward(Gate.Hq, Build.Error("fd00:50::1", Gate.PumpV6, 2, 0, request), Gate.Pump);
        var ping = Build.Echo(Gate.PumpV6, Gate.HistorianV6, 7);
        gate.ShouldForward(Gate.Pump, ping, Gate.Hq);
        gate.ShouldForward(Gate.Hq, Build.Error("fd00:50::1", Gate.PumpV6, 1, 3, ping), Gate.Pump);
    }

    [Fact]
    public void Fragments_share_the_fate_of_the_first_one()
    {
        var gate = new Gate();
        var fragments = Build.Fragments(Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683, payload: 3000), 1400, 7);
        gate.Send(Gate.Pump, fragments[1]).Kind.ShouldBe(ForwardKind.Hold);
        gate.ShouldForward(Gate.Pump, fragments[0], Gate.Hq);
        gate.ShouldForward(Gate.Pump, fragments[2], Gate.Hq);
        gate.ShouldForward(Gate.Pump, fragments[1], Gate.Hq);
        gate.ShouldDrop(Gate.Valve, fragments[1], DropReason.IpFragment);
        gate.Send(Gate.Pump, Build.Fragments(Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683, payload: 3000), 1400, 8)[1]).Kind.ShouldBe(ForwardKind.Hold);
        gate.Pass(31);
        gate.Send(Gate.Pump, fragments[1]).Kind.ShouldBe(ForwardKind.Hold);

        var denied = Build.Fragments(Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 99, payload: 3000), 1400, 9);
        gate.ShouldRefuse(Gate.Pump, denied[0], DropReason.NoApplication);
        gate.ShouldDrop(Gate.Pump, denied[1], DropReason.IpFragment);
    }

    [Fact]
    public void Fragments_of_a_reply_and_of_a_large_ping_pass()
    {
        var gate = new Gate();
        foreach (var fragment in Build.Fragments(Build.Echo(Gate.PumpV4, Gate.HistorianV4, 3, payload: 4000), 1400, 1))
        {
            gate.ShouldForward(Gate.Pump, fragment, Gate.Hq);
        }

        foreach (var fragment in Build.Fragments(Build.Echo(Gate.HistorianV4, Gate.PumpV4, 3, reply: true, payload: 4000), 1400, 1))
        {
            gate.ShouldForward(Gate.Hq, fragment, Gate.Pump);
        }
    }

    [Fact]
    public void Parts_that_come_before_the_first_one_wait_for_it()
    {
        foreach (var order in new[] { "012", "021", "102", "120", "201", "210" })
        {
            var gate = new Gate();
            var fragments = Build.Fragments(Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683, payload: 3000), 1400, 7);
            var arrived = new List<byte[]>();
            foreach (var at in order)
            {
                Receive(gate, Gate.Pump, fragments[at - '0'], arrived);
            }

            arrived.OrderBy(fragment => fragment[6] & 0x1f).ThenBy(fragment => fragment[7]).Select(Convert.ToHexString)
                .ShouldBe(fragments.Select(Convert.ToHexString), order);
            gate.Forwarder.Drops[(int)DropReason.IpFragment].ShouldBe(0);
        }
    }

    [Fact]
    public void Nobody_fills_the_place_for_parts_that_wait()
    {
        var gate = new Gate();
        byte[] Part(ushort id) => Build.Fragments(Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683, payload: 3000), 1400, id)[1];
        for (ushort id = 1; id <= 40; id++)
        {
            gate.Send(Gate.Pump, Part(id)).Kind.ShouldBe(id <= 16 ? ForwardKind.Hold : ForwardKind.Drop);
        }

        // Another sender has his own share; who sends as somebody else has none.
        gate.Send(Gate.Hq, Build.Fragments(Build.Udp(Gate.HistorianV4, 5683, Gate.PumpV4, 5000, payload: 3000), 1400, 1)[1]).Kind.ShouldBe(ForwardKind.Hold);
        gate.Send(Gate.Valve, Part(1)).Kind.ShouldBe(ForwardKind.Drop);
        var refused = gate.Forwarder.Drops[(int)DropReason.IpFragment];
        gate.Pass(2);
        gate.Send(Gate.Pump, Part(50)).Kind.ShouldBe(ForwardKind.Hold);
        (gate.Forwarder.Drops[(int)DropReason.IpFragment] - refused).ShouldBe(17, "those that waited for nothing are drops like others");
    }

    [Fact]
    public void Parts_that_waited_are_their_senders_and_nobody_elses()
    {
        var gate = new Gate();
        var fragments = Build.Fragments(Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683, payload: 3000), 1400, 7);
        gate.Send(Gate.Pump, fragments[1]).Kind.ShouldBe(ForwardKind.Hold);
        gate.Send(Gate.Pump, fragments[0]).Kind.ShouldBe(ForwardKind.Forward);
        var held = new byte[2048];
        gate.Forwarder.TakeHeld(Gate.Hq, held).ShouldBe(0);
        gate.Forwarder.TakeHeld(Gate.Pump, held).ShouldBe(fragments[1].Length);
        // A first part that another packet thread has judged releases nothing here.
        gate.Send(Gate.Pump, Build.Fragments(Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683, payload: 3000), 1400, 8)[1]).Kind.ShouldBe(ForwardKind.Hold);
        gate.Forwarder.HandleHandedOver(Gate.Pump, Build.Fragments(Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683, payload: 3000), 1400, 8)[0], gate.Now);
        gate.Forwarder.TakeHeld(Gate.Pump, held).ShouldBe(0);
    }

    [Fact]
    public void A_conversation_of_which_another_packet_thread_had_the_record_has_it_here_once_its_opener_comes_here()
    {
        var gate = new Gate();
        gate.Forwarder.HandleHandedOver(Gate.Pump, Gate.Out(TcpFlags.Syn), gate.Now).Kind.ShouldBe(ForwardKind.Forward);
        gate.ShouldForward(Gate.Hq, Gate.Back(TcpFlags.Syn | TcpFlags.Ack), Gate.Pump);
        gate.Forwarder.HandleHandedOver(Gate.Pump, Gate.Out(TcpFlags.Ack), gate.Now).Kind.ShouldBe(ForwardKind.Forward);
        gate.Forwarder.TryDequeueFlow(out _).ShouldBeFalse("its record is elsewhere");

        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Ack, payload: 100), Gate.Hq);
        gate.Forwarder.TryDequeueFlow(out var record).ShouldBeTrue();
        (record.Allowed, record.PacketsOut, record.PacketsBack).ShouldBe((true, 3, 1));
    }

    [Fact]
    public void Who_is_refused_makes_nobodys_datagram_forgotten()
    {
        // One set of four, so that everybody meets.
        var gate = new Gate(new FlowLimits { Fragments = 4 });
        var fragments = Build.Fragments(Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683, payload: 3000), 1400, 7);
        gate.ShouldForward(Gate.Pump, fragments[0], Gate.Hq);
        for (ushort id = 100; id < 120; id++)
        {
            gate.Send(Gate.Valve, Build.Fragments(Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683, payload: 3000), 1400, id)[0]).Kind.ShouldBe(ForwardKind.Drop);
        }

        gate.ShouldForward(Gate.Pump, fragments[1], Gate.Hq);
    }

    [Fact]
    public void Parts_that_waited_share_the_fate_of_their_first_one_and_of_no_other()
    {
        var gate = new Gate();
        var (allowed, denied) = (Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683, payload: 3000), Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 99, payload: 3000));
        var arrived = new List<byte[]>();
        Receive(gate, Gate.Pump, Build.Fragments(denied, 1400, 1)[1], arrived);
        Receive(gate, Gate.Pump, Build.Fragments(allowed, 1400, 2)[1], arrived);
        Receive(gate, Gate.Pump, Build.Fragments(denied, 1400, 1)[0], arrived);
        arrived.ShouldBeEmpty();
        gate.Forwarder.Drops[(int)DropReason.IpFragment].ShouldBe(1);

        // One that reaches into what was judged is not passed for having waited.
        Receive(gate, Gate.Pump, Build.Fragment(denied, denied[28..1428], 8, more: true, 2), arrived);
        Receive(gate, Gate.Pump, Build.Fragments(allowed, 1400, 2)[0], arrived);
        arrived.Select(Convert.ToHexString).ShouldBe(Build.Fragments(allowed, 1400, 2).Take(2).Select(Convert.ToHexString));
    }

    /// <summary>As the packet path does it: what waited is handled after what it waited for.</summary>
    private static void Receive(Gate gate, int from, byte[] packet, List<byte[]> arrived)
    {
        Add(packet);
        var held = new byte[2048];
        while (gate.Forwarder.TakeHeld(from, held) is > 0 and var length)
        {
            Add(held[..length]);
        }

        void Add(byte[] one)
        {
            if (gate.Send(from, one).Kind == ForwardKind.Forward)
            {
                arrived.Add(one);
            }
        }
    }

    [Fact]
    public void Fragments_that_would_overwrite_what_was_judged_are_dropped()
    {
        var gate = new Gate();
        var allowed = Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683, payload: 200);
        var hidden = Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 99, payload: 200);
        gate.ShouldForward(Gate.Pump, Build.Fragment(allowed, allowed[20..84], 0, more: true, 7), Gate.Hq);
        gate.ShouldDrop(Gate.Pump, Build.Fragment(hidden, hidden[28..92], 8, more: true, 7), DropReason.IpFragment);
        gate.ShouldDrop(Gate.Pump, Build.Fragment(hidden, hidden[76..], 56, more: false, 7), DropReason.IpFragment);
        gate.ShouldForward(Gate.Pump, Build.Fragment(allowed, allowed[84..], 64, more: false, 7), Gate.Hq);
        // A second first fragment is judged on its own, and takes the datagram with it.
        gate.ShouldRefuse(Gate.Pump, Build.Fragment(hidden, hidden[20..84], 0, more: true, 7), DropReason.NoApplication);
        gate.ShouldDrop(Gate.Pump, Build.Fragment(allowed, allowed[84..], 64, more: false, 7), DropReason.IpFragment);
        // Nor is a first one passed that cuts its header short.
        var syn = Gate.Out(TcpFlags.Syn, payload: 64);
        gate.ShouldDrop(Gate.Pump, Build.Fragment(syn, syn[20..28], 0, more: true, 8), DropReason.IpFragment);
    }

    [Fact]
    public void Later_fragments_stop_when_the_permission_goes()
    {
        var gate = new Gate();
        var fragments = Build.Fragments(Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683, payload: 3000), 1400, 7);
        gate.ShouldForward(Gate.Pump, fragments[0], Gate.Hq);
        gate.Adopt(gate.Model.With(new FleetChange { RemovedRules = [Gate.PumpRule] }));
        gate.ShouldDrop(Gate.Pump, fragments[1], DropReason.NoRule);
    }

    [Fact]
    public void A_destination_without_a_tunnel_is_unreachable()
    {
        var gate = new Gate();
        var answer = new byte[Refusal.MaximumLength];
        var result = gate.Forwarder.Unreachable(Gate.Pump, Gate.Out(TcpFlags.Syn), gate.Now, answer);
        (result.Kind, result.Reason).ShouldBe((ForwardKind.Refuse, DropReason.PeerOffline));
        (answer[9], answer[20], answer[21]).ShouldBe(((byte)IpProtocol.Icmp, (byte)3, (byte)1));
        gate.Forwarder.Drops[(int)DropReason.PeerOffline].ShouldBe(1);
    }

    [Fact]
    public void The_record_of_a_flow_says_that_its_destination_has_no_tunnel_until_a_packet_arrives()
    {
        var gate = new Gate();
        var answer = new byte[Refusal.MaximumLength];
        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Syn), Gate.Hq);
        gate.Forwarder.Unreachable(Gate.Pump, Gate.Out(TcpFlags.Syn), gate.Now, answer);
        var away = gate.Records().ShouldHaveSingleItem();
        (away.Allowed, away.Cut, away.Reason).ShouldBe((true, false, DropReason.PeerOffline));

        gate.Pass(1);
        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Syn), Gate.Hq);
        gate.Pass(60);
        var back = gate.Records()[^1];
        (back.Allowed, back.Reason).ShouldBe((true, DropReason.None));
    }

    [Fact]
    public void An_answer_that_finds_the_opener_gone_does_not_make_its_flow_unreachable()
    {
        var gate = new Gate();
        gate.Connect();
        gate.Records();
        var answer = new byte[Refusal.MaximumLength];
        gate.ShouldForward(Gate.Hq, Gate.Back(TcpFlags.Ack), Gate.Pump);
        gate.Forwarder.Unreachable(Gate.Hq, Gate.Back(TcpFlags.Ack), gate.Now, answer);
        gate.Pass(10);
        gate.Records()[^1].Reason.ShouldBe(DropReason.None);
    }

    [Fact]
    public void Refusals_are_limited_for_one_identity_and_for_all_and_recover()
    {
        var gate = new Gate(new FlowLimits { RefusalsPerSecondPerIdentity = 10, RefusalsPerSecond = 15 }, withRule: false);
        int Refused(int from, string source, int count) =>
            Enumerable.Range(0, count).Count(_ => gate.Send(from, Build.Udp(source, 5000, Gate.HistorianV4, 5683)).Kind == ForwardKind.Refuse);
        Refused(Gate.Pump, Gate.PumpV4, 100).ShouldBe(20);
        Refused(Gate.Valve, "10.20.0.18", 100).ShouldBe(10);
        gate.Forwarder.RefusalsSuppressed.ShouldBe(170);
        gate.Pass(1);
        Refused(Gate.Pump, Gate.PumpV4, 100).ShouldBe(10);
    }

    [Fact]
    public void A_scan_fills_neither_the_table_nor_the_log()
    {
        var gate = new Gate(new FlowLimits { DeniedPerIdentity = 10, DeniedCapacity = 30 });
        gate.Connect();
        gate.Records();
        for (var port = 1; port < 3000; port++)
        {
            gate.Send(Gate.Pump, Build.Syn(Gate.PumpV4, 4000, "192.168.50.77", port)).Reason.ShouldBe(DropReason.NoApplication);
        }

        gate.Records().Count.ShouldBe(10);
        gate.Forwarder.DeniedFlows.ShouldBe(10);
        gate.Forwarder.DeniedUnrecorded.ShouldBe(2989);
        gate.Forwarder.Drops[(int)DropReason.NoApplication].ShouldBe(2999);
        gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Ack), Gate.Hq);
        gate.ShouldRefuse(Gate.Valve, Build.Syn("10.20.0.18", 4000, "192.168.50.77", 22), DropReason.NoApplication);
        gate.Records().ShouldHaveSingleItem().FromId.ShouldBe(Gate.Valve);
    }

    [Fact]
    public void Whoever_has_many_flows_makes_room_for_who_has_few()
    {
        var gate = new Gate(new FlowLimits { Capacity = 50, AllowedPerIdentity = 45 });
        gate.Adopt(gate.Model.With(ForDevice(10, Gate.Valve, Gate.Historian)));
        for (var port = 0; port < 60; port++)
        {
            var result = gate.Send(Gate.Pump, Build.Udp(Gate.PumpV4, 1000 + port, Gate.HistorianV4, 5683));
            result.Reason.ShouldBe(port < 45 ? DropReason.None : DropReason.FlowTableFull);
            gate.Now += TimeSpan.FromMilliseconds(1);
        }

        for (var port = 0; port < 60; port++)
        {
            gate.Send(Gate.Valve, Build.Udp("10.20.0.18", 1000 + port, Gate.HistorianV4, 5683));
            gate.Now += TimeSpan.FromMilliseconds(1);
        }

        gate.Forwarder.AllowedFlows.ShouldBe(50);
        var records = gate.Records();
        var live = records.Where(record => !record.Ended).ToList();
        live.Count(record => record.FromId == Gate.Valve).ShouldBeInRange(24, 26);
        live.Count(record => record.FromId == Gate.Pump).ShouldBeInRange(24, 26);
        // The idle ones went first: the last of the pump's are still there.
        live.Where(record => record.FromId == Gate.Pump).Select(record => (int)record.SourcePort).Min().ShouldBeGreaterThanOrEqualTo(1018);
    }

    [Fact]
    public void Nothing_is_allocated_per_packet()
    {
        var gate = new Gate(new FlowLimits { RefusalsPerSecond = 1_000_000, RefusalsPerSecondPerIdentity = 1_000_000 });
        var refusal = new byte[Refusal.MaximumLength];
        var fragments = Build.Fragments(Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683, payload: 3000), 1400, 7);
        var udp = Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683);
        (int From, byte[] Packet)[] packets =
        [
            (Gate.Pump, Gate.Out(TcpFlags.Syn)), (Gate.Hq, Gate.Back(TcpFlags.Syn | TcpFlags.Ack)), (Gate.Pump, Gate.Out(TcpFlags.Ack)),
            (Gate.Pump, udp), (Gate.Hq, Build.Error(Gate.HistorianV4, Gate.PumpV4, 3, 3, udp)),
            (Gate.Pump, Build.Echo(Gate.PumpV6, Gate.HistorianV6, 5)), (Gate.Valve, Build.Syn("10.20.0.18", 1, Gate.HistorianV4, 8883)),
            (Gate.Pump, Build.Udp(Gate.PumpV6, 1, Gate.HistorianV6, 9)), (Gate.Pump, Build.Udp("9.9.9.9", 1, Gate.HistorianV4, 9)),
            (Gate.Pump, fragments[0]), (Gate.Pump, fragments[1]),
        ];
        var models = new[] { gate.Model, gate.Model.With(new FleetChange { RemovedRules = [Gate.PumpRule] }) };
        void Round(int round)
        {
            var now = Gate.Start + TimeSpan.FromMilliseconds(round);
            foreach (var (from, packet) in packets)
            {
                // A source port that changes makes new flows; the checksum does not matter here.
                packet[^20] = (byte)round;
                gate.Forwarder.Handle(from, packet, now, refusal);
            }

            if (round % 100 == 0)
            {
                gate.Forwarder.Adopt(models[round / 100 % 2], now);
                gate.Forwarder.HandleTimeout(now);
            }

            while (gate.Forwarder.TryDequeueFlow(out _))
            {
            }
        }

        var next = 0;
        Rounds();
        Allocations.Least(Rounds).ShouldBe(0);

        void Rounds()
        {
            for (var end = next + 4_000; next < end; next++)
            {
                Round(next);
            }
        }
    }

    [Fact]
    public void Every_state_lives_as_long_as_its_limit_says()
    {
        var limits = new FlowLimits();
        LivesFor(limits.TcpTransitory, gate => gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Syn), Gate.Hq));
        LivesFor(limits.TcpEstablished, gate => gate.Connect());
        LivesFor(limits.TcpClosed, gate =>
        {
            gate.Connect();
            gate.ShouldForward(Gate.Pump, Gate.Out(TcpFlags.Rst), Gate.Hq);
        });
        LivesFor(limits.Udp, gate => gate.ShouldForward(Gate.Pump, Build.Udp(Gate.PumpV4, 1, Gate.HistorianV4, 5683), Gate.Hq));
        LivesFor(limits.UdpAnswered, gate =>
        {
            gate.ShouldForward(Gate.Pump, Build.Udp(Gate.PumpV4, 1, Gate.HistorianV4, 5683), Gate.Hq);
            gate.ShouldForward(Gate.Hq, Build.Udp(Gate.HistorianV4, 5683, Gate.PumpV4, 1), Gate.Pump);
        });
        LivesFor(limits.Echo, gate => gate.ShouldForward(Gate.Pump, Build.Echo(Gate.PumpV4, Gate.HistorianV4, 1), Gate.Hq));
        LivesFor(limits.Denied, gate => gate.ShouldRefuse(Gate.Pump, Build.Udp(Gate.PumpV4, 1, Gate.HistorianV4, 1), DropReason.NoApplication));

        static void LivesFor(TimeSpan expected, Action<Gate> begin)
        {
            var gate = new Gate();
            begin(gate);
            gate.Pass(expected.TotalSeconds - 0.5);
            (gate.Forwarder.AllowedFlows + gate.Forwarder.DeniedFlows).ShouldBe(1);
            gate.Pass(0.5);
            (gate.Forwarder.AllowedFlows + gate.Forwarder.DeniedFlows).ShouldBe(0);
            gate.Records()[^1].Ended.ShouldBeTrue();
        }
    }

    [Fact]
    public void A_full_table_is_judged_anew_and_cut_at_once()
    {
        var gate = new Gate(new FlowLimits { AllowedPerIdentity = 65_536 });
        var packet = Build.Udp(Gate.PumpV4, 1, Gate.HistorianV4, 5683, payload: 0);
        var refusal = new byte[Refusal.MaximumLength];
        for (var flow = 0; flow < 65_536; flow++)
        {
            packet[20] = (byte)(flow >> 8);
            packet[21] = (byte)flow;
            gate.Forwarder.Handle(Gate.Pump, packet, gate.Now, refusal);
        }

        gate.Forwarder.AllowedFlows.ShouldBe(65_536);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        gate.Adopt(gate.Model.With(ForDevice(77, Gate.Valve, Gate.Historian))).FlowsCut.ShouldBe(0);
        var judged = watch.Elapsed;
        watch.Restart();
        gate.Adopt(gate.Model.With(gate.Model.Identity(Gate.Valve)! with { Active = false })).FlowsCut.ShouldBe(0);
        var skipped = watch.Elapsed;
        watch.Restart();
        gate.Adopt(gate.Model.With(gate.Model.Identity(Gate.Pump)! with { Active = false })).FlowsCut.ShouldBe(65_536);
        var cut = watch.Elapsed;
        output.WriteLine($"65,536 flows: all judged {judged.TotalMilliseconds:F1} ms, none concerned {skipped.TotalMilliseconds:F1} ms, all cut {cut.TotalMilliseconds:F1} ms");
    }

    [Fact]
    public void Noise_from_a_tunnel_never_throws_and_is_never_forwarded_to_who_is_not_allowed()
    {
        var gate = new Gate();
        gate.Connect();
        var random = new SeededEntropy(5);
        byte[][] seeds =
        [
            Gate.Out(TcpFlags.Syn), Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683), Build.Syn(Gate.PumpV6, 1, Gate.HistorianV6, 8883),
            Build.Echo(Gate.PumpV6, Gate.HistorianV6, 1), Build.Error(Gate.PumpV4, Gate.HistorianV4, 3, 3, Gate.Back(TcpFlags.Ack)),
            Build.Fragments(Build.Udp(Gate.PumpV4, 5000, Gate.HistorianV4, 5683, payload: 200), 64, 3)[1],
        ];
        var forwarded = 0;
        for (var round = 0; round < 50_000; round++)
        {
            var packet = seeds[random.Below(seeds.Length)].ToArray();
            for (var flips = random.Below(5); flips > 0; flips--)
            {
                packet[random.Below(packet.Length)] = (byte)random.Below(256);
            }

            var length = random.Below(10) == 0 ? random.Below(packet.Length + 1) : packet.Length;
            var result = gate.Send(Gate.Pump, packet[..length]);
            result.Kind.ShouldBe(result.Reason == DropReason.None ? (result.ToIdentityId != 0 ? ForwardKind.Forward : ForwardKind.Hold) : result.RefusalLength > 0 ? ForwardKind.Refuse : ForwardKind.Drop);
            if (result.Kind == ForwardKind.Forward)
            {
                forwarded++;
                result.ToIdentityId.ShouldBe(Gate.Hq);
                result.Length.ShouldBeLessThanOrEqualTo(length);
                InnerPacket.Read(packet.AsSpan(0, result.Length), out var read).ShouldBe(DropReason.None);
                gate.Model.Owns(Gate.Pump, read.Ends.Source).ShouldBeTrue();
                gate.Model.IdentityAt(1, read.Ends.Destination)!.Id.ShouldBe(Gate.Hq);
                if (read.Part != FragmentPart.Later && read.Ends.Kind != PacketKind.IcmpError)
                {
                    var ends = read.Ends;
                    gate.Model.Decide(gate.Model.Identity(Gate.Pump)!, gate.Model.Identity(Gate.Hq), ends.Destination, ends.Protocol, ends.DestinationPort, default)
                        .Allowed.ShouldBeTrue();
                }
            }

            gate.Now += TimeSpan.FromMilliseconds(1);
        }

        forwarded.ShouldBeGreaterThan(1000);
    }
}
