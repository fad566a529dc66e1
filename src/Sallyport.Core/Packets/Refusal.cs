using System.Buffers.Binary;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Packets;

public enum RefusalKind : byte
{
    /// <summary>TCP: RST. Everything else: ICMP destination unreachable, communication administratively prohibited.</summary>
    Prohibited,

    /// <summary>ICMP destination unreachable, host (IPv4) or address (IPv6) unreachable, for TCP too: an established connection outlives it.</summary>
    Unreachable,

    /// <summary>
    /// ICMP fragmentation needed (RFC 1191) or packet too big (RFC 4443 section 3.2), for TCP too: the sender makes smaller packets from
    /// then on.
    /// </summary>
    TooBig,
}

/// <summary>Builds the answer to a packet that is not forwarded, so that its sender knows at once instead of waiting for a timeout.</summary>
public static class Refusal
{
    /// <summary>An answer never gets longer than the minimum MTU of IPv6 (RFC 4443 section 2.4 c); for IPv4 576 bytes (RFC 1812 section 4.3.2.3).</summary>
    public const int MaximumLength = 1280;

    private const int MaximumLengthV4 = 576;
    private const int IcmpHeaderLength = 8;

    /// <summary>
    /// False for what must never be answered: errors, groups, resets, later fragments, senders that are no single host
    /// (RFC 1122 section 3.2.2, RFC 4443 section 2.4 e, RFC 9293 section 3.10.7.1).
    /// </summary>
    public static bool MayAnswer(ReadOnlySpan<byte> packet, in InnerPacket read)
    {
        if (read.Part == FragmentPart.Later || AddressScope.Of(read.Ends.Source) != Scope.Unicast
            || AddressScope.Of(read.Ends.Destination) != Scope.Unicast)
        {
            return false;
        }

        return read.Ends.Protocol switch
        {
            IpProtocol.Tcp => read.Ends.Kind == PacketKind.Tcp && (read.Flags & TcpFlags.Rst) == 0,
            IpProtocol.Icmp or IpProtocol.IcmpV6 => read.Ends.Kind == PacketKind.EchoRequest
                || (read.Ends.Kind != PacketKind.EchoReply
                    && IcmpView.TryCreate(packet[read.TransportOffset..read.Length], !read.IsV4, out var icmp) && !icmp.IsAnyError),
            _ => true,
        };
    }

    /// <summary>
    /// Writes the answer to the sender of <paramref name="packet"/> into <paramref name="answer"/> (at least <see cref="MaximumLength"/> bytes)
    /// and returns its length; 0 where there must be none. <paramref name="router"/> is who an ICMP error comes from.
    /// </summary>
    /// <param name="largest">Of what is too big: what would not be.</param>
    public static int Write(
        RefusalKind kind, ReadOnlySpan<byte> packet, in InnerPacket read, IpAddress router, Span<byte> answer, int largest = 0)
    {
        if (!MayAnswer(packet, read))
        {
            return 0;
        }

        return kind == RefusalKind.Prohibited && read.Ends.Kind == PacketKind.Tcp
            ? WriteReset(packet, read, answer)
            : WriteError(kind, packet[..read.Length], read, router, answer, largest);
    }

    private static int WriteReset(ReadOnlySpan<byte> packet, in InnerPacket read, Span<byte> answer)
    {
        if (!TcpView.TryCreate(packet[read.TransportOffset..read.Length], out var tcp))
        {
            return 0;
        }

        // RFC 9293 section 3.10.7.1: the reset takes its sequence number from the ACK, or acknowledges all there was.
        var back = read.Ends.Reversed();
        return (tcp.Flags & TcpFlags.Ack) != 0
            ? TcpReset.Write(back, tcp.Acknowledgement, answer)
            : TcpReset.WriteAcknowledging(back, tcp.Sequence + tcp.SequenceLength, answer);
    }

    private static int WriteError(
        RefusalKind kind, ReadOnlySpan<byte> packet, in InnerPacket read, IpAddress router, Span<byte> answer, int largest)
    {
        var isV4 = read.IsV4;
        var ipHeader = isV4 ? Ipv4View.MinimumHeaderLength : Ipv6View.HeaderLength;
        var room = (isV4 ? MaximumLengthV4 : MaximumLength) - ipHeader - IcmpHeaderLength;
        var quoted = packet[..Math.Min(packet.Length, room)];
        var protocol = isV4 ? IpProtocol.Icmp : IpProtocol.IcmpV6;
        var header = IpHeader.Write(answer, router, read.Ends.Source, protocol, IcmpHeaderLength + quoted.Length);
        var message = answer.Slice(header, IcmpHeaderLength + quoted.Length);
        var writer = new ByteWriter(message);
        var (type, code) = (kind, isV4) switch
        {
            (RefusalKind.Prohibited, true) => (3, 13),
            (RefusalKind.Unreachable, true) => (3, 1),
            (RefusalKind.TooBig, true) => (3, 4),
            (RefusalKind.Prohibited, false) => (1, 1),
            (RefusalKind.Unreachable, false) => (1, 3),
            (RefusalKind.TooBig, false) => (2, 0),
        };
        writer.U8((byte)type);
        writer.U8((byte)code);
        writer.U16(0);
        writer.U32((uint)largest);
        writer.Bytes(quoted);
        var pseudo = isV4 ? 0 : InternetChecksum.PseudoHeader(router, read.Ends.Source, (byte)protocol, message.Length);
        BinaryPrimitives.WriteUInt16BigEndian(message[2..], InternetChecksum.Compute(message, pseudo));
        return header + message.Length;
    }
}
