using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.OpenVpn;

namespace Sallyport.Core.Tests.Packets;

public sealed class InnerPacketTests
{
    private static readonly IpAddress Pump = IpAddress.Parse("10.20.0.7");
    private static readonly IpAddress Historian = IpAddress.Parse("192.168.50.10");

    [Theory]
    [InlineData("10.20.0.7", "192.168.50.10")]
    [InlineData("fd00::7", "fd00:50::10")]
    public void A_TCP_packet_gives_its_ends_and_flags(string source, string destination)
    {
        var bytes = Build.Tcp(source, 40001, destination, 8883, TcpFlags.Syn | TcpFlags.Ece, options: [2, 4, 5, 0xb4]);
        InnerPacket.Read(bytes, out var packet).ShouldBe(DropReason.None);
        packet.Ends.Kind.ShouldBe(PacketKind.Tcp);
        packet.Ends.Source.ShouldBe(IpAddress.Parse(source));
        packet.Ends.Destination.ShouldBe(IpAddress.Parse(destination));
        packet.Ends.SourcePort.ShouldBe((ushort)40001);
        packet.Ends.DestinationPort.ShouldBe((ushort)8883);
        packet.Flags.ShouldBe(TcpFlags.Syn | TcpFlags.Ece);
        packet.Length.ShouldBe(bytes.Length);
        bytes.ShouldHaveValidChecksums();
    }

    [Fact]
    public void Bytes_beyond_the_total_length_are_no_part_of_the_packet()
    {
        byte[] v4 = [.. Build.Udp("10.0.0.1", 1, "10.0.0.2", 2), 9, 9, 9];
        byte[] v6 = [.. Build.Udp("fd00::1", 1, "fd00::2", 2), 9, 9, 9];
        InnerPacket.Read(v4, out var read4).ShouldBe(DropReason.None);
        InnerPacket.Read(v6, out var read6).ShouldBe(DropReason.None);
        read4.Length.ShouldBe(v4.Length - 3);
        read6.Length.ShouldBe(v6.Length - 3);
    }

    [Fact]
    public void Echo_carries_its_identifier_at_the_end_that_asks()
    {
        InnerPacket.Read(Build.Echo("10.0.0.1", "10.0.0.2", 77), out var request).ShouldBe(DropReason.None);
        InnerPacket.Read(Build.Echo("fd00::2", "fd00::1", 77, reply: true), out var reply).ShouldBe(DropReason.None);
        (request.Ends.Kind, request.Ends.SourcePort, request.Ends.DestinationPort).ShouldBe((PacketKind.EchoRequest, (ushort)77, (ushort)0));
        (reply.Ends.Kind, reply.Ends.SourcePort, reply.Ends.DestinationPort).ShouldBe((PacketKind.EchoReply, (ushort)0, (ushort)77));
    }

    [Theory]
    [InlineData("10.20.0.7", "192.168.50.10", 3, 1)]
    [InlineData("10.20.0.7", "192.168.50.10", 11, 0)]
    [InlineData("fd00::7", "fd00:50::10", 2, 0)]
    public void An_ICMP_error_names_the_packet_that_it_speaks_of(string source, string destination, int type, int code)
    {
        var about = Build.Udp(source, 5000, destination, 53, payload: 400);
        var header = source.Contains(':') ? 40 : 20;
        var error = Build.Error(destination, source, type, code, about, quotedLength: header + 8);
        InnerPacket.Read(error, out var packet).ShouldBe(DropReason.None);
        packet.Ends.Kind.ShouldBe(PacketKind.IcmpError);
        packet.Quoted.Kind.ShouldBe(PacketKind.Udp);
        packet.Quoted.Source.ShouldBe(IpAddress.Parse(source));
        packet.Quoted.Destination.ShouldBe(IpAddress.Parse(destination));
        packet.Quoted.SourcePort.ShouldBe((ushort)5000);
        packet.Quoted.DestinationPort.ShouldBe((ushort)53);
    }

