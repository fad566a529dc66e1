using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>A private key that signs. Thread-safe.</summary>
public sealed class SigningKey : IDisposable
{
    private nint _key;

    private SigningKey(nint key, KeyKind kind, int bits)
    {
        _key = key;
        Kind = kind;
        Bits = bits;
    }

    ~SigningKey() => Free();

    /// <summary>Never <see cref="KeyKind.Other"/>.</summary>
    public KeyKind Kind { get; }

    public int Bits { get; }

    /// <summary>False where it is no key that signs here: RSA from 2048 to 8192 bits, ECDSA with P-256, P-384 or P-521, Ed25519.</summary>
    /// <param name="der">PKCS #8, not encrypted. The caller zeroes it when done.</param>
    public static unsafe bool TryReadPkcs8(ReadOnlySpan<byte> der, [NotNullWhen(true)] out SigningKey? key)
    {
        key = null;
        if (der.IsEmpty)
        {
            return false;
        }

        Algorithms.Initialize();
        nint native;
        bool isWhole;
        fixed (byte* start = der)
        {
            var at = start;
            native = OpenSsl.d2i_AutoPrivateKey(null, &at, der.Length);
            isWhole = at == start + der.Length;
        }

        if (native != 0 && isWhole && NativeKey.TryJudge(native, out var kind, out var bits) && kind != KeyKind.Other)
        {
            key = new SigningKey(native, kind, bits);
            return true;
        }

        OpenSsl.EVP_PKEY_free(native);
        OpenSsl.ERR_clear_error();
        return false;
    }

    /// <summary>ECDSA as DER.</summary>
    /// <param name="scheme">One that fits the key. Not SHA-1: nothing of ours is signed with it.</param>
    public byte[] Sign(SignatureScheme scheme, ReadOnlySpan<byte> data)
    {
        ObjectDisposedException.ThrowIf(_key == 0, this);
        Invariant.Check(scheme.Fits(Kind) && scheme != SignatureScheme.RsaSha1, "a key signs by a scheme that is its own, and not with SHA-1");
        var signature = NativeKey.TrySign(_key, scheme, data);
        GC.KeepAlive(this);
        if (signature is null)
        {
            OpenSsl.ThrowBroken("sign");
        }

        return signature;
    }

    /// <summary>A signature of fixed length, r and s behind one another (RFC 4754), with the hash that belongs to the curve.</summary>
    public byte[] SignRaw(SignatureScheme scheme, ReadOnlySpan<byte> data)
    {
        Invariant.Check(SignatureSchemes.OfCurve(Kind) == scheme, "a signature of fixed length has the hash of its curve");
        return EcdsaEncoding.TryToRaw(Sign(scheme, data), Kind, out var raw) ? raw : throw new CryptographicException("OpenSSL made no ECDSA signature.");
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        OpenSsl.EVP_PKEY_free(_key);
        _key = 0;
    }
}
