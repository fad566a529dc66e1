using System.Security.Cryptography;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>
/// HMAC (RFC 2104) under one key, whose inner and outer state were computed once.
/// A struct, to live in arrays; copies share the native context, and whoever holds the array calls <see cref="Free"/> once.
/// The default value holds nothing. Not for two threads at a time.
/// </summary>
public struct HmacContext
{
    private readonly byte _length;
    private nint _context;

    private HmacContext(nint context, int length)
    {
        _context = context;
        _length = (byte)length;
    }

    public readonly bool Exists => _context != 0;

    /// <summary>Bytes of a MAC: those of the hash.</summary>
    public readonly int Length => _length;

    /// <param name="key">Any length from 1.</param>
    public static unsafe HmacContext Create(HashKind hash, ReadOnlySpan<byte> key)
    {
        // OpenSSL takes "no key" for "the key as before".
        Invariant.Check(!key.IsEmpty, "an HMAC key is not empty");
        var mac = Algorithms.Hmac;
        var context = OpenSsl.EVP_MAC_CTX_new(mac);
        var parameters = stackalloc[] { hash.Digest(), OsslParam.End };
        fixed (byte* k = key)
        {
            if (context == 0 || OpenSsl.EVP_MAC_init(context, k, (nuint)key.Length, parameters) != 1)
            {
                OpenSsl.EVP_MAC_CTX_free(context);
                OpenSsl.ThrowBroken("set an HMAC key");
            }
        }

        return new HmacContext(context, hash.Length());
    }

    /// <param name="mac">Exactly <see cref="Length"/> bytes; may overlap the data.</param>
    public readonly void Compute(ReadOnlySpan<byte> data, Span<byte> mac) => Compute(data, default, mac);

    /// <summary>The MAC of <paramref name="a"/> followed by <paramref name="b"/>.</summary>
    /// <param name="mac">Exactly <see cref="Length"/> bytes; may overlap the data.</param>
    public readonly void Compute(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, Span<byte> mac) => Compute(a, b, default, mac);

    /// <summary>The MAC of <paramref name="a"/>, <paramref name="b"/> and <paramref name="c"/> behind one another.</summary>
    /// <param name="mac">Exactly <see cref="Length"/> bytes; may overlap the data.</param>
    public readonly unsafe void Compute(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, ReadOnlySpan<byte> c, Span<byte> mac)
    {
        Invariant.Check(_context != 0, "an HMAC context exists when it is used");
        Invariant.Check(mac.Length == _length, "room for a MAC has the length of the hash");
        nuint written;
        bool done;
        fixed (byte* first = a, second = b, third = c, m = mac)
        {
            done = OpenSsl.EVP_MAC_init(_context, null, 0, null) == 1
                && (a.IsEmpty || OpenSsl.EVP_MAC_update(_context, first, (nuint)a.Length) == 1)
                && (b.IsEmpty || OpenSsl.EVP_MAC_update(_context, second, (nuint)b.Length) == 1)
                && (c.IsEmpty || OpenSsl.EVP_MAC_update(_context, third, (nuint)c.Length) == 1)
                && OpenSsl.EVP_MAC_final(_context, m, &written, (nuint)mac.Length) == 1;
        }

        if (!done)
        {
            OpenSsl.ThrowBroken("compute an HMAC");
        }
    }

    /// <summary>Whether <paramref name="mac"/> is the whole MAC of the data, in constant time.</summary>
    public readonly bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> mac) => Verify(data, default, mac);

    /// <summary>Whether <paramref name="mac"/> is the whole MAC of <paramref name="a"/> followed by <paramref name="b"/>, in constant time.</summary>
    public readonly bool Verify(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, ReadOnlySpan<byte> mac)
    {
        Span<byte> room = stackalloc byte[HashKinds.MaxLength];
        var expected = room[.._length];
        Compute(a, b, expected);
        return CryptographicOperations.FixedTimeEquals(expected, mac);
    }

    /// <summary>Cleanses the key and gives the memory back. Safe to repeat on this value, not on a copy of it.</summary>
    public void Free()
    {
        OpenSsl.EVP_MAC_CTX_free(_context);
        _context = 0;
    }
}
