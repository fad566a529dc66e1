using System.Security.Cryptography;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>
/// AES-GMAC (NIST SP 800-38D) under one key: the tag that AES-GCM gives to what is not encrypted.
/// A struct, to live in arrays; copies share the native context, and whoever holds the array calls <see cref="Free"/> once.
/// The default value holds nothing. Not for two threads at a time.
/// </summary>
public struct GmacContext
{
    private nint _context;

    private GmacContext(nint context) => _context = context;

    public readonly bool Exists => _context != 0;

    /// <param name="key">16 or 32 bytes.</param>
    public static unsafe GmacContext Create(ReadOnlySpan<byte> key)
    {
        Invariant.Check(key.Length is 16 or 32, "an AES-GMAC key has 16 or 32 bytes");
        var cipher = Algorithms.Aead(key.Length == 16 ? AeadAlgorithm.Aes128Gcm : AeadAlgorithm.Aes256Gcm);
        var context = OpenSsl.EVP_CIPHER_CTX_new();
        fixed (byte* k = key)
        {
            if (context == 0 || OpenSsl.EVP_EncryptInit_ex(context, cipher, 0, k, null) != 1)
            {
                OpenSsl.EVP_CIPHER_CTX_free(context);
                OpenSsl.ThrowBroken("set a GMAC key");
            }
        }

        return new GmacContext(context);
    }

    /// <summary>The tag of <paramref name="a"/> followed by <paramref name="b"/>. The caller never repeats a nonce under one key.</summary>
    /// <param name="nonce">12 bytes.</param>
    /// <param name="tag">16 bytes.</param>
    public readonly unsafe void Compute(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, Span<byte> tag)
    {
        Invariant.Check(_context != 0, "a GMAC context exists when it is used");
        Invariant.Check(nonce.Length == AeadContext.NonceLength && tag.Length == AeadContext.TagLength, "a GMAC nonce has 12 bytes and a tag 16");
        int written;
        bool done;
        fixed (byte* n = nonce, first = a, second = b, t = tag)
        {
            done = OpenSsl.EVP_EncryptInit_ex(_context, 0, 0, null, n) == 1
                && (a.IsEmpty || OpenSsl.EVP_EncryptUpdate(_context, null, &written, first, a.Length) == 1)
                && (b.IsEmpty || OpenSsl.EVP_EncryptUpdate(_context, null, &written, second, b.Length) == 1)
                && OpenSsl.EVP_EncryptFinal_ex(_context, t, &written) == 1
                && OpenSsl.EVP_CIPHER_CTX_ctrl(_context, OpenSsl.EvpCtrlAeadGetTag, AeadContext.TagLength, t) == 1;
        }

        if (!done)
        {
            OpenSsl.ThrowBroken("compute a GMAC");
        }
    }

    /// <summary>Whether <paramref name="tag"/> is that of <paramref name="a"/> followed by <paramref name="b"/>, in constant time.</summary>
    public readonly bool Verify(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, ReadOnlySpan<byte> tag)
    {
        Span<byte> expected = stackalloc byte[AeadContext.TagLength];
        Compute(nonce, a, b, expected);
        return CryptographicOperations.FixedTimeEquals(expected, tag);
    }

    /// <summary>Cleanses the key and gives the memory back. Safe to repeat on this value, not on a copy of it.</summary>
    public void Free()
    {
        OpenSsl.EVP_CIPHER_CTX_free(_context);
        _context = 0;
    }
}
