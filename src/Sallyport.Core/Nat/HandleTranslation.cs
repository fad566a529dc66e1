using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Nat;

/// <summary>
/// Inner IPv4 packets of a network as IPv6 packets between handles (RFC 7915 section 4). Stateless. The time to live is left alone, as everywhere in the gateway.
/// The other way is <see cref="SuperPacket"/>, because the gateway host sends many segments in one piece.
/// </summary>
public static class HandleTranslation
{
    /// <summary>An IPv6 header, and a fragment header where the packet is one.</summary>
    public const int HeadMax = Ipv6View.HeaderLength + FragmentHeader.Length;

    /// <summary>No ICMPv6 error is longer (RFC 4443 section 2.4 c).</summary>
    public const int ErrorMax = 1280;

    /// <summary>
    /// Writes the head that takes the place of the IPv4 header, and adjusts the transport's checksum where it stands. The new packet is
    /// the head and <c>packet[read.TransportOffset..read.Length]</c>. Not for ICMP errors: see <see cref="ErrorToV6"/>.
    /// </summary>
    /// <param name="packet">Whole and well formed: <paramref name="read"/> was read from it.</param>
    public static DropReason ToV6(HandleSpace space, int networkId, Span<byte> packet, in InnerPacket read, Span<byte> head, out int headLength)
    {
        headLength = 0;
        if (!read.IsV4 || read.Ends.Kind == PacketKind.IcmpError || !HandleSpace.HasHandles(networkId))
        {
            return DropReason.ProtocolNotSupported;
        }

        var source = space.Handle(networkId, read.Ends.Source);
        var destination = space.Handle(networkId, read.Ends.Destination);
        var payload = packet[read.TransportOffset..read.Length];
        var reason = AdjustTransport(space.ChecksumDifference(networkId), source, destination, read, payload);
        if (reason != DropReason.None)
        {
            return reason;
        }

        var isFragment = read.Part != FragmentPart.Whole;
        var next = read.Ends.Protocol == IpProtocol.Icmp ? IpProtocol.IcmpV6 : read.Ends.Protocol;
        headLength = isFragment ? HeadMax : Ipv6View.HeaderLength;
        WriteHeadV6(
            head, packet[1], payload.Length + headLength - Ipv6View.HeaderLength, isFragment ? FragmentHeader.Protocol : (byte)next, packet[8], source,
            destination);
        if (isFragment)
        {
            var flags = BinaryPrimitives.ReadUInt16BigEndian(packet[6..]);
            FragmentHeader.Write(head[Ipv6View.HeaderLength..], (byte)next, (flags & 0x1fff) * 8, (flags & 0x2000) != 0, read.FragmentId);
        }

        return DropReason.None;
    }

    /// <summary>A whole ICMP error with the packet that it quotes; returns its length, 0 where IPv6 has no word for it.</summary>
    /// <param name="output">At least <see cref="ErrorMax"/> bytes.</param>
    public static int ErrorToV6(HandleSpace space, int networkId, ReadOnlySpan<byte> packet, in InnerPacket read, Span<byte> output)
    {
        if (read.Ends.Kind != PacketKind.IcmpError || !read.IsV4 || !HandleSpace.HasHandles(networkId))
        {
            return 0;
        }

        var message = packet[read.TransportOffset..read.Length];
        if (!IcmpMapping.TryToV6(message[0], message[1], BinaryPrimitives.ReadUInt32BigEndian(message[4..]), out var type, out var code, out var rest)
            || !Ipv4View.TryCreateQuoted(message[IcmpView.HeaderLength..], out var quoted))
        {
            return 0;
        }

        var icmp = output[Ipv6View.HeaderLength..ErrorMax];
        icmp[0] = type;
        icmp[1] = code;
        BinaryPrimitives.WriteUInt16BigEndian(icmp[2..], 0);
        BinaryPrimitives.WriteUInt32BigEndian(icmp[4..], rest);
        var length = IcmpView.HeaderLength + QuoteV4(space, networkId, quoted, icmp[IcmpView.HeaderLength..]);
        var source = space.Handle(networkId, read.Ends.Source);
        var destination = space.Handle(networkId, read.Ends.Destination);
        WriteHeadV6(output, packet[1], length, (byte)IpProtocol.IcmpV6, packet[8], source, destination);
        var pseudo = InternetChecksum.PseudoHeader(source, destination, (byte)IpProtocol.IcmpV6, length);
        BinaryPrimitives.WriteUInt16BigEndian(icmp[2..], InternetChecksum.Compute(icmp[..length], pseudo));
        return Ipv6View.HeaderLength + length;
    }

