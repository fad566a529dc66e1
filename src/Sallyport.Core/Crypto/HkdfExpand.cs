using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>The second step of HKDF (RFC 5869 section 2.3).</summary>
public static class HkdfExpand
{
    /// <summary>Bytes of info: OpenSSL 3.0's own bound (HKDF_MAXBUF).</summary>
    public const int MaxInfo = 1024;

    // EVP_KDF_HKDF_MODE_EXPAND_ONLY of kdf.h
    private const int ExpandOnly = 2;

    /// <param name="prk">A pseudorandom key, not empty.</param>
    /// <param name="info">Up to <see cref="MaxInfo"/> bytes; may be empty.</param>
    /// <param name="output">Filled whole; 1 to 255 times the hash's length.</param>
    public static unsafe void Derive(HashKind hash, ReadOnlySpan<byte> prk, ReadOnlySpan<byte> info, Span<byte> output)
    {
        Invariant.Check(!prk.IsEmpty && info.Length <= MaxInfo, "HKDF has a key and at most 1024 bytes of info");
        Invariant.Check(output.Length > 0 && output.Length <= 255 * hash.Length(), "HKDF's output has 1 to 255 times the hash's length");
        var mode = ExpandOnly;
        fixed (byte* key = prk, i = info, destination = output)
        {
            var parameters = stackalloc OsslParam[5];
            var count = 0;
            parameters[count++] = hash.Digest();
            parameters[count++] = OsslParam.Integer("mode"u8, &mode);
            parameters[count++] = OsslParam.Octets("key"u8, key, prk.Length);
            if (!info.IsEmpty)
            {
                parameters[count++] = OsslParam.Octets("info"u8, i, info.Length);
            }

            parameters[count] = OsslParam.End;
            NativeKdf.Derive(Algorithms.Hkdf, parameters, destination, output.Length);
        }
    }
}
