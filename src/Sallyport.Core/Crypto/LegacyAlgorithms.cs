using System.Security.Cryptography;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>
/// MD4 and DES, of which MS-CHAPv2 is made and nothing else of ours. Both are broken: whoever uses them does so where something stronger is around them.
/// MD4 is in OpenSSL's legacy provider, which has a library context of its own here: nothing else of the process finds it, TLS included.
/// </summary>
internal static unsafe class LegacyAlgorithms
{
    public const int Md4Length = 16;
    public const int DesBlock = 8;

    /// <summary>DES has 56 bits; the bits of parity between them are nobody's business.</summary>
    public const int DesKey = 7;

    private static readonly Lazy<nint> Md4Digest = new(FindMd4);
    private static readonly Lazy<nint> TripleDes = new(FindTripleDes);

    /// <summary>The legacy provider is a file of its own, which some distributions package apart (openssl-provider-legacy).</summary>
    public static bool AreAvailable => Md4Digest.Value != 0 && TripleDes.Value != 0;

    /// <param name="output">16 bytes.</param>
    public static void Md4(ReadOnlySpan<byte> data, Span<byte> output)
    {
        Invariant.Check(AreAvailable && output.Length == Md4Length, "MD4 is there where it is used");
        Digests.Compute(Md4Digest.Value, data, default, default, default, output);
    }

    /// <summary>One block of DES: triple DES of one key three times, which encrypts, decrypts and encrypts.</summary>
    /// <param name="key">7 bytes.</param>
    /// <param name="block">8 bytes.</param>
    /// <param name="output">8 bytes.</param>
    public static void DesEncrypt(ReadOnlySpan<byte> key, ReadOnlySpan<byte> block, Span<byte> output)
    {
        Invariant.Check(AreAvailable, "DES is there where it is used");
        Invariant.Check(key.Length == DesKey && block.Length == DesBlock && output.Length == DesBlock, "DES has a key of 7 bytes and blocks of 8");
        Span<byte> keys = stackalloc byte[3 * DesBlock];
        Spread(key, keys[..DesBlock]);
        keys[..DesBlock].CopyTo(keys[DesBlock..]);
        keys[..DesBlock].CopyTo(keys[(2 * DesBlock)..]);
        var context = OpenSsl.EVP_CIPHER_CTX_new();
        int written;
        bool done;
        fixed (byte* k = keys, b = block, o = output)
        {
            done = context != 0
                && OpenSsl.EVP_CipherInit_ex(context, TripleDes.Value, 0, k, null, encrypt: 1) == 1
                && OpenSsl.EVP_CIPHER_CTX_set_padding(context, 0) == 1
                && OpenSsl.EVP_CipherUpdate(context, o, &written, b, DesBlock) == 1
                && written == DesBlock;
        }

        OpenSsl.EVP_CIPHER_CTX_free(context);
        CryptographicOperations.ZeroMemory(keys);
        if (!done)
        {
            OpenSsl.ThrowBroken("encrypt a block");
        }
    }

    /// <summary>Seven bits to a byte, and the lowest of each for parity.</summary>
    private static void Spread(ReadOnlySpan<byte> key, Span<byte> spread)
    {
        ulong bits = 0;
        foreach (var one in key)
        {
            bits = (bits << 8) | one;
        }

        for (var i = 0; i < DesBlock; i++)
        {
            spread[i] = (byte)((bits >> (7 * (7 - i)) & 0x7f) << 1);
        }
    }

    private static nint FindMd4()
    {
        Algorithms.Initialize();
        var library = OpenSsl.OSSL_LIB_CTX_new();
        if (library == 0)
        {
            OpenSsl.ThrowRefused("There is no memory for a library of algorithms");
        }

        var digest = OpenSsl.OSSL_PROVIDER_load(library, OpenSsl.Literal("legacy"u8)) == 0
            ? 0 : OpenSsl.EVP_MD_fetch(library, OpenSsl.Literal("MD4"u8), null);
        if (digest == 0)
        {
            OpenSsl.OSSL_LIB_CTX_free(library);
        }

        OpenSsl.ERR_clear_error();
        return digest;
    }

    private static nint FindTripleDes()
    {
        Algorithms.Initialize();
        var cipher = OpenSsl.EVP_CIPHER_fetch(0, OpenSsl.Literal("DES-EDE3-ECB"u8), null);
        OpenSsl.ERR_clear_error();
        return cipher;
    }
}
