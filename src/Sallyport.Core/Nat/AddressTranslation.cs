using System.Buffers.Binary;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Nat;

/// <summary>
/// Puts other addresses into a packet, and another port at one of its ends where that differs. Every checksum changes by what changed
/// (RFC 1624), so that a packet that was broken stays broken; those of a packet that an ICMP error quotes too (RFC 5508 section 4.2).
/// </summary>
internal static class AddressTranslation
{
    private const int IdentificationV4 = 4;
    private const int FlagsV4 = 6;
    private const byte DontFragment = 0x40;
    private const int ChecksumV4 = 10;
    private const int AddressesV4 = 12;
    private const int AddressesV6 = 8;
    private const int OfIcmp = 2;
    private const int Identifier = 4;

    /// <summary>What an IPv4 packet that an ICMP error quotes is identified by.</summary>
    public static ushort QuotedIdentification(ReadOnlySpan<byte> packet, in InnerPacket read) =>
        BinaryPrimitives.ReadUInt16BigEndian(packet[(read.TransportOffset + IcmpView.HeaderLength + IdentificationV4)..]);

    /// <param name="packet">Whole and well formed: <paramref name="read"/> was read from it.</param>
    /// <param name="ends">What it is to say: kind and protocol are left as they are.</param>
    public static void Apply(Span<byte> packet, in InnerPacket read, in PacketEnds ends)
    {
        var before = Sum(read.Ends.Source, read.Ends.Destination);
        var after = Sum(ends.Source, ends.Destination);
        WriteAddresses(packet, ends, before, after);
        if (read.Part != FragmentPart.Later)
        {
            ChangeTransport(packet[read.TransportOffset..read.Length], read.Ends, ends, before, after);
        }
    }

    /// <summary>
    /// Whether nobody has cut the datagram into parts or may do so on the way: then nothing is kept together by its identification, which
    /// means nothing (RFC 6864 section 4.1).
    /// </summary>
    public static bool IsAtomic(ReadOnlySpan<byte> packet, in InnerPacket read) =>
        !read.IsV4 || (read.Part == FragmentPart.Whole && (packet[FlagsV4] & DontFragment) != 0);

    /// <summary>Puts another identification into an IPv4 header. Returns the one that was there.</summary>
    public static ushort Identify(Span<byte> header, ushort identification)
    {
        var field = header[IdentificationV4..];
        var before = BinaryPrimitives.ReadUInt16BigEndian(field);
        BinaryPrimitives.WriteUInt16BigEndian(field, identification);
        Change(header[ChecksumV4..], before, identification);
        return before;
    }

    /// <summary>The same for an ICMP error: <paramref name="source"/> sends it to <paramref name="destination"/>, and it speaks of a packet with the ends <paramref name="quoted"/>.</summary>
    /// <param name="identified">What the quoted packet was identified by when its sender sent it; null where that is what it still has.</param>
    public static void ApplyToError(
        Span<byte> packet, in InnerPacket read, IpAddress source, IpAddress destination, in PacketEnds quoted, ushort? identified = null)
    {
        var before = Sum(read.Ends.Source, read.Ends.Destination);
        var after = Sum(source, destination);
        WriteAddresses(packet, read.Ends with { Source = source, Destination = destination }, before, after);
        var icmp = packet[read.TransportOffset..read.Length];
        var quote = icmp[IcmpView.HeaderLength..];
        var (sumBefore, sumAfter) = (InternetChecksum.SumOf(quote), 0UL);
        ApplyToQuote(quote, read, quoted);
        if (identified is { } identification)
        {
            Identify(quote, identification);
        }

        sumAfter = InternetChecksum.SumOf(quote);
        if (!read.IsV4)
        {
            // ICMPv6 alone has a pseudo header.
            (sumBefore, sumAfter) = (sumBefore + before, sumAfter + after);
        }

        Change(icmp[OfIcmp..], sumBefore, sumAfter);
    }

    private static void ApplyToQuote(Span<byte> quote, in InnerPacket read, in PacketEnds ends)
    {
        var before = Sum(read.Quoted.Source, read.Quoted.Destination);
        var after = Sum(ends.Source, ends.Destination);
        WriteAddresses(quote, ends, before, after);
        var header = read.IsV4 ? (quote[0] & 0xf) * 4 : Ipv6View.HeaderLength;
        ChangeTransport(quote[header..], read.Quoted, ends, before, after);
    }

    private static void WriteAddresses(Span<byte> packet, in PacketEnds ends, ulong before, ulong after)
    {
        if (!ends.Source.IsV4)
        {
            ends.Source.Write(packet[AddressesV6..]);
            ends.Destination.Write(packet[(AddressesV6 + 16)..]);
            return;
        }

        ends.Source.Write(packet[AddressesV4..]);
        ends.Destination.Write(packet[(AddressesV4 + 4)..]);
        Change(packet[ChecksumV4..], before, after);
    }

    /// <param name="transport">May be cut off behind its first eight bytes.</param>
    private static void ChangeTransport(Span<byte> transport, in PacketEnds old, in PacketEnds ends, ulong before, ulong after)
    {
        var portsBefore = (ulong)old.SourcePort + old.DestinationPort;
        var portsAfter = (ulong)ends.SourcePort + ends.DestinationPort;
        switch (old.Kind)
        {
            case PacketKind.Tcp:
                WritePorts(transport, ends);
                if (transport.Length >= TransportChecksum.OfTcp + 2)
                {
                    Change(transport[TransportChecksum.OfTcp..], before + portsBefore, after + portsAfter);
                }

                break;
            case PacketKind.Udp:
                WritePorts(transport, ends);
                var field = transport[TransportChecksum.OfUdp..];
                // There is none (RFC 768).
                if (BinaryPrimitives.ReadUInt16BigEndian(field) != 0)
                {
                    Change(field, before + portsBefore, after + portsAfter);
                    TransportChecksum.NeverZero(field);
                }

                break;
            case PacketKind.EchoRequest or PacketKind.EchoReply:
                BinaryPrimitives.WriteUInt16BigEndian(
                    transport[Identifier..], old.Kind == PacketKind.EchoRequest ? ends.SourcePort : ends.DestinationPort);
                var isV6 = old.Protocol == IpProtocol.IcmpV6;
                Change(transport[OfIcmp..], (isV6 ? before : 0) + portsBefore, (isV6 ? after : 0) + portsAfter);
                break;
            case PacketKind.IcmpError or PacketKind.Other:
            default:
                break;
        }
    }

    private static void WritePorts(Span<byte> transport, in PacketEnds ends)
    {
        BinaryPrimitives.WriteUInt16BigEndian(transport, ends.SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(transport[2..], ends.DestinationPort);
    }

    private static ulong Sum(IpAddress source, IpAddress destination) => InternetChecksum.PseudoHeader(source, destination, 0, 0);

    private static void Change(Span<byte> field, ulong before, ulong after)
    {
        var lowered = InternetChecksum.Lower(BinaryPrimitives.ReadUInt16BigEndian(field), before);
        BinaryPrimitives.WriteUInt16BigEndian(field, InternetChecksum.Raise(lowered, after));
    }
}
