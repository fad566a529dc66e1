using System.Buffers.Binary;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Packets;

/// <summary>The header of a packet that the gateway says itself.</summary>
internal static class IpHeader
{
    private const byte HopLimit = 64;

    /// <summary>Of the family of the destination. Returns its length.</summary>
    public static int Write(Span<byte> packet, IpAddress source, IpAddress destination, IpProtocol protocol, int payloadLength)
    {
        var writer = new ByteWriter(packet);
        if (!destination.IsV4)
        {
            writer.U32(0x6000_0000);
            writer.U16((ushort)payloadLength);
            writer.U8((byte)protocol);
            writer.U8(HopLimit);
            source.Write(writer.Skip(16));
            destination.Write(writer.Skip(16));
            return writer.Length;
        }

        writer.U16(0x4500);
        writer.U16((ushort)(Ipv4View.MinimumHeaderLength + payloadLength));
        // An atomic datagram needs no identification (RFC 6864 section 4.1): don't fragment is set.
        writer.U16(0);
        writer.U16(0x4000);
        writer.U8(HopLimit);
        writer.U8((byte)protocol);
        writer.U16(0);
        source.Write(writer.Skip(4));
        destination.Write(writer.Skip(4));
        BinaryPrimitives.WriteUInt16BigEndian(packet[10..], InternetChecksum.Compute(writer.Written));
        return writer.Length;
    }
}