    internal static void WriteHeadV6(
        Span<byte> head, byte trafficClass, int payloadLength, byte next, byte hopLimit, IpAddress source, IpAddress destination)
    {
        BinaryPrimitives.WriteUInt32BigEndian(head, 0x6000_0000u | ((uint)trafficClass << 20));
        BinaryPrimitives.WriteUInt16BigEndian(head[4..], (ushort)payloadLength);
        head[6] = next;
        head[7] = hopLimit;
        source.Write(head[8..]);
        destination.Write(head[24..]);
    }

    private static DropReason AdjustTransport(
        uint difference, IpAddress source, IpAddress destination, in InnerPacket read, Span<byte> payload)
    {
        if (read.Part == FragmentPart.Later)
        {
            // RFC 7915 section 1.2: the sum over fragmented ICMP cannot be changed without the whole of it.
            return read.Ends.Protocol is IpProtocol.Tcp or IpProtocol.Udp ? DropReason.None : DropReason.IpFragment;
        }

        switch (read.Ends.Kind)
        {
            case PacketKind.Tcp:
                TransportChecksum.Change(payload[TransportChecksum.OfTcp..], raise: true, difference);
                return DropReason.None;
            case PacketKind.Udp:
                return AdjustUdp(difference, source, destination, read.Part, payload);
            case PacketKind.EchoRequest or PacketKind.EchoReply when read.Part == FragmentPart.Whole:
                var type = read.Ends.Kind == PacketKind.EchoRequest ? IcmpMapping.EchoRequestV6 : IcmpMapping.EchoReplyV6;
                var risen = InternetChecksum.PseudoHeader(source, destination, (byte)IpProtocol.IcmpV6, payload.Length)
                    + ((ulong)(type - payload[0]) << 8);
                payload[0] = type;
                TransportChecksum.Change(payload[2..], raise: true, risen);
                return DropReason.None;
            case PacketKind.EchoRequest or PacketKind.EchoReply:
                return DropReason.IpFragment;
            case PacketKind.IcmpError or PacketKind.Other:
            default:
                return DropReason.ProtocolNotSupported;
        }
    }

    private static DropReason AdjustUdp(uint difference, IpAddress source, IpAddress destination, FragmentPart part, Span<byte> payload)
    {
        var field = payload[TransportChecksum.OfUdp..];
        if (BinaryPrimitives.ReadUInt16BigEndian(field) != 0)
        {
            TransportChecksum.Change(field, raise: true, difference);
        }
        else if (part == FragmentPart.First)
        {
            // IPv6 wants a checksum, and the rest of what it would cover is elsewhere (RFC 7915 section 4.5).
            return DropReason.IpFragment;
        }
        else
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(payload[4..]);
            var pseudo = InternetChecksum.PseudoHeader(source, destination, (byte)IpProtocol.Udp, length);
            BinaryPrimitives.WriteUInt16BigEndian(field, InternetChecksum.Compute(payload[..length], pseudo));
        }

        TransportChecksum.NeverZero(field);
        return DropReason.None;
    }

    /// <summary>The quoted packet in IPv6 words, as much of it as there is room for; returns its length.</summary>
    private static int QuoteV4(HandleSpace space, int networkId, Ipv4View quoted, Span<byte> output)
    {
        var source = space.Handle(networkId, quoted.Source);
        var destination = space.Handle(networkId, quoted.Destination);
        var payloadLength = BinaryPrimitives.ReadUInt16BigEndian(quoted.Packet[2..]) - quoted.HeaderLength;
        var next = quoted.Protocol == (byte)IpProtocol.Icmp ? (byte)IpProtocol.IcmpV6 : quoted.Protocol;
        var headLength = quoted.IsFragment ? HeadMax : Ipv6View.HeaderLength;
        WriteHeadV6(
            output, quoted.Packet[1], payloadLength + headLength - Ipv6View.HeaderLength, quoted.IsFragment ? FragmentHeader.Protocol : next,
            quoted.Packet[8], source, destination);
        if (quoted.IsFragment)
        {
            FragmentHeader.Write(output[Ipv6View.HeaderLength..], next, quoted.FragmentOffset, quoted.MoreFragments, quoted.Identification);
        }

        var payload = output[headLength..];
        payload = payload[..Math.Min(payload.Length, quoted.Payload.Length)];
        quoted.Payload[..payload.Length].CopyTo(payload);
        TransportChecksum.Adjust(payload, quoted.Protocol, raise: true, space.ChecksumDifference(networkId), source, destination, payloadLength);
        return headLength + payload.Length;
    }
}
