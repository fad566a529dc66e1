using System.Buffers.Binary;

namespace Sallyport.Core.Packets;

/// <summary>Control bits of a TCP segment (RFC 9293 section 3.1).</summary>
[Flags]
public enum TcpFlags : byte
{
    None = 0,
    Fin = 0x01,
    Syn = 0x02,
    Rst = 0x04,
    Psh = 0x08,
    Ack = 0x10,
    Urg = 0x20,
    Ece = 0x40,
    Cwr = 0x80,
}

/// <summary>A TCP segment whose header is whole (RFC 9293 section 3.1). Getters cannot fail.</summary>
public readonly ref struct TcpView
{
    public const int MinimumHeaderLength = 20;

    private readonly ReadOnlySpan<byte> _segment;

    private TcpView(ReadOnlySpan<byte> segment) => _segment = segment;

    public ushort SourcePort => BinaryPrimitives.ReadUInt16BigEndian(_segment);

    public ushort DestinationPort => BinaryPrimitives.ReadUInt16BigEndian(_segment[2..]);

    public uint Sequence => BinaryPrimitives.ReadUInt32BigEndian(_segment[4..]);

    public uint Acknowledgement => BinaryPrimitives.ReadUInt32BigEndian(_segment[8..]);

    public int HeaderLength => (_segment[12] >> 4) * 4;

    public TcpFlags Flags => (TcpFlags)_segment[13];

    public ReadOnlySpan<byte> Options => _segment[MinimumHeaderLength..HeaderLength];

    public ReadOnlySpan<byte> Payload => _segment[HeaderLength..];

    /// <summary>SEG.LEN: SYN and FIN take a place in the sequence space (RFC 9293 section 3.4).</summary>
    public uint SequenceLength =>
        (uint)Payload.Length + ((Flags & TcpFlags.Syn) != 0 ? 1u : 0) + ((Flags & TcpFlags.Fin) != 0 ? 1u : 0);

    public static bool TryCreate(ReadOnlySpan<byte> segment, out TcpView view)
    {
        view = default;
        if (segment.Length < MinimumHeaderLength)
        {
            return false;
        }

        var headerLength = (segment[12] >> 4) * 4;
        if (headerLength < MinimumHeaderLength || headerLength > segment.Length)
        {
            return false;
        }

        view = new TcpView(segment);
        return true;
    }

    /// <summary>Where the value of the maximum segment size option starts in the segment, or 0 without a well-formed one.</summary>
    public int FindMaximumSegmentSize()
    {
        var at = MinimumHeaderLength;
        var end = HeaderLength;
        while (at < end)
        {
            switch (_segment[at])
            {
                case 0:
                    return 0;
                case 1:
                    at++;
                    continue;
                default:
                    if (at + 2 > end || _segment[at + 1] < 2 || at + _segment[at + 1] > end)
                    {
                        return 0;
                    }

                    if (_segment[at] == 2 && _segment[at + 1] == 4)
                    {
                        return at + 2;
                    }

                    at += _segment[at + 1];
                    continue;
            }
        }

        return 0;
    }
}
