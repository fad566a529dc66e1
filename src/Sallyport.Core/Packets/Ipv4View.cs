using System.Buffers.Binary;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Packets;

/// <summary>An IPv4 packet (RFC 791), bytes beyond its total length cut off. What exists is well formed: getters cannot fail.</summary>
public readonly ref struct Ipv4View
{
    public const int MinimumHeaderLength = 20;

    private readonly ReadOnlySpan<byte> _packet;

    private Ipv4View(ReadOnlySpan<byte> packet) => _packet = packet;

    public ReadOnlySpan<byte> Packet => _packet;

    public int HeaderLength => (_packet[0] & 0x0f) * 4;

    public ushort Identification => BinaryPrimitives.ReadUInt16BigEndian(_packet[4..]);

    public bool MoreFragments => (_packet[6] & 0x20) != 0;

    /// <summary>Where the payload belongs in the whole datagram, in bytes.</summary>
    public int FragmentOffset => (BinaryPrimitives.ReadUInt16BigEndian(_packet[6..]) & 0x1fff) * 8;

    public bool IsFragment => (BinaryPrimitives.ReadUInt16BigEndian(_packet[6..]) & 0x3fff) != 0;

    public byte Protocol => _packet[9];

    public IpAddress Source => IpAddress.ReadV4(_packet[12..]);

    public IpAddress Destination => IpAddress.ReadV4(_packet[16..]);

    public ReadOnlySpan<byte> Payload => _packet[HeaderLength..];

    /// <summary>The header checksum is the business of the hosts at both ends: nothing here changes the header.</summary>
    public static bool TryCreate(ReadOnlySpan<byte> bytes, out Ipv4View view)
    {
        view = default;
        if (!TryReadHeader(bytes, out var headerLength, out var totalLength) || totalLength > bytes.Length)
        {
            return false;
        }

        var packet = new Ipv4View(bytes[..totalLength]);
        // A fragment that would end beyond the longest datagram there can be.
        if (packet.FragmentOffset + totalLength - headerLength > ushort.MaxValue)
        {
            return false;
        }

        view = packet;
        return true;
    }

    /// <summary>
    /// The same for the packet quoted in an ICMP error, which is cut short by design (RFC 792): the header must be whole, the rest may be missing.
    /// </summary>
    public static bool TryCreateQuoted(ReadOnlySpan<byte> bytes, out Ipv4View view)
    {
        view = default;
        if (!TryReadHeader(bytes, out _, out var totalLength))
        {
            return false;
        }

        view = new Ipv4View(bytes[..Math.Min(totalLength, bytes.Length)]);
        return true;
    }

    /// <summary>True where an option asks for a route of the sender's choice, or the options cannot be walked (RFC 791 section 3.1).</summary>
    public bool HasSourceRoute()
    {
        var options = _packet[MinimumHeaderLength..HeaderLength];
        while (!options.IsEmpty)
        {
            switch (options[0])
            {
                case 0:
                    return false;
                case 1:
                    options = options[1..];
                    continue;
                case 131 or 137:
                    return true;
                default:
                    if (options.Length < 2 || options[1] < 2 || options[1] > options.Length)
                    {
                        return true;
                    }

                    options = options[options[1]..];
                    continue;
            }
        }

        return false;
    }

    private static bool TryReadHeader(ReadOnlySpan<byte> bytes, out int headerLength, out int totalLength)
    {
        headerLength = 0;
        totalLength = 0;
        if (bytes.Length < MinimumHeaderLength || bytes[0] >> 4 != 4)
        {
            return false;
        }

        headerLength = (bytes[0] & 0x0f) * 4;
        totalLength = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        return headerLength >= MinimumHeaderLength && totalLength >= headerLength && bytes.Length >= headerLength;
    }
}
