using System.Security.Cryptography;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>The pseudorandom functions of IKEv2 that are an HMAC of their hash (RFC 7296 section 2.13, RFC 4868). For keys that are used once or twice.</summary>
public static class Prf
{
    /// <summary>RFC 7296 section 2.13: the counter is one byte, and does not come round.</summary>
    public const int MaxRounds = 255;

    public static void Compute(HashKind hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> a, Span<byte> output) =>
        Compute(hash, key, a, default, default, output);

    public static void Compute(HashKind hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, Span<byte> output) =>
        Compute(hash, key, a, b, default, output);

    /// <summary>Of <paramref name="a"/>, <paramref name="b"/> and <paramref name="c"/> behind one another.</summary>
    /// <param name="key">Not empty.</param>
    /// <param name="output">Exactly as long as the hash; may overlap what goes in.</param>
    public static void Compute(
        HashKind hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, ReadOnlySpan<byte> c, Span<byte> output)
    {
        var mac = HmacContext.Create(hash, key);
        try
        {
            mac.Compute(a, b, c, output);
        }
        finally
        {
            mac.Free();
        }
    }

    /// <summary>prf+ of RFC 7296 section 2.13: as many bytes as asked for.</summary>
    /// <param name="key">Not empty.</param>
    /// <param name="output">Filled whole; up to 255 times the hash's length. Does not overlap what goes in.</param>
    public static void Plus(HashKind hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> seed, Span<byte> output)
    {
        var length = hash.Length();
        Invariant.Check(output.Length <= MaxRounds * length, "prf+ has at most 255 rounds");
        Span<byte> room = stackalloc byte[HashKinds.MaxLength];
        var block = room[..length];
        var mac = HmacContext.Create(hash, key);
        try
        {
            var previous = block[..0];
            for (var round = 1; !output.IsEmpty; round++)
            {
                mac.Compute(previous, seed, [(byte)round], block);
                previous = block;
                var count = Math.Min(length, output.Length);
                block[..count].CopyTo(output);
                output = output[count..];
            }
        }
        finally
        {
            mac.Free();
            CryptographicOperations.ZeroMemory(room);
        }
    }
}
