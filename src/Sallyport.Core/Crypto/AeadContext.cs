using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>
/// One key in one direction: a native cipher context whose key schedule was made once, so that a packet sets only its nonce.
/// A struct, to live in arrays; copies share the native context, and whoever holds the array calls <see cref="Free"/> once.
/// The default value holds nothing. Not for two threads at a time.
/// </summary>
/// <remarks>
/// Managed code moves structs through 256-bit registers and leaves their upper halves in use. The next SSE instruction, and OpenSSL has
/// one at every turn, then waits 50 to 150 ns for the processor to put them aside: more than all else that it does for a small packet. The
/// compiler clears them (VZEROUPPER) at the start of a method with a P/Invoke by name, but not for calls by pointer: hence one of the former in each
/// method that makes the latter, and no locals that must be zeroed there, which is done by wide registers, too. ADR 0012 has the figures.
/// </remarks>
public unsafe struct AeadContext
{
    public const int NonceLength = 12;
    public const int TagLength = 16;

    private nint _context;

    /// <summary>Null where the context is EVP's.</summary>
    private readonly AeadFunctions* _functions;

    private AeadContext(nint context, AeadFunctions* functions)
    {
        _context = context;
        _functions = functions;
    }

    public readonly bool Exists => _context != 0;

    /// <param name="key">Exactly <see cref="AeadAlgorithms.KeyLength"/> bytes.</param>
    public static AeadContext ForSealing(AeadAlgorithm algorithm, ReadOnlySpan<byte> key) =>
        ForSealing(algorithm, key, AeadCalls.Of(algorithm));

    /// <param name="key">Exactly <see cref="AeadAlgorithms.KeyLength"/> bytes.</param>
    public static AeadContext ForOpening(AeadAlgorithm algorithm, ReadOnlySpan<byte> key) =>
        ForOpening(algorithm, key, AeadCalls.Of(algorithm));

    internal static AeadContext ForSealing(AeadAlgorithm algorithm, ReadOnlySpan<byte> key, AeadFunctions* functions)
    {
        var made = New(algorithm, key, functions);
        fixed (byte* k = key)
        {
            return made.Set(functions != null
                ? functions->EncryptInit(made._context, k, (nuint)key.Length, null, 0, null)
                : OpenSsl.EVP_EncryptInit_ex(made._context, Algorithms.Aead(algorithm), 0, k, null));
        }
    }

    internal static AeadContext ForOpening(AeadAlgorithm algorithm, ReadOnlySpan<byte> key, AeadFunctions* functions)
    {
        var made = New(algorithm, key, functions);
        fixed (byte* k = key)
        {
            return made.Set(functions != null
                ? functions->DecryptInit(made._context, k, (nuint)key.Length, null, 0, null)
                : OpenSsl.EVP_DecryptInit_ex(made._context, Algorithms.Aead(algorithm), 0, k, null));
        }
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

        return false;
    }

    /// <summary>False where OpenSSL refused.</summary>
    internal readonly bool TrySeal(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> aad, Span<byte> inPlace, Span<byte> tag)
    {
        Check(nonce, tag);
        fixed (byte* n = nonce, a = aad, text = inPlace, t = tag)
        {
            return _functions != null
                ? TrySealByProvider(n, a, aad.Length, text, inPlace.Length, t)
                : TrySealByEvp(n, a, aad.Length, text, inPlace.Length, t);
        }
    }

    /// <summary>False where OpenSSL refused before it came to the tag; the plaintext is the caller's to erase.</summary>
    internal readonly bool TryOpen(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> aad, Span<byte> inPlace, ReadOnlySpan<byte> tag, out bool isGenuine)
    {
        Check(nonce, tag);
        fixed (byte* n = nonce, a = aad, text = inPlace, t = tag)
        {
            return _functions != null
                ? TryOpenByProvider(n, a, aad.Length, text, inPlace.Length, t, out isGenuine)
                : TryOpenByEvp(n, a, aad.Length, text, inPlace.Length, t, out isGenuine);
        }
    }

    /// <summary>Cleanses the key and gives the memory back. Safe to repeat on this value, not on a copy of it.</summary>
    public void Free()
    {
        if (_functions == null)
        {
            OpenSsl.EVP_CIPHER_CTX_free(_context);
        }
        else if (_context != 0)
        {
            _functions->FreeContext(_context);
        }

        _context = 0;
    }

