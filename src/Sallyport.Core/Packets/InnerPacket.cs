using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Packets;

/// <summary>What a packet says, as far as a gateway can judge it.</summary>
public enum PacketKind : byte
{
    Tcp,
    Udp,
    EchoRequest,
    EchoReply,
    IcmpError,

    /// <summary>Any other protocol or message: never forwarded.</summary>
    Other,
}

public enum FragmentPart : byte
{
    Whole,

    /// <summary>The beginning of a fragmented datagram, transport header included.</summary>
    First,

    /// <summary>A later part: there are no ports in it.</summary>
    Later,
}

/// <summary>One end and the other of a conversation, as one packet of it names them.</summary>
public struct PacketEnds
{
    public PacketKind Kind;
    public IpProtocol Protocol;
    public IpAddress Source;
    public IpAddress Destination;

    /// <summary>For echo the identifier stands at the end of the one who asks, and 0 at the other.</summary>
    public ushort SourcePort;
    public ushort DestinationPort;

    public readonly PacketEnds Reversed() => this with
    {
        Source = Destination,
        SourcePort = DestinationPort,
        Destination = Source,
        DestinationPort = SourcePort,
    };
}

/// <summary>Everything that the gateway needs to know of a packet inside a tunnel, read once.</summary>
public struct InnerPacket
{
    public PacketEnds Ends;

    /// <summary>Bytes of the packet itself; what follows in the buffer is padding.</summary>
    public int Length;
    public int TransportOffset;
    public TcpFlags Flags;

    /// <summary>Of TCP, where the flags say that there is one.</summary>
    public uint Acknowledgement;

    /// <summary>Of TCP: the first number that the segment takes, and the next one after it. Of a first fragment as far as it goes.</summary>
    public uint Sequence;
    public uint SequenceEnd;
    public FragmentPart Part;
    public ushort FragmentId;

    /// <summary>Bytes of the datagram's payload: from, and up to but not including.</summary>
    public int FragmentStart;
    public int FragmentEnd;

    /// <summary>What an ICMP error speaks of.</summary>
    public PacketEnds Quoted;

    public readonly bool IsV4 => Ends.Source.IsV4;

    /// <summary>
    /// Reads a packet. <see cref="DropReason.None"/> where it can be judged; otherwise why it cannot.
    /// Addresses, protocol and length are valid from <see cref="DropReason.IpExtensionHeader"/> on, so that the drop can be attributed and answered.
    /// </summary>
    public static DropReason Read(ReadOnlySpan<byte> bytes, out InnerPacket packet)
    {
        packet = default;
        packet.Ends.Kind = PacketKind.Other;
        if (bytes.IsEmpty)
        {
            return DropReason.NotIp;
        }

        return (bytes[0] >> 4) switch
        {
            4 => ReadV4(bytes, ref packet),
            6 => ReadV6(bytes, ref packet),
            _ => DropReason.NotIp,
        };
    }

    private static DropReason ReadV4(ReadOnlySpan<byte> bytes, ref InnerPacket packet)
    {
        if (!Ipv4View.TryCreate(bytes, out var ip))
        {
            return DropReason.IpMalformed;
        }

        packet.Length = ip.Packet.Length;
        packet.TransportOffset = ip.HeaderLength;
        packet.Ends.Source = ip.Source;
        packet.Ends.Destination = ip.Destination;
        packet.Ends.Protocol = (IpProtocol)ip.Protocol;
        if (ip.HeaderLength > Ipv4View.MinimumHeaderLength && ip.HasSourceRoute())
        {
            return DropReason.IpSourceRoute;
        }

        if (ip.IsFragment)
        {
            packet.Part = ip.FragmentOffset == 0 ? FragmentPart.First : FragmentPart.Later;
            packet.FragmentId = ip.Identification;
            packet.FragmentStart = ip.FragmentOffset;
            packet.FragmentEnd = ip.FragmentOffset + ip.Payload.Length;
            // Only the last part may have a length that is no multiple of 8 (RFC 791 section 3.2).
            if (ip.Payload.IsEmpty || (ip.MoreFragments && ip.Payload.Length % 8 != 0))
            {
                return DropReason.IpFragment;
            }

            if (packet.Part == FragmentPart.Later)
            {
                return DropReason.None;
            }
        }

        return ReadTransport(ip.Payload, isV6: false, ref packet);
    }

    private static DropReason ReadV6(ReadOnlySpan<byte> bytes, ref InnerPacket packet)
    {
        if (!Ipv6View.TryCreate(bytes, out var ip))
        {
            return DropReason.IpMalformed;
        }

        packet.Length = ip.Packet.Length;
        packet.TransportOffset = Ipv6View.HeaderLength;
        packet.Ends.Source = ip.Source;
        packet.Ends.Destination = ip.Destination;
        packet.Ends.Protocol = (IpProtocol)ip.NextHeader;
        // RFC 7045 section 2.1 lets a middlebox drop what it cannot inspect; the fragment header is one of those.
        return packet.Ends.Protocol is IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.IcmpV6
            ? ReadTransport(ip.Payload, isV6: true, ref packet)
            : DropReason.IpExtensionHeader;
    }

