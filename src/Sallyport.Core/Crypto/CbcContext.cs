using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>
/// AES-CBC under one key in one direction, without padding: the formats that use it pad and check by themselves, after their MAC.
/// A struct, to live in arrays; copies share the native context, and whoever holds the array calls <see cref="Free"/> once.
/// The default value holds nothing. Not for two threads at a time.
/// </summary>
public struct CbcContext
{
    public const int BlockLength = 16;

    private nint _context;

    private CbcContext(nint context) => _context = context;

    public readonly bool Exists => _context != 0;

    /// <param name="key">16 or 32 bytes.</param>
    public static CbcContext ForEncrypting(ReadOnlySpan<byte> key) => Create(key, encrypt: 1);

    /// <param name="key">16 or 32 bytes.</param>
    public static CbcContext ForDecrypting(ReadOnlySpan<byte> key) => Create(key, encrypt: 0);

    /// <param name="iv">16 bytes.</param>
    /// <param name="inPlace">Whole blocks of 16 bytes; may be empty.</param>
    public readonly unsafe void Transform(ReadOnlySpan<byte> iv, Span<byte> inPlace)
    {
        Invariant.Check(_context != 0, "a CBC context exists when it is used");
        Invariant.Check(iv.Length == BlockLength && inPlace.Length % BlockLength == 0, "CBC works on whole blocks");
        if (inPlace.IsEmpty)
        {
            return;
        }

        int written;
        bool done;
        fixed (byte* v = iv, text = inPlace)
        {
            done = OpenSsl.EVP_CipherInit_ex(_context, 0, 0, null, v, -1) == 1
                && OpenSsl.EVP_CipherUpdate(_context, text, &written, text, inPlace.Length) == 1
                && written == inPlace.Length;
        }

        if (!done)
        {
            OpenSsl.ThrowBroken("transform CBC blocks");
        }
    }

    /// <summary>Cleanses the key and gives the memory back. Safe to repeat on this value, not on a copy of it.</summary>
    public void Free()
    {
        OpenSsl.EVP_CIPHER_CTX_free(_context);
        _context = 0;
    }

    private static unsafe CbcContext Create(ReadOnlySpan<byte> key, int encrypt)
    {
        Invariant.Check(key.Length is 16 or 32, "an AES-CBC key has 16 or 32 bytes");
        var cipher = Algorithms.AesCbc(key.Length);
        var context = OpenSsl.EVP_CIPHER_CTX_new();
        fixed (byte* k = key)
        {
            if (context == 0
                || OpenSsl.EVP_CipherInit_ex(context, cipher, 0, k, null, encrypt) != 1
                || OpenSsl.EVP_CIPHER_CTX_set_padding(context, 0) != 1)
            {
                OpenSsl.EVP_CIPHER_CTX_free(context);
                OpenSsl.ThrowBroken("set a CBC key");
            }
        }

        return new CbcContext(context);
    }
}
