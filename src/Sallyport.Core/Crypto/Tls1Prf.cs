using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>The PRF of TLS 1.0 and 1.1 (RFC 2246 section 5: P_MD5 xor P_SHA-1), from which OpenVPN's key method 2 derives keys.</summary>
public static class Tls1Prf
{
    /// <summary>Bytes of label and seed together: OpenSSL's own bound (TLS1_PRF_MAXBUF).</summary>
    public const int MaxLabelAndSeed = 1024;

    /// <param name="secret">Not empty.</param>
    /// <param name="label">Put before <paramref name="seed"/>, without a NUL.</param>
    /// <param name="output">Filled whole.</param>
    public static unsafe void Derive(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> label, ReadOnlySpan<byte> seed, Span<byte> output)
    {
        Invariant.Check(!secret.IsEmpty && !output.IsEmpty, "the PRF has a secret and room for its output");
        Invariant.Check(label.Length + seed.Length is > 0 and <= MaxLabelAndSeed, "the PRF's label and seed have 1 to 1024 bytes");
        fixed (byte* key = secret, first = label, second = seed, destination = output)
        {
            var parameters = stackalloc OsslParam[5];
            var count = 0;
            parameters[count++] = OsslParam.Text("digest"u8, "MD5-SHA1"u8);
            parameters[count++] = OsslParam.Octets("secret"u8, key, secret.Length);
            // Seeds given one after the other are concatenated.
            if (!label.IsEmpty)
            {
                parameters[count++] = OsslParam.Octets("seed"u8, first, label.Length);
            }

            if (!seed.IsEmpty)
            {
                parameters[count++] = OsslParam.Octets("seed"u8, second, seed.Length);
            }

            parameters[count] = OsslParam.End;
            NativeKdf.Derive(Algorithms.Tls1Prf, parameters, destination, output.Length);
        }
    }
}
