using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>
/// AES-256-CTR under one key: the same transformation encrypts and decrypts, and proves nothing (a MAC must).
/// A struct, to live in arrays; copies share the native context, and whoever holds the array calls <see cref="Free"/> once.
/// The default value holds nothing. Not for two threads at a time.
/// </summary>
public struct CtrContext
{
    public const int KeyLength = 32;
    public const int IvLength = 16;

    private nint _context;

    private CtrContext(nint context) => _context = context;

    public readonly bool Exists => _context != 0;

    /// <param name="key">32 bytes.</param>
    public static unsafe CtrContext Create(ReadOnlySpan<byte> key)
    {
        Invariant.Check(key.Length == KeyLength, "an AES-256-CTR key has 32 bytes");
        var cipher = Algorithms.Aes256Ctr;
        var context = OpenSsl.EVP_CIPHER_CTX_new();
        fixed (byte* k = key)
        {
            if (context == 0 || OpenSsl.EVP_EncryptInit_ex(context, cipher, 0, k, null) != 1)
            {
                OpenSsl.EVP_CIPHER_CTX_free(context);
                OpenSsl.ThrowBroken("set a CTR key");
            }
        }

        return new CtrContext(context);
    }

    /// <param name="iv">16 bytes: the first counter block, big-endian, counting over all 128 bits.</param>
    public readonly unsafe void Transform(ReadOnlySpan<byte> iv, Span<byte> inPlace)
    {
        Invariant.Check(_context != 0, "a CTR context exists when it is used");
        Invariant.Check(iv.Length == IvLength, "a CTR counter block has 16 bytes");
        if (inPlace.IsEmpty)
        {
            return;
        }

        int written;
        bool done;
        fixed (byte* v = iv, text = inPlace)
        {
            done = OpenSsl.EVP_EncryptInit_ex(_context, 0, 0, null, v) == 1
                && OpenSsl.EVP_EncryptUpdate(_context, text, &written, text, inPlace.Length) == 1;
        }

        if (!done)
        {
            OpenSsl.ThrowBroken("transform CTR bytes");
        }
    }

    /// <summary>Cleanses the key and gives the memory back. Safe to repeat on this value, not on a copy of it.</summary>
    public void Free()
    {
        OpenSsl.EVP_CIPHER_CTX_free(_context);
        _context = 0;
    }
}
