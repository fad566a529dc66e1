using System.Buffers.Binary;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Nat;

/// <summary>The beginning of a transport that an ICMP error quotes: what is there of its checksum is changed, what is missing is not missed.</summary>
internal static class Quote
{
    /// <param name="protocol">As it was quoted.</param>
    /// <param name="raise">To IPv6; otherwise to IPv4.</param>
    /// <param name="sourceV6">With <paramref name="destinationV6"/> and <paramref name="length"/> the pseudo header that ICMPv6 alone has.</param>
    public static void Adjust(
        Span<byte> transport, byte protocol, bool raise, uint difference, IpAddress sourceV6, IpAddress destinationV6, int length)
    {
        switch ((IpProtocol)protocol)
        {
            case IpProtocol.Tcp when transport.Length >= HandleTranslation.TcpChecksum + 2:
                Change(transport[HandleTranslation.TcpChecksum..], raise, difference);
                break;
            case IpProtocol.Udp when transport.Length >= HandleTranslation.UdpChecksum + 2
                && BinaryPrimitives.ReadUInt16BigEndian(transport[HandleTranslation.UdpChecksum..]) != 0:
                Change(transport[HandleTranslation.UdpChecksum..], raise, difference);
                HandleTranslation.NeverZero(transport[HandleTranslation.UdpChecksum..]);
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

    private static byte? Echo(byte type, bool toV6) => (type, toV6) switch
    {
        (IcmpMapping.EchoRequestV4, true) => IcmpMapping.EchoRequestV6,
        (IcmpMapping.EchoReplyV4, true) => IcmpMapping.EchoReplyV6,
        (IcmpMapping.EchoRequestV6, false) => IcmpMapping.EchoRequestV4,
        (IcmpMapping.EchoReplyV6, false) => IcmpMapping.EchoReplyV4,
        _ => null,
    };

    private static void Change(Span<byte> field, bool raise, ulong difference)
    {
        var checksum = BinaryPrimitives.ReadUInt16BigEndian(field);
        BinaryPrimitives.WriteUInt16BigEndian(
            field, raise ? InternetChecksum.Raise(checksum, difference) : InternetChecksum.Lower(checksum, difference));
    }
}
