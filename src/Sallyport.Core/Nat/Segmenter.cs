using System.Buffers.Binary;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Nat;

/// <summary>
/// Cuts the transport part of what a kernel left in one piece (virtio_net_hdr's GSO) into segments: the same head in front of each, TCP's
/// sequence going on, its marks of the beginning and the end where they belong. What is one packet already stays as it is.
/// </summary>
internal readonly struct Segmenter
{
    private const byte FirstOnly = (byte)TcpFlags.Cwr;
    private const byte LastOnly = (byte)(TcpFlags.Fin | TcpFlags.Psh);

    private readonly int _head;
    private readonly int _size;

    /// <param name="head">Bytes of the transport header; 0 where there is none in it.</param>
    /// <param name="payload">Bytes behind that.</param>
    public Segmenter(OffloadHeader offload, int head, int payload)
    {
        _head = head;
        _size = offload.Offload == SegmentOffload.None ? payload : offload.SegmentSize;
        Count = _size == 0 ? 1 : Math.Max(1, (payload + _size - 1) / _size);
        IsIncomplete = offload.NeedsChecksum || Count > 1;
        LengthMax = head + Math.Min(_size, payload);
    }

    public int Count { get; }

    /// <summary>Each segment's checksum is ours to compute.</summary>
    public bool IsIncomplete { get; }

    /// <summary>No segment is longer than this.</summary>
    public int LengthMax { get; }

    /// <summary>Writes segment <paramref name="index"/> but for its checksum, and returns its length.</summary>
    /// <param name="transport">Of the whole piece.</param>
    public int Write(ReadOnlySpan<byte> transport, IpProtocol protocol, int index, Span<byte> output)
    {
        var start = index * _size;
        var payload = transport[(_head + start)..];
        payload = payload[..Math.Min(payload.Length, _size)];
        transport[.._head].CopyTo(output);
        payload.CopyTo(output[_head..]);
        var length = _head + payload.Length;
        if (!IsIncomplete)
        {
            return length;
        }

        if (protocol == IpProtocol.Tcp)
        {
            BinaryPrimitives.WriteUInt32BigEndian(output[4..], BinaryPrimitives.ReadUInt32BigEndian(output[4..]) + (uint)start);
            output[13] &= (byte)~((index > 0 ? FirstOnly : 0) | (index < Count - 1 ? LastOnly : 0));
        }
        else if (protocol == IpProtocol.Udp)
        {
            BinaryPrimitives.WriteUInt16BigEndian(output[4..], (ushort)length);
        }

        return length;
    }

    /// <summary>Computes the checksum of a whole TCP segment or UDP datagram.</summary>
    public static void Finish(Span<byte> transport, IpProtocol protocol, IpAddress source, IpAddress destination)
    {
        var checksum = transport[(protocol == IpProtocol.Tcp ? TransportChecksum.OfTcp : TransportChecksum.OfUdp)..];
        BinaryPrimitives.WriteUInt16BigEndian(checksum, 0);
        var pseudo = InternetChecksum.PseudoHeader(source, destination, (byte)protocol, transport.Length);
        BinaryPrimitives.WriteUInt16BigEndian(checksum, InternetChecksum.Compute(transport, pseudo));
        if (protocol == IpProtocol.Udp)
        {
            TransportChecksum.NeverZero(checksum);
        }
    }
}
