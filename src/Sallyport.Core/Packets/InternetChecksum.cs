using System.Buffers.Binary;
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

    private static ulong Sum(ReadOnlySpan<byte> bytes, ulong sum)
    {
        // 32-bit words into 64 bits: packets are far too short to overflow, and folding once at the end gives the same sum.
        while (bytes.Length >= 4)
        {
            sum += BinaryPrimitives.ReadUInt32BigEndian(bytes);
            bytes = bytes[4..];
        }

        if (bytes.Length >= 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
            bytes = bytes[2..];
        }

        // RFC 1071 section 1: an odd byte is padded with a zero to its right.
        return bytes.IsEmpty ? sum : sum + ((ulong)bytes[0] << 8);
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
