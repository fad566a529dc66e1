using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;

namespace Sallyport.Core.Esp;

/// <summary>
/// What of the type-of-service byte passes between an inner and its outer header (RFC 4301 section 5.1.2, RFC 6040): congestion marks both
/// ways, the DSCP outward where an operator wants it, and never inward.
/// </summary>
public static class EspTos
{
    private const byte EcnMask = 3;
    private const byte NotCapable = 0;
    private const byte Capable1 = 1;
    private const byte Capable0 = 2;
    private const byte Congestion = 3;

    /// <summary>The byte of an inner packet: a whole header.</summary>
    public static byte Of(ReadOnlySpan<byte> inner) =>
        inner[0] >> 4 == 4 ? inner[1] : (byte)(BinaryPrimitives.ReadUInt16BigEndian(inner) >> 4);

    /// <summary>The byte of the outer header for it.</summary>
    /// <param name="copyDscp">Otherwise 0 goes out: what is inside is nobody's business on the way (RFC 2983 section 6).</param>
    public static byte Outer(ReadOnlySpan<byte> inner, bool copyDscp) => (byte)(Of(inner) & (copyDscp ? byte.MaxValue : EcnMask));

    /// <summary>
    /// Brings what routers marked on the way into the inner packet (RFC 6040 section 4.2), its header checksum too. Where the inner
    /// sender would not understand it, the router had dropped the packet if it had seen it, and so do we.
    /// </summary>
    public static DropReason Combine(Span<byte> inner, byte outerTos)
    {
        var outer = outerTos & EcnMask;
        if (outer is NotCapable or Capable0)
        {
            return DropReason.None;
        }

        var tos = Of(inner);
        switch (tos & EcnMask, outer)
        {
            case (NotCapable, Congestion):
                return DropReason.CongestionMarked;
            case (Capable0 or Capable1, Congestion) or (Capable0, Capable1):
                Write(inner, (byte)((tos & ~EcnMask) | outer));
                return DropReason.None;
            default:
                return DropReason.None;
        }
    }

    private static void Write(Span<byte> inner, byte tos)
    {
        var before = BinaryPrimitives.ReadUInt16BigEndian(inner);
        if (inner[0] >> 4 == 6)
        {
            BinaryPrimitives.WriteUInt16BigEndian(inner, (ushort)((before & 0xf00f) | (tos << 4)));
            return;
        }

        inner[1] = tos;
        var checksum = BinaryPrimitives.ReadUInt16BigEndian(inner[10..]);
        BinaryPrimitives.WriteUInt16BigEndian(inner[10..], InternetChecksum.Update(checksum, before, BinaryPrimitives.ReadUInt16BigEndian(inner)));
    }
}
