using System.Buffers.Binary;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;

namespace Sallyport.Simulator.Traffic;

/// <summary>An address and port inside a tunnel.</summary>
public readonly record struct InnerEnd(IpAddress Address, ushort Port);

/// <summary>Inner IPv4 and IPv6 packets with UDP, whole and with checksums, as a device's own stack would make them.</summary>
public static class UdpPacket
{
    private const int HeaderV4 = 20;
    private const int HeaderV6 = 40;
    private const int HeaderUdp = 8;
    private const byte Udp = 17;

    /// <summary>Bytes before the payload.</summary>
    public static int HeaderLength(IpAddress address) => (address.IsV4 ? HeaderV4 : HeaderV6) + HeaderUdp;

    /// <summary>Writes the headers before a payload that lies at <see cref="HeaderLength"/>, and returns the packet's length.</summary>
    public static int Complete(Span<byte> packet, InnerEnd from, InnerEnd to, int payloadLength)
    {
        var datagram = HeaderUdp + payloadLength;
        var ip = from.Address.IsV4 ? HeaderV4 : HeaderV6;
        var udp = packet.Slice(ip, datagram);
        if (from.Address.IsV4)
        {
            WriteV4(packet[..HeaderV4], from.Address, to.Address, ip + datagram);
        }
        else
        {
            WriteV6(packet[..HeaderV6], from.Address, to.Address, datagram);
        }

        BinaryPrimitives.WriteUInt16BigEndian(udp, from.Port);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], to.Port);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)datagram);
        BinaryPrimitives.WriteUInt16BigEndian(udp[6..], 0);
        var sum = InternetChecksum.Compute(udp, InternetChecksum.PseudoHeader(from.Address, to.Address, Udp, datagram));

        // A sum of zero is sent as its other form; zero means none (RFC 768).
        BinaryPrimitives.WriteUInt16BigEndian(udp[6..], sum == 0 ? (ushort)0xffff : sum);
        return ip + datagram;
    }

    /// <summary>False where it is no whole UDP packet.</summary>
    public static bool TryRead(ReadOnlySpan<byte> packet, out InnerEnd from, out InnerEnd to, out ReadOnlySpan<byte> payload)
    {
        (from, to) = (default, default);
        payload = default;
        if (InnerPacket.Read(packet, out var read) != Core.Gateway.DropReason.None
            || read.Ends.Kind != PacketKind.Udp || read.Part != FragmentPart.Whole
            || !UdpView.TryCreate(packet[read.TransportOffset..read.Length], isFragment: false, out var udp))
        {
            return false;
        }

        from = new InnerEnd(read.Ends.Source, udp.SourcePort);
        to = new InnerEnd(read.Ends.Destination, udp.DestinationPort);
        payload = udp.Payload;
        return true;
    }

    private static void WriteV4(Span<byte> header, IpAddress from, IpAddress to, int length)
    {
        header.Clear();
        header[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)length);
        header[6] = 0x40; // do not fragment
        header[8] = 64;
        header[9] = Udp;
        from.Write(header[12..]);
        to.Write(header[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], InternetChecksum.Compute(header));
    }

    private static void WriteV6(Span<byte> header, IpAddress from, IpAddress to, int length)
    {
        header.Clear();
        header[0] = 0x60;
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], (ushort)length);
        header[6] = Udp;
        header[7] = 64;
        from.Write(header[8..]);
        to.Write(header[24..]);
    }
}
