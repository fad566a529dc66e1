using System.Security.Cryptography;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>
/// One key in one direction: a native cipher context whose key schedule was made once, so that a packet sets only its nonce.
/// A struct, to live in arrays; copies share the native context, and whoever holds the array calls <see cref="Free"/> once.
/// The default value holds nothing. Not for two threads at a time.
/// </summary>
public struct AeadContext
{
    public const int NonceLength = 12;
    public const int TagLength = 16;

    private nint _context;
    private readonly bool _byParameter;

    private AeadContext(nint context, bool byParameter)
    {
        _context = context;
        _byParameter = byParameter;
    }

    public readonly bool Exists => _context != 0;

    /// <param name="key">Exactly <see cref="AeadAlgorithms.KeyLength"/> bytes.</param>
    public static AeadContext ForSealing(AeadAlgorithm algorithm, ReadOnlySpan<byte> key) =>
        ForSealing(algorithm, key, algorithm.IsGcm() && AeadNonce.CanGoByParameter);

    /// <param name="key">Exactly <see cref="AeadAlgorithms.KeyLength"/> bytes.</param>
    public static AeadContext ForOpening(AeadAlgorithm algorithm, ReadOnlySpan<byte> key) =>
        ForOpening(algorithm, key, algorithm.IsGcm() && AeadNonce.CanGoByParameter);

    internal static unsafe AeadContext ForSealing(AeadAlgorithm algorithm, ReadOnlySpan<byte> key, bool byParameter)
    {
        var context = New(algorithm, key, out var cipher);
        fixed (byte* k = key)
        {
            if (context == 0 || OpenSsl.EVP_EncryptInit_ex(context, cipher, 0, k, null) != 1)
            {
                OpenSsl.EVP_CIPHER_CTX_free(context);
                OpenSsl.ThrowBroken("set an AEAD key");
            }
        }

        return new AeadContext(context, byParameter);
    }

    internal static unsafe AeadContext ForOpening(AeadAlgorithm algorithm, ReadOnlySpan<byte> key, bool byParameter)
    {
        var context = New(algorithm, key, out var cipher);
        fixed (byte* k = key)
        {
            if (context == 0 || OpenSsl.EVP_DecryptInit_ex(context, cipher, 0, k, null) != 1)
            {
                OpenSsl.EVP_CIPHER_CTX_free(context);
                OpenSsl.ThrowBroken("set an AEAD key");
            }
        }

        return new AeadContext(context, byParameter);
    }

    /// <summary>Encrypts <paramref name="inPlace"/> and writes its tag. The caller never repeats a nonce under one key.</summary>
    /// <param name="nonce">12 bytes.</param>
    /// <param name="inPlace">May be empty.</param>
    /// <param name="tag">16 bytes, outside <paramref name="inPlace"/>.</param>
    public readonly void Seal(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> aad, Span<byte> inPlace, Span<byte> tag)
    {
        if (!TrySeal(nonce, aad, inPlace, tag))
        {
            OpenSsl.ThrowBroken("seal");
        }
    }

    /// <summary>
    /// Checks the tag and decrypts <paramref name="inPlace"/>. False where tag, nonce, associated data or ciphertext are not
    /// what was sealed; <paramref name="inPlace"/> is then all zero, so that no unproven plaintext exists.
    /// </summary>
    /// <param name="nonce">12 bytes.</param>
    /// <param name="inPlace">May be empty.</param>
    /// <param name="tag">16 bytes.</param>
    public readonly bool Open(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> aad, Span<byte> inPlace, ReadOnlySpan<byte> tag)
    {
        var ready = TryOpen(nonce, aad, inPlace, tag, out var isGenuine);
        if (isGenuine)
        {
            return true;
        }

        CryptographicOperations.ZeroMemory(inPlace);
        if (!ready)
        {
            OpenSsl.ThrowBroken("open");
        }

        OpenSsl.ERR_clear_error();
        return false;
    }

    /// <summary>False where OpenSSL refused.</summary>
    internal readonly unsafe bool TrySeal(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> aad, Span<byte> inPlace, Span<byte> tag)
    {
        Invariant.Check(_context != 0, "an AEAD context exists when it is used");
        Invariant.Check(nonce.Length == NonceLength && tag.Length == TagLength, "an AEAD nonce has 12 bytes and a tag 16");
        int written;
        fixed (byte* n = nonce, a = aad, text = inPlace, t = tag)
        {
            // Final writes nothing for these ciphers, but wants to be told where it could.
            return (_byParameter ? AeadNonce.TrySet(_context, n) : OpenSsl.EVP_EncryptInit_ex(_context, 0, 0, null, n) == 1)
                && (aad.IsEmpty || OpenSsl.EVP_EncryptUpdate(_context, null, &written, a, aad.Length) == 1)
                && (inPlace.IsEmpty || OpenSsl.EVP_EncryptUpdate(_context, text, &written, text, inPlace.Length) == 1)
                && OpenSsl.EVP_EncryptFinal_ex(_context, t, &written) == 1
                && OpenSsl.EVP_CIPHER_CTX_ctrl(_context, OpenSsl.EvpCtrlAeadGetTag, TagLength, t) == 1;
        }
    }

    /// <summary>False where OpenSSL refused before it came to the tag. Leaves plaintext and error queue to the caller.</summary>
    internal readonly unsafe bool TryOpen(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> aad, Span<byte> inPlace, ReadOnlySpan<byte> tag, out bool isGenuine)
    {
        Invariant.Check(_context != 0, "an AEAD context exists when it is used");
        Invariant.Check(nonce.Length == NonceLength && tag.Length == TagLength, "an AEAD nonce has 12 bytes and a tag 16");
        int written;
        fixed (byte* n = nonce, a = aad, text = inPlace, t = tag)
        {
            var ready = TrySetForOpening(n, t)
                && (aad.IsEmpty || OpenSsl.EVP_DecryptUpdate(_context, null, &written, a, aad.Length) == 1)
                && (inPlace.IsEmpty || OpenSsl.EVP_DecryptUpdate(_context, text, &written, text, inPlace.Length) == 1);
            var nothing = stackalloc byte[TagLength];
            isGenuine = ready && OpenSsl.EVP_DecryptFinal_ex(_context, nothing, &written) == 1;
            return ready;
        }
    }

    private readonly unsafe bool TrySetForOpening(byte* nonce, byte* tag) =>
        _byParameter
            ? AeadNonce.TrySet(_context, nonce, tag)
            : OpenSsl.EVP_DecryptInit_ex(_context, 0, 0, null, nonce) == 1
                && OpenSsl.EVP_CIPHER_CTX_ctrl(_context, OpenSsl.EvpCtrlAeadSetTag, TagLength, tag) == 1;

    /// <summary>Cleanses the key and gives the memory back. Safe to repeat on this value, not on a copy of it.</summary>
    public void Free()
    {
        OpenSsl.EVP_CIPHER_CTX_free(_context);
        _context = 0;
    }

    private static nint New(AeadAlgorithm algorithm, ReadOnlySpan<byte> key, out nint cipher)
    {
        Invariant.Check(key.Length == algorithm.KeyLength(), "an AEAD key has the length of its algorithm");
        cipher = Algorithms.Aead(algorithm);
        return OpenSsl.EVP_CIPHER_CTX_new();
    }
}
