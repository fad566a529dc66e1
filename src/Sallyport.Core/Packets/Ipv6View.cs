using System.Buffers.Binary;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Packets;

/// <summary>An IPv6 packet (RFC 8200), bytes beyond its payload length cut off. What exists is well formed: getters cannot fail.</summary>
public readonly ref struct Ipv6View
{
    public const int HeaderLength = 40;

    private readonly ReadOnlySpan<byte> _packet;

    private Ipv6View(ReadOnlySpan<byte> packet) => _packet = packet;

    public ReadOnlySpan<byte> Packet => _packet;

    public byte NextHeader => _packet[6];

    public IpAddress Source => IpAddress.ReadV6(_packet[8..]);

    public IpAddress Destination => IpAddress.ReadV6(_packet[24..]);

    public ReadOnlySpan<byte> Payload => _packet[HeaderLength..];

    public static bool TryCreate(ReadOnlySpan<byte> bytes, out Ipv6View view)
    {
        view = default;
        if (!TryReadLength(bytes, out var length) || length > bytes.Length)
        {
            return false;
        }

        view = new Ipv6View(bytes[..length]);
        return true;
    }

    /// <summary>The same for the packet quoted in an ICMPv6 error (RFC 4443 section 2.4 c): the header must be whole, the rest may be missing.</summary>
    public static bool TryCreateQuoted(ReadOnlySpan<byte> bytes, out Ipv6View view)
    {
        view = default;
        if (!TryReadLength(bytes, out var length))
        {
            return false;
        }

        view = new Ipv6View(bytes[..Math.Min(length, bytes.Length)]);
        return true;
    }

    private static bool TryReadLength(ReadOnlySpan<byte> bytes, out int length)
    {
        length = 0;
        if (bytes.Length < HeaderLength || bytes[0] >> 4 != 6)
        {
            return false;
        }

        length = HeaderLength + BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]);
        // An IPv4 address in mapped form is not an address on any wire, and as a value it would be taken for IPv4 (RFC 4291 section 2.5.5.2).
        return !IpAddress.ReadV6(bytes[8..]).IsV4 && !IpAddress.ReadV6(bytes[24..]).IsV4;
    }
}
