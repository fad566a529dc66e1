using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Packets;

public sealed class RefusalTests
{
    [Theory]
    [InlineData("10.20.0.7", "192.168.50.10")]
    [InlineData("fd00::7", "fd00:50::10")]
    public void A_SYN_is_answered_by_a_reset_that_acknowledges_it(string source, string destination)
    {
        var answer = Refuse(Build.Tcp(source, 4000, destination, 8883, TcpFlags.Syn, sequence: 0xffff_ffff));
        var (reset, tcp) = ReadTcp(answer);
        reset.Ends.Source.ShouldBe(IpAddress.Parse(destination));
        reset.Ends.Destination.ShouldBe(IpAddress.Parse(source));
        reset.Ends.SourcePort.ShouldBe((ushort)8883);
        reset.Ends.DestinationPort.ShouldBe((ushort)4000);
        reset.Flags.ShouldBe(TcpFlags.Rst | TcpFlags.Ack);
        tcp.ShouldBe((0u, 0u));
        answer.ShouldHaveValidChecksums();
    }

    [Fact]
    public void A_segment_with_ACK_is_answered_with_the_sequence_number_it_expects()
    {
        var answer = Refuse(Build.Tcp("10.0.0.1", 4000, "10.0.0.2", 80, TcpFlags.Ack | TcpFlags.Psh, 500, 777_000, payload: 100));
        var (reset, tcp) = ReadTcp(answer);
        reset.Flags.ShouldBe(TcpFlags.Rst);
        tcp.ShouldBe((777_000u, 0u));
    }

    [Fact]
    public void A_segment_without_ACK_is_acknowledged_with_its_data_and_FIN()
    {
        var (reset, tcp) = ReadTcp(Refuse(Build.Tcp("10.0.0.1", 4000, "10.0.0.2", 80, TcpFlags.Fin, 500, payload: 100)));
        reset.Flags.ShouldBe(TcpFlags.Rst | TcpFlags.Ack);
        tcp.ShouldBe((0u, 601u));
    }

    [Theory]
    [InlineData("10.20.0.7", "192.168.50.10", "10.20.0.1", 3, 13, 576)]
    [InlineData("fd00::7", "fd00:50::10", "fd00::1", 1, 1, 1280)]
    public void UDP_is_answered_administratively_prohibited_with_as_much_quoted_as_may_be(
        string source, string destination, string router, int type, int code, int longest)
    {
        foreach (var payload in new[] { 0, 11, 1400 })
        {
            var about = Build.Udp(source, 4000, destination, 53, payload);
            var answer = Refuse(about, router);
            answer.Length.ShouldBe(Math.Min(longest, about.Length + (source.Contains(':') ? 48 : 28)));
            answer.ShouldHaveValidChecksums();
            InnerPacket.Read(answer, out var packet).ShouldBe(DropReason.None);
            packet.Ends.Source.ShouldBe(IpAddress.Parse(router));
            packet.Ends.Destination.ShouldBe(IpAddress.Parse(source));
            packet.Quoted.DestinationPort.ShouldBe((ushort)53);
            answer[packet.TransportOffset].ShouldBe((byte)type);
            answer[packet.TransportOffset + 1].ShouldBe((byte)code);
        }
    }

    [Theory]
    [InlineData("10.20.0.7", "192.168.50.10", "10.20.0.1", 3, 1)]
    [InlineData("fd00::7", "fd00:50::10", "fd00::1", 1, 3)]
    public void An_unreachable_host_is_an_ICMP_error_for_TCP_too(string source, string destination, string router, int type, int code)
    {
        var answer = Refuse(Build.Syn(source, 4000, destination, 8883), router, RefusalKind.Unreachable);
        InnerPacket.Read(answer, out var packet).ShouldBe(DropReason.None);
        packet.Quoted.Kind.ShouldBe(PacketKind.Tcp);
        answer[packet.TransportOffset].ShouldBe((byte)type);
        answer[packet.TransportOffset + 1].ShouldBe((byte)code);
        answer.ShouldHaveValidChecksums();
    }

