using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Nat;

/// <summary>
/// What the gateway host forwards to a guest's address from beyond: one IPv4 packet, or many segments that its kernel left in one piece.
/// Stateless and without allocation.
/// </summary>
public readonly struct PlainPiece : IHostPiece
{
    private readonly byte _protocol;
    private readonly int _transport;
    private readonly int _end;
    private readonly Segmenter _segmenter;

    private PlainPiece(in InnerPacket read, int transportHead, OffloadHeader offload)
    {
        _protocol = (byte)read.Ends.Protocol;
        _transport = read.TransportOffset;
        _end = read.Length;
        _segmenter = new Segmenter(offload, transportHead, _end - _transport - transportHead);
        (Source, Destination, Part, FragmentId) = (read.Ends.Source, read.Ends.Destination, read.Part, read.FragmentId);

        // An error is for the one who sent what it quotes.
        DestinationPort = read.Ends.Kind == PacketKind.IcmpError ? read.Quoted.SourcePort : read.Ends.DestinationPort;
    }

    public IpAddress Source { get; }

    public IpAddress Destination { get; }

    public FragmentPart Part { get; }

    public ushort FragmentId { get; }

    public byte Protocol => _protocol;

    /// <summary>The guest's port there, or the identifier of his echo; 0 where the packet has none.</summary>
    public ushort DestinationPort { get; }

    public int Segments => _segmenter.Count;

    /// <summary>No segment is a longer packet than this.</summary>
    public int LengthMax => _transport + _segmenter.LengthMax;

    public static DropReason Read(ReadOnlySpan<byte> packet, OffloadHeader offload, out PlainPiece piece)
    {
        piece = default;
        var reason = InnerPacket.Read(packet, out var read);
        if (reason != DropReason.None)
        {
            return reason;
        }

        if (!read.IsV4)
        {
            return DropReason.NotRouted;
        }

        var transport = packet[read.TransportOffset..read.Length];
        var head = 0;
        if (read.Part != FragmentPart.Later)
        {
            head = read.Ends.Kind switch
            {
                PacketKind.Tcp => TcpView.TryCreate(transport, out var tcp) ? tcp.HeaderLength : -1,
                PacketKind.Udp => transport.Length >= UdpView.HeaderLength ? UdpView.HeaderLength : -1,
                _ => 0,
            };
        }

        var mayBeCut = offload.Offload switch
        {
            SegmentOffload.None => !offload.NeedsChecksum || read is { Part: FragmentPart.Whole, Ends.Kind: PacketKind.Tcp or PacketKind.Udp },
            SegmentOffload.TcpV4 => read is { Part: FragmentPart.Whole, Ends.Kind: PacketKind.Tcp } && offload.SegmentSize > 0,
            SegmentOffload.Udp => read is { Part: FragmentPart.Whole, Ends.Kind: PacketKind.Udp } && offload.SegmentSize > 0,
            _ => false,
        };
        if (head < 0 || !mayBeCut)
        {
            return DropReason.IpMalformed;
        }

        piece = new PlainPiece(read, head, offload);
        return DropReason.None;
    }

    /// <summary>Writes segment <paramref name="index"/> and returns its length.</summary>
    /// <param name="packet">The one that this was read from.</param>
    /// <param name="identification">Not looked at: it has its own.</param>
    /// <param name="output">At least <see cref="LengthMax"/> bytes.</param>
    public int Write(ReadOnlySpan<byte> packet, int index, ushort identification, Span<byte> output)
    {
        packet[.._transport].CopyTo(output);
        var length = _transport + _segmenter.Write(packet[_transport.._end], (IpProtocol)_protocol, index, output[_transport..]);
        if (!_segmenter.IsIncomplete)
        {
            return length;
        }

        BinaryPrimitives.WriteUInt16BigEndian(output[2..], (ushort)length);
        BinaryPrimitives.WriteUInt16BigEndian(output[4..], (ushort)(BinaryPrimitives.ReadUInt16BigEndian(output[4..]) + index));
        BinaryPrimitives.WriteUInt16BigEndian(output[10..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(output[10..], InternetChecksum.Compute(output[.._transport]));
        Segmenter.Finish(output[_transport..length], (IpProtocol)_protocol, Source, Destination);
        return length;
    }
}