    [Fact]
    public void An_ICMP_error_that_quotes_too_little_or_another_error_is_malformed()
    {
        var about = Build.Udp("10.0.0.1", 5000, "10.0.0.2", 53);
        InnerPacket.Read(Build.Error("10.0.0.2", "10.0.0.1", 3, 1, about, quotedLength: 27), out _).ShouldBe(DropReason.TransportMalformed);
        var error = Build.Error("10.0.0.2", "10.0.0.1", 3, 1, about);
        InnerPacket.Read(Build.Error("10.0.0.1", "10.0.0.2", 3, 1, error), out _).ShouldBe(DropReason.TransportMalformed);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(13)]
    [InlineData(9)]
    [InlineData(4)]
    public void Redirects_timestamps_and_router_messages_are_not_supported(int type)
    {
        var message = new byte[40];
        message[0] = (byte)type;
        InnerPacket.Read(Build.Icmp(Pump, Historian, message), out _).ShouldBe(DropReason.ProtocolNotSupported);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(43)]
    [InlineData(44)]
    [InlineData(50)]
    [InlineData(51)]
    [InlineData(59)]
    [InlineData(60)]
    [InlineData(135)]
    [InlineData(4)]
    [InlineData(41)]
    public void IPv6_extension_headers_fail_closed(int nextHeader)
    {
        var bytes = Build.Udp("fd00::1", 1, "fd00::2", 2);
        bytes[6] = (byte)nextHeader;
        InnerPacket.Read(bytes, out _).ShouldBe(DropReason.IpExtensionHeader);
    }

    [Theory]
    [InlineData(IpProtocol.IcmpV6)]
    [InlineData((IpProtocol)4)]
    [InlineData((IpProtocol)41)]
    [InlineData((IpProtocol)47)]
    [InlineData((IpProtocol)50)]
    [InlineData((IpProtocol)132)]
    public void Other_protocols_over_IPv4_are_not_supported(IpProtocol protocol) =>
        InnerPacket.Read(Build.Ip(Pump, Historian, protocol, new byte[32]), out _).ShouldBe(DropReason.ProtocolNotSupported);

    [Fact]
    public void ICMP_of_IPv4_inside_IPv6_is_no_ICMP()
    {
        var bytes = Build.Udp("fd00::1", 1, "fd00::2", 2);
        bytes[6] = 1;
        InnerPacket.Read(bytes, out _).ShouldBe(DropReason.IpExtensionHeader);
    }

    [Fact]
    public void IPv4_mapped_addresses_inside_IPv6_are_malformed()
    {
        var bytes = Build.Udp("fd00::1", 1, "fd00::2", 2);
        "00000000000000000000ffff0a140007".Chunk(2).Select(hex => Convert.ToByte(new string(hex), 16)).ToArray().CopyTo(bytes, 8);
        InnerPacket.Read(bytes, out _).ShouldBe(DropReason.IpMalformed);
    }

    [Theory]
    [InlineData(131)]
    [InlineData(137)]
    public void Source_routes_are_refused_and_harmless_options_are_not(byte option)
    {
        var datagram = Build.Udp("10.20.0.7", 1, "192.168.50.10", 2)[20..];
        InnerPacket.Read(Build.Ip(Pump, Historian, IpProtocol.Udp, datagram, [1, option, 7, 4, 10, 9, 9, 9]), out _).ShouldBe(DropReason.IpSourceRoute);
        InnerPacket.Read(Build.Ip(Pump, Historian, IpProtocol.Udp, datagram, [148, 4, 0, 0]), out var fine).ShouldBe(DropReason.None);
        fine.TransportOffset.ShouldBe(24);
        fine.Ends.DestinationPort.ShouldBe((ushort)2);
    }

    [Fact]
    public void A_first_fragment_must_hold_the_whole_transport_header()
    {
        var syn = Build.Tcp("10.0.0.1", 1, "10.0.0.2", 80, TcpFlags.Syn, payload: 64);
        InnerPacket.Read(Build.Fragment(syn, syn[20..36], 0, more: true, 5), out _).ShouldBe(DropReason.IpFragment);
        InnerPacket.Read(Build.Fragment(syn, syn[20..44], 0, more: true, 5), out var first).ShouldBe(DropReason.None);
        first.Part.ShouldBe(FragmentPart.First);
        first.FragmentEnd.ShouldBe(24);
        InnerPacket.Read(Build.Fragment(syn, syn[44..], 24, more: false, 5), out var later).ShouldBe(DropReason.None);
        later.Part.ShouldBe(FragmentPart.Later);
        later.FragmentId.ShouldBe((ushort)5);
    }

