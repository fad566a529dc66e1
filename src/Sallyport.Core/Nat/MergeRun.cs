using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Sallyport.Core.Packets;

namespace Sallyport.Core.Nat;

/// <summary>
/// Consecutive packets of one flow that the gateway host may get in one piece: TCP segments in order, or datagrams, of equal length but
/// the last. Cutting the piece up again gives the very packets that went in. Knows the head only; the payloads stay where they are.
/// </summary>
public struct MergeRun
{
    /// <summary>More would not fit below 64 KiB at usual sizes.</summary>
    public const int PacketsMax = 64;

    private const int PieceMax = 65_535;
    private const int SequenceOffset = 4;
    private const int AcknowledgementOffset = 8;
    private const int FlagsOffset = 13;
    private const TcpFlags Mergeable = TcpFlags.Ack | TcpFlags.Psh | TcpFlags.Ece;

    private TcpHead _tcp;
    private PacketEnds _ends;
    private int _networkId;
    private int _transportHead;
    private int _segmentSize;
    private uint _nextSequence;
    private byte _trafficClass;
    private byte _hopLimit;
    private bool _isClosed;

    /// <summary>Packets in it; 1 where it is nothing but its first.</summary>
    public int Packets { get; private set; }

    /// <summary>A packet of nobody's that nothing joins.</summary>
    public static MergeRun Alone => new() { Packets = 1, _isClosed = true };

    /// <summary>Bytes of all payloads.</summary>
    public int Bytes { get; private set; }

    public readonly bool IsTcp => _ends.Kind == PacketKind.Tcp;

    /// <summary>Of each packet, where its payload begins.</summary>
    public readonly int PayloadOffset(in InnerPacket read) => read.TransportOffset + _transportHead;

    /// <summary>A packet that others may follow in the same piece, or one that stays alone.</summary>
    public static MergeRun Begin(int networkId, ReadOnlySpan<byte> packet, in InnerPacket read, bool canMergeTcp, bool canMergeUdp)
    {
        var run = new MergeRun
        {
            _ends = read.Ends, _networkId = networkId, _trafficClass = packet[1], _hopLimit = packet[8], Packets = 1, _isClosed = true,
        };
        if (!Fits(packet, read, canMergeTcp, canMergeUdp, out var transportHead))
        {
            return run;
        }

        run._isClosed = false;
        run._transportHead = transportHead;
        run._segmentSize = run.Bytes = read.Length - read.TransportOffset - transportHead;
        if (read.Ends.Kind == PacketKind.Tcp)
        {
            var transport = packet[read.TransportOffset..];
            transport[..transportHead].CopyTo(run._tcp);
            run._nextSequence = BinaryPrimitives.ReadUInt32BigEndian(transport[SequenceOffset..]) + (uint)run.Bytes;
            run._isClosed = (read.Flags & TcpFlags.Psh) != 0;
        }

        return run;
    }

    public readonly bool IsOf(int networkId, in PacketEnds ends) =>
        networkId == _networkId && ends.Kind == _ends.Kind && ends.SourcePort == _ends.SourcePort && ends.DestinationPort == _ends.DestinationPort
        && ends.Source == _ends.Source && ends.Destination == _ends.Destination;

    /// <summary>Takes the packet in as the next one. False where it does not belong behind the last: the run is then complete.</summary>
    public bool TryAppend(ReadOnlySpan<byte> packet, in InnerPacket read)
    {
        if (_isClosed || !IsOf(_networkId, read.Ends))
        {
            return false;
        }

        // Whatever it is, it comes after what is here: nothing may join any more.
        _isClosed = true;
        if (packet[1] != _trafficClass || packet[8] != _hopLimit || Packets == PacketsMax
            || !Fits(packet, read, canMergeTcp: true, canMergeUdp: true, out var transportHead) || transportHead != _transportHead)
        {
            return false;
        }

        var length = read.Length - read.TransportOffset - transportHead;
        if (length > _segmentSize || Ipv6View.HeaderLength + _transportHead + Bytes + length > PieceMax)
        {
            return false;
        }

        var isLast = length < _segmentSize;
        if (read.Ends.Kind == PacketKind.Tcp)
        {
            var transport = packet[read.TransportOffset..];
            if (BinaryPrimitives.ReadUInt32BigEndian(transport[SequenceOffset..]) != _nextSequence || !HasSameHead(transport))
            {
                return false;
            }

            var push = (byte)(read.Flags & TcpFlags.Psh);
            _tcp[FlagsOffset] |= push;
            isLast |= push != 0;
            _nextSequence += (uint)length;
        }

        _isClosed = isLast;
        Packets++;
        Bytes += length;
        return true;
    }

