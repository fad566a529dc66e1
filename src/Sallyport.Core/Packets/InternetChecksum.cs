using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Packets;

/// <summary>The ones' complement sum of 16-bit words (RFC 1071) that IPv4, TCP, UDP and ICMP share.</summary>
public static class InternetChecksum
{
    /// <summary>The checksum of <paramref name="bytes"/>, whose checksum field must be zero; <paramref name="seed"/> adds a pseudo header's sum.</summary>
    public static ushort Compute(ReadOnlySpan<byte> bytes, ulong seed = 0) => (ushort)~Fold(Sum(bytes, seed));

    /// <summary>True where the bytes, checksum field included, sum up as they must.</summary>
    public static bool IsValid(ReadOnlySpan<byte> bytes, ulong seed = 0) => Fold(Sum(bytes, seed)) == 0xffff;

    /// <summary>The sum over the pseudo header of TCP, UDP (RFC 9293 section 3.1) and ICMPv6 (RFC 8200 section 8.1).</summary>
    public static ulong PseudoHeader(IpAddress source, IpAddress destination, byte protocol, int transportLength)
    {
        Span<byte> addresses = stackalloc byte[32];
        var length = source.Write(addresses);
        length += destination.Write(addresses[length..]);
        return Sum(addresses[..length], (ulong)protocol + (uint)transportLength);
    }

    /// <summary>The checksum after one 16-bit word changed (RFC 1624 equation 3).</summary>
    public static ushort Update(ushort checksum, ushort oldWord, ushort newWord) =>
        (ushort)~Fold((ulong)(ushort)~checksum + (ushort)~oldWord + newWord);

    /// <summary>The checksum after what it covers sums up to <paramref name="difference"/> more.</summary>
    public static ushort Raise(ushort checksum, ulong difference) => (ushort)~Fold((ushort)~checksum + difference);

    /// <summary>The checksum after what it covers sums up to <paramref name="difference"/> less.</summary>
    public static ushort Lower(ushort checksum, ulong difference) => (ushort)~Fold((ulong)(ushort)~checksum + (ushort)~Fold(difference));

    /// <summary>A pseudo header's sum as it stands in a checksum field that somebody else is going to finish.</summary>
    public static ushort Partial(ulong pseudoHeader) => Fold(pseudoHeader);

    /// <summary>What bytes add to a sum, before and after a change of them, for <see cref="Lower"/> and <see cref="Raise"/>.</summary>
    public static ulong SumOf(ReadOnlySpan<byte> bytes) => Sum(bytes, 0);

    private static ulong Sum(ReadOnlySpan<byte> bytes, ulong sum)
    {
        // RFC 1071 section 2 (B): the sum is the same in either byte order, its two bytes swapped.
        var native = (ulong)Fold(SumNative(bytes));
        return sum + (BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness((ushort)native) : native);
    }

    private static ulong SumNative(ReadOnlySpan<byte> bytes)
    {
        // 32-bit words into 64 bits: packets are far too short to overflow, and folding once at the end gives the same sum.
        var sum = 0UL;
        if (Vector256.IsHardwareAccelerated && bytes.Length >= 2 * Vector256<byte>.Count)
        {
            var vectors = MemoryMarshal.Cast<byte, Vector256<uint>>(bytes);
            var low = Vector256<ulong>.Zero;
            var high = Vector256<ulong>.Zero;
            foreach (var words in vectors)
            {
                low += Vector256.WidenLower(words);
                high += Vector256.WidenUpper(words);
            }

            sum = Vector256.Sum(low + high);
            bytes = bytes[(vectors.Length * Vector256<byte>.Count)..];
        }

        while (bytes.Length >= 4)
        {
            sum += MemoryMarshal.Read<uint>(bytes);
            bytes = bytes[4..];
        }

        if (bytes.Length >= 2)
        {
            sum += MemoryMarshal.Read<ushort>(bytes);
            bytes = bytes[2..];
        }

        // RFC 1071 section 1: an odd byte is padded with a zero to its right.
        return bytes.IsEmpty ? sum : sum + (BitConverter.IsLittleEndian ? bytes[0] : (ulong)bytes[0] << 8);
    }

    private static ushort Fold(ulong sum)
    {
        sum = (sum & 0xffff_ffff) + (sum >> 32);
        sum = (sum & 0xffff_ffff) + (sum >> 32);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)sum;
    }
}
