using System.Buffers.Binary;
using Sallyport.Core.Policy;

namespace Sallyport.Core.Packets;

/// <summary>Lowers the maximum segment size that a SYN or SYN-ACK announces, so that segments fit the tunnel without fragments (RFC 4459 section 3.2).</summary>
public static class MssClamp
{
    /// <summary>Where an IP header and a TCP header without options end.</summary>
    private const int TcpHeaderLength = 20;

    /// <summary>No link is narrower than what RFC 791 demands of every host: 576 bytes less two headers.</summary>
    private const int MinimumSegmentSize = 536;

    /// <summary>
    /// Changes the packet in place where it announces more than fits into <paramref name="maximumPacket"/> bytes of inner IP packet.
    /// <paramref name="packet"/> is a whole packet that <paramref name="read"/> was read from. Returns whether it changed.
    /// </summary>
    public static bool Apply(Span<byte> packet, in InnerPacket read, int maximumPacket)
    {
        if (read.Ends.Protocol != IpProtocol.Tcp || read.Part == FragmentPart.Later || (read.Flags & TcpFlags.Syn) == 0)
        {
            return false;
        }

        var segment = packet[read.TransportOffset..read.Length];
        var ipHeader = read.IsV4 ? Ipv4View.MinimumHeaderLength : Ipv6View.HeaderLength;
        var limit = (ushort)Math.Clamp(maximumPacket - ipHeader - TcpHeaderLength, MinimumSegmentSize, ushort.MaxValue);
        if (!TcpView.TryCreate(segment, out var tcp) || tcp.FindMaximumSegmentSize() is not (> 0 and var at))
        {
            return false;
        }

        var announced = BinaryPrimitives.ReadUInt16BigEndian(segment[at..]);
        if (announced <= limit)
        {
            return false;
        }

        var checksum = BinaryPrimitives.ReadUInt16BigEndian(segment[16..]);
        // An option may start at an odd offset: the sum is over aligned words, so bytes swap their places in it.
        var swapped = at % 2 != 0;
        checksum = InternetChecksum.Update(
            checksum,
            swapped ? BinaryPrimitives.ReverseEndianness(announced) : announced,
            swapped ? BinaryPrimitives.ReverseEndianness(limit) : limit);
        BinaryPrimitives.WriteUInt16BigEndian(segment[at..], limit);
        BinaryPrimitives.WriteUInt16BigEndian(segment[16..], checksum);
        return true;
    }
}
