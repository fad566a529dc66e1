using System.Diagnostics.CodeAnalysis;
using System.Formats.Asn1;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>The two ways to write the numbers r and s of an ECDSA signature: as DER (RFC 3279 section 2.2.3), or behind one another at full length (RFC 4754).</summary>
internal static class EcdsaEncoding
{
    /// <summary>Bytes of a signature of fixed length; 0 for what is no curve.</summary>
    public static int RawLength(KeyKind kind) => kind switch
    {
        KeyKind.EcP256 => 64,
        KeyKind.EcP384 => 96,
        KeyKind.EcP521 => 132,
        _ => 0,
    };

    /// <param name="raw">Two numbers of equal length.</param>
    public static byte[] ToDer(ReadOnlySpan<byte> raw)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteIntegerUnsigned(Trim(raw[..(raw.Length / 2)]));
            writer.WriteIntegerUnsigned(Trim(raw[(raw.Length / 2)..]));
        }

        return writer.Encode();
    }

    /// <summary>False where it is not DER of two numbers that fit.</summary>
    public static bool TryToRaw(ReadOnlySpan<byte> der, KeyKind kind, [NotNullWhen(true)] out byte[]? raw)
    {
        raw = null;
        var reader = new DerReader(der);
        if (!reader.TryRead(DerReader.Sequence, out var content) || !reader.IsEmpty)
        {
            return false;
        }

        var length = RawLength(kind) / 2;
        var numbers = new DerReader(content);
        var both = new byte[2 * length];
        if (numbers.TryRead(DerReader.Integer, out var r) && numbers.TryRead(DerReader.Integer, out var s) && numbers.IsEmpty
            && TryPlace(r, both.AsSpan(0, length)) && TryPlace(s, both.AsSpan(length)))
        {
            raw = both;
            return true;
        }

        return false;
    }

    private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> number)
    {
        var first = number.IndexOfAnyExcept((byte)0);
        return first < 0 ? number[^1..] : number[first..];
    }

    private static bool TryPlace(ReadOnlySpan<byte> number, Span<byte> room)
    {
        if (number.IsEmpty || (number[0] & 0x80) != 0)
        {
            return false;
        }

        var trimmed = Trim(number);
        Invariant.Check(!trimmed.IsEmpty, "a number has a byte");
        if (trimmed.Length > room.Length)
        {
            return false;
        }

        trimmed.CopyTo(room[^trimmed.Length..]);
        return true;
    }
}