    [Fact]
    public void A_fragment_that_would_end_beyond_the_longest_datagram_is_malformed()
    {
        var udp = Build.Udp("10.0.0.1", 1, "10.0.0.2", 80, payload: 100);
        InnerPacket.Read(Build.Fragment(udp, udp[20..], 65528, more: false, 5), out _).ShouldBe(DropReason.IpMalformed);
    }

    [Fact]
    public void A_UDP_length_that_disagrees_with_the_packet_is_malformed()
    {
        foreach (var length in new[] { 0, 7, 41 })
        {
            var udp = Build.Udp("10.0.0.1", 1, "10.0.0.2", 80, payload: 32);
            udp[24] = 0;
            udp[25] = (byte)length;
            InnerPacket.Read(udp, out _).ShouldBe(DropReason.TransportMalformed);
        }
    }

    [Fact]
    public void A_TCP_header_longer_than_its_segment_is_malformed()
    {
        var tcp = Build.Tcp("10.0.0.1", 1, "10.0.0.2", 80, TcpFlags.Ack);
        tcp[32] = 0xf0;
        InnerPacket.Read(tcp, out _).ShouldBe(DropReason.TransportMalformed);
        tcp[32] = 0x40;
        InnerPacket.Read(tcp, out _).ShouldBe(DropReason.TransportMalformed);
    }

    [Fact]
    public void Nothing_and_noise_are_not_IP()
    {
        InnerPacket.Read([], out _).ShouldBe(DropReason.NotIp);
        InnerPacket.Read([0x2a, 0x18, 0x7b], out _).ShouldBe(DropReason.NotIp);
        InnerPacket.Read([0x45], out _).ShouldBe(DropReason.IpMalformed);
        InnerPacket.Read([0x60, 0], out _).ShouldBe(DropReason.IpMalformed);
    }

    [Fact]
    public void Every_truncation_and_many_mutations_are_read_without_an_exception()
    {
        var random = new SeededEntropy(7);
        var about = Build.Tcp("10.20.0.7", 4000, "192.168.50.10", 8883, TcpFlags.Ack, payload: 20);
        byte[][] seeds =
        [
            about,
            Build.Syn("fd00::7", 4000, "fd00:50::10", 8883),
            Build.Udp("10.20.0.7", 4000, "192.168.50.10", 53),
            Build.Echo("fd00::7", "fd00:50::10", 9),
            Build.Error("192.168.50.10", "10.20.0.7", 3, 4, about),
            Build.Error("fd00:50::10", "fd00::7", 2, 0, Build.Syn("fd00::7", 4000, "fd00:50::10", 8883)),
        ];
        var answer = new byte[Refusal.MaximumLength];
        foreach (var seed in seeds)
        {
            for (var length = 0; length < seed.Length; length++)
            {
                InnerPacket.Read(seed.AsSpan(0, length), out _).ShouldNotBe(DropReason.None);
            }

            for (var round = 0; round < 5_000; round++)
            {
                var bytes = seed.ToArray();
                for (var flips = (1 + random.Below(4)); flips > 0; flips--)
                {
                    bytes[random.Below(bytes.Length)] = (byte)random.Below(256);
                }

                var reason = InnerPacket.Read(bytes, out var packet);
                if (reason is DropReason.None or DropReason.ProtocolNotSupported)
                {
                    packet.Length.ShouldBeLessThanOrEqualTo(bytes.Length);
                    MssClamp.Apply(bytes, packet, 1400);
                    Refusal.Write(RefusalKind.Prohibited, bytes, packet, IpAddress.Parse("10.20.0.1"), answer).ShouldBeLessThanOrEqualTo(answer.Length);
                }
            }
        }
    }
}
