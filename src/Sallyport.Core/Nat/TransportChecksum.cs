using System.Buffers.Binary;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Nat;

/// <summary>
/// The checksums of TCP, UDP and ICMP echo when the addresses that they cover become others. They change by increments (RFC 1624), so that
/// a packet that was broken stays broken.
/// </summary>
internal static class TransportChecksum
{
    /// <summary>Where it stands in a TCP header.</summary>
    public const int OfTcp = 16;

    /// <summary>Where it stands in a UDP header.</summary>
    public const int OfUdp = 6;

    /// <summary>Of a transport that may be cut off, as an ICMP error quotes it: one whose checksum is missing is left alone.</summary>
    /// <param name="protocol">As it was quoted.</param>
    /// <param name="raise">To IPv6; otherwise to IPv4.</param>
    /// <param name="sourceV6">With <paramref name="destinationV6"/> and <paramref name="length"/> the pseudo header that ICMPv6 alone has.</param>
    public static void Adjust(
        Span<byte> transport, byte protocol, bool raise, uint difference, IpAddress sourceV6, IpAddress destinationV6, int length)
    {
        switch ((IpProtocol)protocol)
        {
            case IpProtocol.Tcp when transport.Length >= OfTcp + 2:
                Change(transport[OfTcp..], raise, difference);
                break;
            case IpProtocol.Udp when transport.Length >= OfUdp + 2
                && BinaryPrimitives.ReadUInt16BigEndian(transport[OfUdp..]) != 0:
                Change(transport[OfUdp..], raise, difference);
                NeverZero(transport[OfUdp..]);
                break;
            case IpProtocol.Icmp or IpProtocol.IcmpV6 when transport.Length >= 4 && Echo(transport[0], raise) is { } type:
                var higher = Math.Max(type, transport[0]);
                var lower = Math.Min(type, transport[0]);
                transport[0] = type;
                var pseudo = InternetChecksum.PseudoHeader(sourceV6, destinationV6, (byte)IpProtocol.IcmpV6, length);
                Change(transport[2..], raise, pseudo + ((ulong)(higher - lower) << 8));
                break;
            default:
                break;
        }
    }

    /// <param name="raise">By the difference; otherwise lower.</param>
    public static void Change(Span<byte> field, bool raise, ulong difference)
    {
        var checksum = BinaryPrimitives.ReadUInt16BigEndian(field);
        BinaryPrimitives.WriteUInt16BigEndian(
            field, raise ? InternetChecksum.Raise(checksum, difference) : InternetChecksum.Lower(checksum, difference));
    }

    /// <summary>RFC 768: zero would mean that there is none.</summary>
    public static void NeverZero(Span<byte> field)
    {
        if (BinaryPrimitives.ReadUInt16BigEndian(field) == 0)
        {
            BinaryPrimitives.WriteUInt16BigEndian(field, ushort.MaxValue);
        }
    }

    private static byte? Echo(byte type, bool toV6) => (type, toV6) switch
    {
        (IcmpMapping.EchoRequestV4, true) => IcmpMapping.EchoRequestV6,
        (IcmpMapping.EchoReplyV4, true) => IcmpMapping.EchoReplyV6,
        (IcmpMapping.EchoRequestV6, false) => IcmpMapping.EchoRequestV4,
        (IcmpMapping.EchoReplyV6, false) => IcmpMapping.EchoReplyV4,
        _ => null,
    };
}
