using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Nat;

/// <summary>
/// What the gateway host sends to a handle: one IPv6 packet, or many segments that its kernel left in one piece. Each is written out as
/// the inner IPv4 packet that it is for the device (RFC 7915 section 5). Stateless and without allocation.
/// </summary>
public readonly struct SuperPacket : IHostPiece
{
    private const int DontFragment = 0x4000;
    private const int MoreFragments = 0x2000;

    /// <summary>RFC 7915 section 5.1: what IPv6 may not ask to be smaller may be cut up on a narrow IPv4 link.</summary>
    private const int FragmentableMax = 1260;

    private readonly IpAddress _sourceV6;
    private readonly IpAddress _destinationV6;
    private readonly HandleSpace _space;
    private readonly byte _trafficClass;
    private readonly byte _hopLimit;
    private readonly byte _protocol;
    private readonly bool _isError;
    private readonly bool _isLaterFragment;
    private readonly int _transport;
    private readonly int _end;
    private readonly Segmenter _segmenter;
    private readonly int _fragmentBits;
    private readonly ushort _fragmentId;

    private SuperPacket(
        HandleSpace space, Ipv6View ip, in Layout layout, int networkId, IpAddress source, IpAddress destination, OffloadHeader offload)
    {
        _space = space;
        _sourceV6 = ip.Source;
        _destinationV6 = ip.Destination;
        _trafficClass = (byte)(BinaryPrimitives.ReadUInt16BigEndian(ip.Packet) >> 4);
        _hopLimit = ip.Packet[7];
        _protocol = layout.Protocol;
        _isError = layout.IsError;
        _isLaterFragment = layout.IsLaterFragment;
        _transport = layout.Transport;
        _end = ip.Packet.Length;
        _fragmentBits = layout.FragmentBits;
        _fragmentId = layout.FragmentId;
        _segmenter = new Segmenter(offload, layout.TransportHead, _end - _transport - layout.TransportHead);
        NetworkId = networkId;
        Source = source;
        Destination = destination;
    }

    public int NetworkId { get; }

    /// <summary>As it is called inside the network.</summary>
    public IpAddress Source { get; }

    public IpAddress Destination { get; }

    /// <summary>The port at the other end, or the identifier of an answered echo; 0 where the packet has none.</summary>
    public ushort DestinationPort { get; private init; }

    public FragmentPart Part => _fragmentBits == 0 ? FragmentPart.Whole : _isLaterFragment ? FragmentPart.Later : FragmentPart.First;

    public ushort FragmentId => _fragmentId;

    public byte Protocol => _protocol;

    public int Segments => _segmenter.Count;

    /// <summary>No segment becomes a longer IPv4 packet than this.</summary>
    public int LengthMax =>
        _isError ? HandleTranslation.ErrorMax : Ipv4View.MinimumHeaderLength + _segmenter.LengthMax;

    /// <summary>
    /// <see cref="DropReason.None"/> where it can be translated. A packet that does not go from a handle to a handle of the same network
    /// is nobody's.
    /// </summary>
    public static DropReason Read(HandleSpace space, ReadOnlySpan<byte> packet, OffloadHeader offload, out SuperPacket read)
    {
        read = default;
        if (packet.IsEmpty || packet[0] >> 4 != 6)
        {
            return DropReason.NotIp;
        }

        if (!Ipv6View.TryCreate(packet, out var ip))
        {
            return DropReason.IpMalformed;
        }

        var reason = ReadHandles(space, ip, out var networkId, out var source, out var destination);
        if (reason != DropReason.None)
        {
            return reason;
        }

        reason = Layout.Read(ip, out var layout);
        if (reason != DropReason.None)
        {
            return reason;
        }

        if (!MayBeCut(layout, offload))
        {
            return DropReason.IpMalformed;
        }

        read = new SuperPacket(space, ip, layout, networkId, source, destination, offload) { DestinationPort = PortOf(layout, ip.Packet) };
        return DropReason.None;
    }

    private static ushort PortOf(in Layout layout, ReadOnlySpan<byte> packet)
    {
        if (layout.IsLaterFragment || packet.Length < layout.Transport + 8)
        {
            return 0;
        }

        return layout.IsError ? QuotedPortOf(packet[(layout.Transport + IcmpView.HeaderLength)..])
            : BinaryPrimitives.ReadUInt16BigEndian(packet[(layout.Transport + (layout.Protocol == (byte)IpProtocol.IcmpV6 ? 4 : 2))..]);
    }

    /// <summary>An error is for who sent what it quotes: the port there is the source's.</summary>
    private static ushort QuotedPortOf(ReadOnlySpan<byte> quoted)
    {
        if (!Ipv6View.TryCreateQuoted(quoted, out var ip))
        {
            return 0;
        }

        var protocol = ip.NextHeader;
        var transport = ip.Payload;
        if (protocol == FragmentHeader.Protocol && transport.Length > FragmentHeader.Length && FragmentHeader.Offset(transport) == 0)
        {
            protocol = transport[0];
            transport = transport[FragmentHeader.Length..];
        }

        return (IpProtocol)protocol switch
        {
            IpProtocol.Tcp or IpProtocol.Udp when transport.Length >= 8 => BinaryPrimitives.ReadUInt16BigEndian(transport),
            IpProtocol.IcmpV6 when transport.Length >= 8 && transport[0] == IcmpMapping.EchoRequestV6 => BinaryPrimitives.ReadUInt16BigEndian(transport[4..]),
            _ => 0,
        };
    }

    /// <summary>Writes segment <paramref name="index"/> and returns its length; 0 where IPv4 has no word for it.</summary>
    /// <param name="packet">The one that this was read from.</param>
    /// <param name="identification">Different for each packet, as far as 16 bits go; a fragment has its own.</param>
    /// <param name="output">At least <see cref="LengthMax"/> bytes.</param>
    public int Write(ReadOnlySpan<byte> packet, int index, ushort identification, Span<byte> output)
    {
        var transport = output[Ipv4View.MinimumHeaderLength..];
        int length;
        if (_isError)
        {
            length = WriteError(packet[_transport.._end], transport[..(HandleTranslation.ErrorMax - Ipv4View.MinimumHeaderLength)]);
            if (length == 0)
            {
                return 0;
            }
        }
        else
        {
            length = WriteSegment(packet[_transport.._end], index, transport);
        }

        var protocol = _protocol == (byte)IpProtocol.IcmpV6 ? (byte)IpProtocol.Icmp : _protocol;
        var isFragment = _fragmentBits != 0;
        var total = Ipv4View.MinimumHeaderLength + length;
        var bits = isFragment ? _fragmentBits : total > FragmentableMax ? DontFragment : 0;
        WriteHeadV4(output, _trafficClass, total, isFragment ? _fragmentId : identification, bits, _hopLimit, protocol, Source, Destination);
        return total;
    }

    private static DropReason ReadHandles(
        HandleSpace space, Ipv6View ip, out int networkId, out IpAddress source, out IpAddress destination)
    {
        destination = default;
        var isFromHandle = space.TryRead(ip.Source, out networkId, out source);
        switch (AddressScope.Of(ip.Destination))
        {
            case Scope.Group:
                return DropReason.NotUnicast;
            case Scope.LinkLocal:
                return DropReason.LinkLocal;
            case Scope.NotOnWire:
                return DropReason.SpoofedSource;
            case Scope.Unicast:
            default:
                break;
        }

        if (!space.TryRead(ip.Destination, out var toNetworkId, out destination))
        {
            return DropReason.NotRouted;
        }

        // Whoever speaks from another network's handle is nobody in this one.
        return isFromHandle && networkId == toNetworkId ? DropReason.None : DropReason.SpoofedSource;
    }

    private static bool MayBeCut(in Layout layout, OffloadHeader offload)
    {
        if (layout.FragmentBits != 0 && offload.NeedsChecksum)
        {
            return false;
        }

        return offload.Offload switch
        {
            SegmentOffload.None => true,
            SegmentOffload.TcpV6 => layout.Protocol == (byte)IpProtocol.Tcp && offload.SegmentSize > 0 && layout.FragmentBits == 0,
            SegmentOffload.Udp => layout.Protocol == (byte)IpProtocol.Udp && offload.SegmentSize > 0 && layout.FragmentBits == 0,
            _ => false,
        };
    }

    private int WriteSegment(ReadOnlySpan<byte> transport, int index, Span<byte> output)
    {
        var length = _segmenter.Write(transport, (IpProtocol)_protocol, index, output);
        output = output[..length];
        if (_isLaterFragment)
        {
            return length;
        }

        switch ((IpProtocol)_protocol)
        {
            case IpProtocol.Tcp or IpProtocol.Udp when _segmenter.IsIncomplete:
                Segmenter.Finish(output, (IpProtocol)_protocol, Source, Destination);
                break;
            case IpProtocol.Tcp:
                TransportChecksum.Change(output[TransportChecksum.OfTcp..], raise: false, _space.ChecksumDifference(NetworkId));
                break;
            case IpProtocol.Udp:
                TransportChecksum.Adjust(output, _protocol, raise: false, _space.ChecksumDifference(NetworkId), _sourceV6, _destinationV6, length);
                break;
            case IpProtocol.IcmpV6 when _segmenter.IsIncomplete:
                output[0] = output[0] == IcmpMapping.EchoRequestV6 ? IcmpMapping.EchoRequestV4 : IcmpMapping.EchoReplyV4;
                BinaryPrimitives.WriteUInt16BigEndian(output[2..], 0);
                BinaryPrimitives.WriteUInt16BigEndian(output[2..], InternetChecksum.Compute(output));
                break;
            case IpProtocol.IcmpV6:
                TransportChecksum.Adjust(output, _protocol, raise: false, 0, _sourceV6, _destinationV6, length);
                break;
            default:
                break;
        }

        return length;
    }

    private int WriteError(ReadOnlySpan<byte> message, Span<byte> output)
    {
        if (!IcmpMapping.TryToV4(message[0], message[1], BinaryPrimitives.ReadUInt32BigEndian(message[4..]), out var type, out var code, out var rest))
        {
            return 0;
        }

        var quoted = QuoteV6(message[IcmpView.HeaderLength..], output[IcmpView.HeaderLength..]);
        if (quoted == 0)
        {
            return 0;
        }

        var length = IcmpView.HeaderLength + quoted;
        output[0] = type;
        output[1] = code;
        BinaryPrimitives.WriteUInt16BigEndian(output[2..], 0);
        BinaryPrimitives.WriteUInt32BigEndian(output[4..], rest);
        BinaryPrimitives.WriteUInt16BigEndian(output[2..], InternetChecksum.Compute(output[..length]));
        return length;
    }

    private int QuoteV6(ReadOnlySpan<byte> bytes, Span<byte> output)
    {
        if (!Ipv6View.TryCreateQuoted(bytes, out var ip)
            || ReadHandles(_space, ip, out var networkId, out var source, out var destination) != DropReason.None
            || networkId != NetworkId)
        {
            return 0;
        }

        var payload = ip.Payload;
        var payloadLength = (int)BinaryPrimitives.ReadUInt16BigEndian(ip.Packet[4..]);
        var protocol = ip.NextHeader;
        var (bits, id) = (0, (ushort)0);
        if (protocol == FragmentHeader.Protocol)
        {
            if (payload.Length < FragmentHeader.Length || payloadLength < FragmentHeader.Length)
            {
                return 0;
            }

            protocol = payload[0];
            bits = BitsOf(payload);
            id = FragmentHeader.Identification(payload);
            payload = payload[FragmentHeader.Length..];
            payloadLength -= FragmentHeader.Length;
        }

        var room = output[Ipv4View.MinimumHeaderLength..];
        room = room[..Math.Min(room.Length, payload.Length)];
        payload[..room.Length].CopyTo(room);
        TransportChecksum.Adjust(room, protocol, raise: false, _space.ChecksumDifference(NetworkId), ip.Source, ip.Destination, payloadLength);
        var asV4 = protocol == (byte)IpProtocol.IcmpV6 ? (byte)IpProtocol.Icmp : protocol;
        var total = (ushort)(Ipv4View.MinimumHeaderLength + payloadLength);
        var trafficClass = (byte)(BinaryPrimitives.ReadUInt16BigEndian(ip.Packet) >> 4);
        WriteHeadV4(output, trafficClass, total, id, bits, ip.Packet[7], asV4, source, destination);
        return Ipv4View.MinimumHeaderLength + room.Length;
    }

    private static void WriteHeadV4(
        Span<byte> head, byte trafficClass, int total, ushort id, int bits, byte hopLimit, byte protocol, IpAddress source, IpAddress destination)
    {
        head[0] = 0x45;
        head[1] = trafficClass;
        BinaryPrimitives.WriteUInt16BigEndian(head[2..], (ushort)total);
        BinaryPrimitives.WriteUInt16BigEndian(head[4..], id);
        BinaryPrimitives.WriteUInt16BigEndian(head[6..], (ushort)bits);
        head[8] = hopLimit;
        head[9] = protocol;
        BinaryPrimitives.WriteUInt16BigEndian(head[10..], 0);
        source.Write(head[12..]);
        destination.Write(head[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(head[10..], InternetChecksum.Compute(head[..Ipv4View.MinimumHeaderLength]));
    }

    private static int BitsOf(ReadOnlySpan<byte> fragmentHeader) =>
        (FragmentHeader.Offset(fragmentHeader) / 8) | (FragmentHeader.More(fragmentHeader) ? MoreFragments : 0);

    /// <summary>Where things lie in the packet.</summary>
    private struct Layout
    {
        public byte Protocol;
        public int Transport;
        public int TransportHead;
        public bool IsError;
        public bool IsLaterFragment;
        public int FragmentBits;
        public ushort FragmentId;

        public static DropReason Read(Ipv6View ip, out Layout layout)
        {
            layout = new Layout { Protocol = ip.NextHeader, Transport = Ipv6View.HeaderLength };
            var payload = ip.Payload;
            if (layout.Protocol == FragmentHeader.Protocol)
            {
                if (payload.Length < FragmentHeader.Length)
                {
                    return DropReason.IpMalformed;
                }

                layout.Protocol = payload[0];
                layout.FragmentBits = BitsOf(payload);
                layout.FragmentId = FragmentHeader.Identification(payload);
                layout.IsLaterFragment = FragmentHeader.Offset(payload) != 0;
                layout.Transport += FragmentHeader.Length;
                payload = payload[FragmentHeader.Length..];

                // RFC 7915 section 1.2: fragmented ICMP is not translated.
                if (payload.IsEmpty || (layout.FragmentBits != 0 && layout.Protocol == (byte)IpProtocol.IcmpV6))
                {
                    return DropReason.IpFragment;
                }
            }

            return layout.ReadTransport(payload);
        }

        private DropReason ReadTransport(ReadOnlySpan<byte> payload)
        {
            switch ((IpProtocol)Protocol)
            {
                case IpProtocol.Tcp or IpProtocol.Udp when IsLaterFragment:
                    return DropReason.None;
                case IpProtocol.Tcp when TcpView.TryCreate(payload, out var tcp):
                    TransportHead = tcp.HeaderLength;
                    return DropReason.None;
                case IpProtocol.Udp when payload.Length >= UdpView.HeaderLength:
                    TransportHead = UdpView.HeaderLength;
                    return DropReason.None;
                case IpProtocol.IcmpV6 when IcmpView.TryCreate(payload, isV6: true, out var icmp):
                    IsError = icmp.Meaning == IcmpMeaning.Error;
                    return icmp.Meaning == IcmpMeaning.Other ? DropReason.ProtocolNotSupported : DropReason.None;
                case IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.IcmpV6:
                    return DropReason.TransportMalformed;
                case IpProtocol.Icmp:
                    return DropReason.ProtocolNotSupported;
                default:
                    return DropReason.IpExtensionHeader;
            }
        }
    }
}
