using System.Buffers.Binary;

namespace Sallyport.Core.Packets;

/// <summary>A UDP datagram (RFC 768). Getters cannot fail.</summary>
public readonly ref struct UdpView
{
    public const int HeaderLength = 8;

    private readonly ReadOnlySpan<byte> _datagram;

    private UdpView(ReadOnlySpan<byte> datagram) => _datagram = datagram;

    public ushort SourcePort => BinaryPrimitives.ReadUInt16BigEndian(_datagram);

    public ushort DestinationPort => BinaryPrimitives.ReadUInt16BigEndian(_datagram[2..]);

    public ReadOnlySpan<byte> Payload => _datagram[HeaderLength..];

    /// <param name="isFragment">The length field then speaks of the whole datagram, of which these bytes are the beginning.</param>
    public static bool TryCreate(ReadOnlySpan<byte> datagram, bool isFragment, out UdpView view)
    {
        view = default;
        if (datagram.Length < HeaderLength)
        {
            return false;
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(datagram[4..]);
        if (length < HeaderLength || (!isFragment && length > datagram.Length))
        {
            return false;
        }

        view = new UdpView(datagram[..Math.Min(length, datagram.Length)]);
        return true;
    }
}