    [Fact]
    public void Unknown_protocols_are_answered()
    {
        var gre = Build.Ip(IpAddress.Parse("10.0.0.1"), IpAddress.Parse("10.0.0.2"), (IpProtocol)47, new byte[24]);
        Refuse(gre)[20].ShouldBe((byte)3);
    }

    [Fact]
    public void Resets_errors_replies_groups_and_later_fragments_are_never_answered()
    {
        var udp = Build.Udp("10.0.0.1", 1, "10.0.0.2", 2, payload: 100);
        byte[][] silent =
        [
            Build.Tcp("10.0.0.1", 1, "10.0.0.2", 2, TcpFlags.Rst),
            Build.Tcp("10.0.0.1", 1, "10.0.0.2", 2, TcpFlags.Rst | TcpFlags.Ack),
            Build.Error("10.0.0.1", "10.0.0.2", 3, 1, udp),
            Build.Error("fd00::1", "fd00::2", 1, 1, Build.Udp("fd00::2", 1, "fd00::1", 2)),
            Build.Icmp(IpAddress.Parse("10.0.0.1"), IpAddress.Parse("10.0.0.2"), [5, 1, 0, 0, 10, 0, 0, 9, .. udp]),
            Build.Icmp(IpAddress.Parse("fd00::1"), IpAddress.Parse("fd00::2"), [100, 1, 0, 0, 0, 0, 0, 0]),
            Build.Echo("10.0.0.1", "10.0.0.2", 1, reply: true),
            Build.Udp("10.0.0.1", 1, "224.0.0.251", 5353),
            Build.Udp("10.0.0.1", 1, "255.255.255.255", 67),
            Build.Udp("0.0.0.0", 68, "10.0.0.2", 67),
            Build.Udp("fd00::1", 1, "ff02::fb", 5353),
            Build.Udp("fe80::1", 1, "fd00::2", 5353),
            Build.Fragments(udp, 48, 4)[1],
        ];
        foreach (var packet in silent)
        {
            Refuse(packet).ShouldBeEmpty();
        }
    }

    [Theory]
    [InlineData("10.20.0.7", "192.168.50.10", 3, 4)]
    [InlineData("fd00::7", "fd00:50::10", 2, 0)]
    public void What_is_too_big_is_told_how_big_it_may_be(string source, string destination, int type, int code)
    {
        foreach (var about in new[] { Build.Udp(source, 4000, destination, 53, 1400), Build.Tcp(source, 1, destination, 2, TcpFlags.Ack, payload: 1400) })
        {
            InnerPacket.Read(about, out var read);
            var room = new byte[Refusal.MaximumLength];
            var answer = room[..Refusal.Write(RefusalKind.TooBig, about, read, read.Ends.Destination, room, 1390)];
            answer.ShouldHaveValidChecksums();
            InnerPacket.Read(answer, out var packet).ShouldBe(DropReason.None);
            var message = answer.AsSpan(packet.TransportOffset);
            (message[0], message[1]).ShouldBe(((byte)type, (byte)code));
            BinaryPrimitives.ReadUInt32BigEndian(message[4..]).ShouldBe(1390u);
            packet.Quoted.Source.ShouldBe(IpAddress.Parse(source));
        }
    }

    private static byte[] Refuse(byte[] packet, string? router = null, RefusalKind kind = RefusalKind.Prohibited)
    {
        InnerPacket.Read(packet, out var read);
        var answer = new byte[Refusal.MaximumLength];
        var from = router is null ? read.Ends.Destination : IpAddress.Parse(router);
        return answer[..Refusal.Write(kind, packet, read, from, answer)];
    }

    private static (InnerPacket Packet, (uint Sequence, uint Acknowledgement) Numbers) ReadTcp(byte[] bytes)
    {
        InnerPacket.Read(bytes, out var packet).ShouldBe(DropReason.None);
        packet.Ends.Kind.ShouldBe(PacketKind.Tcp);
        var segment = bytes.AsSpan(packet.TransportOffset);
        return (packet, (BinaryPrimitives.ReadUInt32BigEndian(segment[4..]), BinaryPrimitives.ReadUInt32BigEndian(segment[8..])));
    }
}
