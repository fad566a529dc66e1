using System.Buffers.Binary;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Packets;

/// <summary>The datagram with which the gateway itself answers one: its ends are the other's, turned round.</summary>
/// <param name="From">Where the answer comes from: where the question went.</param>
/// <param name="To">Who asked.</param>
public readonly record struct UdpReply(IpAddress From, ushort FromPort, IpAddress To, ushort ToPort)
{
    public static UdpReply Of(in InnerPacket asked) => new(asked.Ends.Destination, asked.Ends.DestinationPort, asked.Ends.Source, asked.Ends.SourcePort);

    /// <summary>Bytes in front of the payload.</summary>
    public int HeadLength => (To.IsV4 ? Ipv4View.MinimumHeaderLength : Ipv6View.HeaderLength) + UdpView.HeaderLength;

    /// <summary>
    /// Writes what stands in front of a payload that lies <see cref="HeadLength"/> bytes into the packet already. Returns the length of the whole.
    /// </summary>
    public int WriteHead(Span<byte> packet, int payloadLength)
    {
        var length = UdpView.HeaderLength + payloadLength;
        var header = IpHeader.Write(packet, From, To, IpProtocol.Udp, length);
        var datagram = packet.Slice(header, length);
        var writer = new ByteWriter(datagram);
        writer.U16(FromPort);
        writer.U16(ToPort);
        writer.U16((ushort)length);
        writer.U16(0);
        var checksum = InternetChecksum.Compute(datagram, InternetChecksum.PseudoHeader(From, To, (byte)IpProtocol.Udp, length));
        // RFC 768: 0 would say that there is none.
        BinaryPrimitives.WriteUInt16BigEndian(datagram[6..], checksum == 0 ? ushort.MaxValue : checksum);
        return header + length;
    }
}
