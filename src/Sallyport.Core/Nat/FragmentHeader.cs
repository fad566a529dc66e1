using System.Buffers.Binary;

namespace Sallyport.Core.Nat;

/// <summary>The extension header of an IPv6 fragment (RFC 8200 section 4.5).</summary>
internal static class FragmentHeader
{
    public const int Length = 8;
    public const byte Protocol = 44;

    public static void Write(Span<byte> output, byte next, int offset, bool more, uint identification)
    {
        output[0] = next;
        output[1] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(output[2..], (ushort)(offset | (more ? 1 : 0)));
        BinaryPrimitives.WriteUInt32BigEndian(output[4..], identification);
    }

    public static int Offset(ReadOnlySpan<byte> header) => BinaryPrimitives.ReadUInt16BigEndian(header[2..]) & 0xfff8;

    public static bool More(ReadOnlySpan<byte> header) => (header[3] & 1) != 0;

    /// <summary>IPv4 has room for the lower half (RFC 7915 section 5.1.1).</summary>
    public static ushort Identification(ReadOnlySpan<byte> header) => BinaryPrimitives.ReadUInt16BigEndian(header[6..]);
}
