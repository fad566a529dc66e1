using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>Digests without a key, of up to four pieces behind one another.</summary>
public static class Digests
{
    public static void Compute(HashKind hash, ReadOnlySpan<byte> a, Span<byte> output) => Compute(hash, a, default, default, default, output);

    public static void Compute(HashKind hash, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, Span<byte> output) =>
        Compute(hash, a, b, default, default, output);

    public static void Compute(HashKind hash, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, ReadOnlySpan<byte> c, Span<byte> output) =>
        Compute(hash, a, b, c, default, output);

    /// <param name="output">Exactly as long as the hash; may overlap what goes in.</param>
    public static void Compute(
        HashKind hash, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, ReadOnlySpan<byte> c, ReadOnlySpan<byte> d, Span<byte> output)
    {
        Invariant.Check(output.Length == hash.Length(), "room for a digest has the length of the hash");
        Compute(Algorithms.Digest(hash), a, b, c, d, output);
    }

    internal static unsafe void Compute(
        nint digest, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, ReadOnlySpan<byte> c, ReadOnlySpan<byte> d, Span<byte> output)
    {
        var context = OpenSsl.EVP_MD_CTX_new();
        var done = context != 0
            && OpenSsl.EVP_DigestInit_ex2(context, digest, null) == 1
            && Update(context, a) && Update(context, b) && Update(context, c) && Update(context, d);
        uint written;
        fixed (byte* room = output)
        {
            done = done && OpenSsl.EVP_DigestFinal_ex(context, room, &written) == 1;
        }

        OpenSsl.EVP_MD_CTX_free(context);
        if (!done)
        {
            OpenSsl.ThrowBroken("compute a digest");
        }
    }

    private static unsafe bool Update(nint context, ReadOnlySpan<byte> data)
    {
        fixed (byte* bytes = data)
        {
            return data.IsEmpty || OpenSsl.EVP_DigestUpdate(context, bytes, (nuint)data.Length) == 1;
        }
    }
}
