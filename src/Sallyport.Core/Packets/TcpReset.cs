using System.Buffers.Binary;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Packets;

/// <summary>Writes segments that end a TCP connection at once (RFC 9293 section 3.10.7).</summary>
internal static class TcpReset
{
    /// <summary>The longest there is: over IPv6.</summary>
    public const int MaximumLength = Ipv6View.HeaderLength + TcpView.MinimumHeaderLength;

    /// <param name="ends">As the one who gets it sees them: from the other one to him.</param>
    /// <param name="sequence">What he has acknowledged last: another one he would only ask about (RFC 5961 section 3.2).</param>
    /// <returns>Its length.</returns>
    public static int Write(in PacketEnds ends, uint sequence, Span<byte> packet) => Write(ends, sequence, 0, TcpFlags.Rst, packet);

    /// <summary>For who has nothing acknowledged yet: it acknowledges what he sent.</summary>
    public static int WriteAcknowledging(in PacketEnds ends, uint acknowledgement, Span<byte> packet) =>
        Write(ends, 0, acknowledgement, TcpFlags.Rst | TcpFlags.Ack, packet);

    private static int Write(in PacketEnds ends, uint sequence, uint acknowledgement, TcpFlags flags, Span<byte> packet)
    {
        var header = IpHeader.Write(packet, ends.Source, ends.Destination, IpProtocol.Tcp, TcpView.MinimumHeaderLength);
        var segment = packet.Slice(header, TcpView.MinimumHeaderLength);
        var writer = new ByteWriter(segment);
        writer.U16(ends.SourcePort);
        writer.U16(ends.DestinationPort);
        writer.U32(sequence);
        writer.U32(acknowledgement);
        writer.U8(TcpView.MinimumHeaderLength / 4 << 4);
        writer.U8((byte)flags);
        writer.U16(0);
        writer.U16(0);
        writer.U16(0);
        var pseudo = InternetChecksum.PseudoHeader(ends.Source, ends.Destination, (byte)IpProtocol.Tcp, segment.Length);
        BinaryPrimitives.WriteUInt16BigEndian(segment[16..], InternetChecksum.Compute(segment, pseudo));
        return header + segment.Length;
    }
}