    private static AeadContext New(AeadAlgorithm algorithm, ReadOnlySpan<byte> key, AeadFunctions* functions)
    {
        Invariant.Check(key.Length == algorithm.KeyLength(), "an AEAD key has the length of its algorithm");
        var context = functions != null ? functions->NewContext(functions->ProviderContext) : OpenSsl.EVP_CIPHER_CTX_new();
        if (context == 0)
        {
            OpenSsl.ThrowBroken("make a cipher context");
        }

        return new AeadContext(context, functions);
    }

    private AeadContext Set(int result)
    {
        if (result != 1)
        {
            Free();
            OpenSsl.ThrowBroken("set an AEAD key");
        }

        return this;
    }

    private readonly void Check(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> tag)
    {
        Invariant.Check(_context != 0, "an AEAD context exists when it is used");
        Invariant.Check(nonce.Length == NonceLength && tag.Length == TagLength, "an AEAD nonce has 12 bytes and a tag 16");
    }

    [SkipLocalsInit]
    private readonly bool TrySealByProvider(byte* nonce, byte* aad, int aadLength, byte* text, int length, byte* tag)
    {
        nuint written;
        var calls = _functions;
        var parameters = stackalloc OsslParam[2];
        TagParameter(parameters, tag);
        if (calls->EncryptInit(_context, null, 0, nonce, NonceLength, null) == 1
            && (aadLength == 0 || calls->Update(_context, null, &written, (nuint)aadLength, aad, (nuint)aadLength) == 1)
            && (length == 0 || calls->Update(_context, text, &written, (nuint)length, text, (nuint)length) == 1)
            && calls->Final(_context, tag, &written, TagLength) == 1
            && calls->GetContextParams(_context, parameters) == 1)
        {
            return true;
        }

        // Seldom called, but needed: see the remarks.
        _ = OpenSsl.ERR_peek_error();
        return false;
    }

    [SkipLocalsInit]
    private readonly bool TryOpenByProvider(byte* nonce, byte* aad, int aadLength, byte* text, int length, byte* tag, out bool isGenuine)
    {
        nuint written;
        var calls = _functions;
        var parameters = stackalloc OsslParam[2];
        TagParameter(parameters, tag);
        var ready = calls->DecryptInit(_context, null, 0, nonce, NonceLength, parameters) == 1
            && (aadLength == 0 || calls->Update(_context, null, &written, (nuint)aadLength, aad, (nuint)aadLength) == 1)
            && (length == 0 || calls->Update(_context, text, &written, (nuint)length, text, (nuint)length) == 1);

        // Final writes nothing for these ciphers, but wants to be told where it could.
        var nothing = stackalloc byte[TagLength];
        isGenuine = ready && calls->Final(_context, nothing, &written, TagLength) == 1;
        if (ready && !isGenuine)
        {
            OpenSsl.ERR_clear_error();
        }

        return ready;
    }

    [SkipLocalsInit]
    private readonly bool TrySealByEvp(byte* nonce, byte* aad, int aadLength, byte* text, int length, byte* tag)
    {
        int written;
        return OpenSsl.EVP_EncryptInit_ex(_context, 0, 0, null, nonce) == 1
            && (aadLength == 0 || OpenSsl.EVP_EncryptUpdate(_context, null, &written, aad, aadLength) == 1)
            && (length == 0 || OpenSsl.EVP_EncryptUpdate(_context, text, &written, text, length) == 1)
            && OpenSsl.EVP_EncryptFinal_ex(_context, tag, &written) == 1
            && OpenSsl.EVP_CIPHER_CTX_ctrl(_context, OpenSsl.EvpCtrlAeadGetTag, TagLength, tag) == 1;
    }

    [SkipLocalsInit]
    private readonly bool TryOpenByEvp(byte* nonce, byte* aad, int aadLength, byte* text, int length, byte* tag, out bool isGenuine)
    {
        int written;
        var ready = OpenSsl.EVP_DecryptInit_ex(_context, 0, 0, null, nonce) == 1
            && OpenSsl.EVP_CIPHER_CTX_ctrl(_context, OpenSsl.EvpCtrlAeadSetTag, TagLength, tag) == 1
            && (aadLength == 0 || OpenSsl.EVP_DecryptUpdate(_context, null, &written, aad, aadLength) == 1)
            && (length == 0 || OpenSsl.EVP_DecryptUpdate(_context, text, &written, text, length) == 1);
        var nothing = stackalloc byte[TagLength];
        isGenuine = ready && OpenSsl.EVP_DecryptFinal_ex(_context, nothing, &written) == 1;
        if (ready && !isGenuine)
        {
            OpenSsl.ERR_clear_error();
        }

        return ready;
    }

    private static void TagParameter(OsslParam* parameters, byte* tag)
    {
        parameters[0].Set("tag"u8, tag, TagLength);
        parameters[1].Key = null;
    }
}