    /// <summary>
    /// The head of the piece: IPv6, and the transport's with the sum of the pseudo header in the place of the checksum. For runs of more
    /// than one packet. Returns its length.
    /// </summary>
    public readonly int WriteHead(HandleSpace space, Span<byte> head, out OffloadHeader offload)
    {
        var source = space.Handle(_networkId, _ends.Source);
        var destination = space.Handle(_networkId, _ends.Destination);
        var length = _transportHead + Bytes;
        HandleTranslation.WriteHeadV6(head, _trafficClass, length, (byte)_ends.Protocol, _hopLimit, source, destination);
        var transport = head[Ipv6View.HeaderLength..];
        var isTcp = _ends.Kind == PacketKind.Tcp;
        if (isTcp)
        {
            ((ReadOnlySpan<byte>)_tcp)[.._transportHead].CopyTo(transport);
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(transport, _ends.SourcePort);
            BinaryPrimitives.WriteUInt16BigEndian(transport[2..], _ends.DestinationPort);
            BinaryPrimitives.WriteUInt16BigEndian(transport[4..], (ushort)length);
        }

        var field = isTcp ? TransportChecksum.OfTcp : TransportChecksum.OfUdp;
        var pseudo = InternetChecksum.PseudoHeader(source, destination, (byte)_ends.Protocol, length);
        BinaryPrimitives.WriteUInt16BigEndian(transport[field..], InternetChecksum.Partial(pseudo));
        offload = new OffloadHeader
        {
            NeedsChecksum = true,
            Kind = (byte)(isTcp ? SegmentOffload.TcpV6 : SegmentOffload.Udp),
            HeadLength = (ushort)(Ipv6View.HeaderLength + _transportHead),
            SegmentSize = (ushort)_segmentSize,
            ChecksumStart = Ipv6View.HeaderLength,
            ChecksumOffset = (ushort)field,
        };
        return Ipv6View.HeaderLength + _transportHead;
    }

    /// <summary>
    /// Whether the packet may be part of a piece at all. Its checksum is verified, because the kernel is going to believe ours.
    /// </summary>
    private static bool Fits(ReadOnlySpan<byte> packet, in InnerPacket read, bool canMergeTcp, bool canMergeUdp, out int transportHead)
    {
        transportHead = 0;
        if (!read.IsV4 || read.Part != FragmentPart.Whole || read.TransportOffset != Ipv4View.MinimumHeaderLength)
        {
            return false;
        }

        var transport = packet[read.TransportOffset..read.Length];
        switch (read.Ends.Kind)
        {
            case PacketKind.Tcp when canMergeTcp && (read.Flags & TcpFlags.Ack) != 0 && (read.Flags & ~Mergeable) == 0:
                transportHead = (transport[12] >> 4) * 4;
                break;
            case PacketKind.Udp when canMergeUdp && BinaryPrimitives.ReadUInt16BigEndian(transport[TransportChecksum.OfUdp..]) != 0
                && BinaryPrimitives.ReadUInt16BigEndian(transport[4..]) == transport.Length:
                transportHead = UdpView.HeaderLength;
                break;
            case PacketKind.Tcp or PacketKind.Udp or PacketKind.EchoRequest or PacketKind.EchoReply or PacketKind.IcmpError or PacketKind.Other:
            default:
                return false;
        }

        return transport.Length > transportHead
            && InternetChecksum.IsValid(
                transport,
                InternetChecksum.PseudoHeader(read.Ends.Source, read.Ends.Destination, (byte)read.Ends.Protocol, transport.Length));
    }

    /// <summary>Acknowledgement, window and options equal: the piece can have only one of each.</summary>
    private readonly bool HasSameHead(ReadOnlySpan<byte> transport)
    {
        ReadOnlySpan<byte> head = _tcp;
        const byte Other = (byte)~TcpFlags.Psh;
        return transport[AcknowledgementOffset..FlagsOffset].SequenceEqual(head[AcknowledgementOffset..FlagsOffset])
            && (transport[FlagsOffset] & Other) == (head[FlagsOffset] & Other)
            && transport[(FlagsOffset + 1)..TransportChecksum.OfTcp].SequenceEqual(head[(FlagsOffset + 1)..TransportChecksum.OfTcp])
            && transport[(TransportChecksum.OfTcp + 2).._transportHead].SequenceEqual(
                head[(TransportChecksum.OfTcp + 2).._transportHead]);
    }

    /// <summary>A TCP header with all options that there can be.</summary>
    [InlineArray(60)]
    private struct TcpHead
    {
        private byte _first;
    }
}
