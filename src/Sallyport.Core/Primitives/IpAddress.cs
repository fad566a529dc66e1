using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace Sallyport.Core.Primitives;

/// <summary>
/// An IPv4 or IPv6 address as a value of 16 bytes, so that it can be a key of a table without allocating.
/// IPv4 is held in its mapped form ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2).
/// </summary>
public readonly record struct IpAddress(UInt128 Bits) : IComparable<IpAddress>
{
    private static readonly UInt128 MappedPrefix = (UInt128)0xffff << 32;

    public bool IsV4 => (Bits >> 32) == 0xffff;

    /// <summary>The length of the address in its own family: 32 or 128.</summary>
    public int BitLength => IsV4 ? 32 : 128;

    /// <summary>The IPv4 address as a number in host order. Meaningful only where <see cref="IsV4"/>.</summary>
    public uint V4 => (uint)Bits;

    public static IpAddress FromV4(uint hostOrder) => new(MappedPrefix | hostOrder);

    /// <summary>Reads 4 bytes in network order.</summary>
    public static IpAddress ReadV4(ReadOnlySpan<byte> bytes) => FromV4(BinaryPrimitives.ReadUInt32BigEndian(bytes));

    /// <summary>Reads 16 bytes in network order.</summary>
    public static IpAddress ReadV6(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt128BigEndian(bytes));

    /// <summary>Writes 4 or 16 bytes in network order and returns how many.</summary>
    public int Write(Span<byte> destination)
    {
        if (IsV4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, V4);
            return 4;
        }

        BinaryPrimitives.WriteUInt128BigEndian(destination, Bits);
        return 16;
    }

    public static bool TryParse([NotNullWhen(true)] string? text, out IpAddress address)
    {
        address = default;
        // IPAddress.TryParse takes "1" and "0x7f.1" for addresses; a fleet file never means those.
        if (text is null || (!text.Contains(':', StringComparison.Ordinal) && text.AsSpan().Count('.') != 3))
        {
            return false;
        }

        if (text.Contains('%', StringComparison.Ordinal) || text.Contains('[', StringComparison.Ordinal)
            || !IPAddress.TryParse(text, out var parsed))
        {
            return false;
        }

        address = From(parsed);
        return true;
    }

    public static IpAddress Parse(string text) =>
        TryParse(text, out var address) ? address : throw new FormatException($"'{text}' is not an IP address.");

    public static IpAddress From(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        return length == 4 ? ReadV4(bytes) : ReadV6(bytes);
    }

    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        return new IPAddress(bytes[..Write(bytes)]);
    }

    public int CompareTo(IpAddress other) => Bits.CompareTo(other.Bits);

    public static bool operator <(IpAddress a, IpAddress b) => a.Bits < b.Bits;

    public static bool operator >(IpAddress a, IpAddress b) => a.Bits > b.Bits;

    public static bool operator <=(IpAddress a, IpAddress b) => a.Bits <= b.Bits;

    public static bool operator >=(IpAddress a, IpAddress b) => a.Bits >= b.Bits;

    public override string ToString() => ToIPAddress().ToString();
}