    private static DropReason ReadTransport(ReadOnlySpan<byte> payload, bool isV6, ref InnerPacket packet)
    {
        // RFC 1858 section 3: a first fragment that cuts its transport header short exists only to get past a filter.
        var tooShort = packet.Part == FragmentPart.First ? DropReason.IpFragment : DropReason.TransportMalformed;
        switch (packet.Ends.Protocol)
        {
            case IpProtocol.Tcp:
                if (!TcpView.TryCreate(payload, out var tcp))
                {
                    return tooShort;
                }

                packet.Ends.Kind = PacketKind.Tcp;
                packet.Ends.SourcePort = tcp.SourcePort;
                packet.Ends.DestinationPort = tcp.DestinationPort;
                packet.Flags = tcp.Flags;
                packet.Acknowledgement = tcp.Acknowledgement;
                packet.Sequence = tcp.Sequence;
                packet.SequenceEnd = tcp.Sequence + tcp.SequenceLength;
                return DropReason.None;

            case IpProtocol.Udp:
                if (!UdpView.TryCreate(payload, packet.Part == FragmentPart.First, out var udp))
                {
                    return tooShort;
                }

                packet.Ends.Kind = PacketKind.Udp;
                packet.Ends.SourcePort = udp.SourcePort;
                packet.Ends.DestinationPort = udp.DestinationPort;
                return DropReason.None;

            case IpProtocol.Icmp when !isV6:
            case IpProtocol.IcmpV6 when isV6:
                return IcmpView.TryCreate(payload, isV6, out var icmp) ? ReadIcmp(icmp, isV6, ref packet) : tooShort;

            default:
                return DropReason.ProtocolNotSupported;
        }
    }

    private static DropReason ReadIcmp(IcmpView icmp, bool isV6, ref InnerPacket packet)
    {
        switch (icmp.Meaning)
        {
            case IcmpMeaning.EchoRequest:
                packet.Ends.Kind = PacketKind.EchoRequest;
                packet.Ends.SourcePort = icmp.Identifier;
                return DropReason.None;

            case IcmpMeaning.EchoReply:
                packet.Ends.Kind = PacketKind.EchoReply;
                packet.Ends.DestinationPort = icmp.Identifier;
                return DropReason.None;

            case IcmpMeaning.Error:
                packet.Ends.Kind = PacketKind.IcmpError;
                if (packet.Part != FragmentPart.Whole)
                {
                    return DropReason.IpFragment;
                }

                return TryReadQuoted(icmp.Quoted, isV6, out packet.Quoted) ? DropReason.None : DropReason.TransportMalformed;

            case IcmpMeaning.Other:
            default:
                return DropReason.ProtocolNotSupported;
        }
    }

    /// <summary>Eight bytes of the transport are always quoted (RFC 792): ports and identifiers are within them.</summary>
    private static bool TryReadQuoted(ReadOnlySpan<byte> quoted, bool isV6, out PacketEnds ends)
    {
        ends = default;
        ends.Kind = PacketKind.Other;
        ReadOnlySpan<byte> payload;
        if (isV6)
        {
            if (!Ipv6View.TryCreateQuoted(quoted, out var ip))
            {
                return false;
            }

            ends.Source = ip.Source;
            ends.Destination = ip.Destination;
            ends.Protocol = (IpProtocol)ip.NextHeader;
            payload = ip.Payload;
        }
        else
        {
            if (!Ipv4View.TryCreateQuoted(quoted, out var ip) || ip.FragmentOffset != 0)
            {
                return false;
            }

            ends.Source = ip.Source;
            ends.Destination = ip.Destination;
            ends.Protocol = (IpProtocol)ip.Protocol;
            payload = ip.Payload;
        }

        if (payload.Length < 8)
        {
            return false;
        }

        switch (ends.Protocol)
        {
            case IpProtocol.Tcp or IpProtocol.Udp:
                ends.Kind = ends.Protocol == IpProtocol.Tcp ? PacketKind.Tcp : PacketKind.Udp;
                ends.SourcePort = BinaryPrimitives.ReadUInt16BigEndian(payload);
                ends.DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(payload[2..]);
                return true;

            case IpProtocol.Icmp when !isV6:
            case IpProtocol.IcmpV6 when isV6:
                return IcmpView.TryCreate(payload, isV6, out var icmp) && TryReadQuotedEcho(icmp, ref ends);

            default:
                return false;
        }
    }

    private static bool TryReadQuotedEcho(IcmpView icmp, ref PacketEnds ends)
    {
        switch (icmp.Meaning)
        {
            case IcmpMeaning.EchoRequest:
                ends.Kind = PacketKind.EchoRequest;
                ends.SourcePort = icmp.Identifier;
                return true;

            case IcmpMeaning.EchoReply:
                ends.Kind = PacketKind.EchoReply;
                ends.DestinationPort = icmp.Identifier;
                return true;

            case IcmpMeaning.Error or IcmpMeaning.Other:
            default:
                return false;
        }
    }
}
