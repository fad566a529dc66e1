using System.Diagnostics.CodeAnalysis;

namespace Sallyport.Core.Crypto;

/// <summary>The key of a certificate, whose signatures are verified. It says nothing of who vouches for it: that is <see cref="CertificateAnchors"/>. Thread-safe.</summary>
public sealed class VerificationKey : IDisposable
{
    private nint _key;

    private VerificationKey(nint key, KeyKind kind, int bits)
    {
        _key = key;
        Kind = kind;
        Bits = bits;
    }

    ~VerificationKey() => Free();

    public KeyKind Kind { get; }

    public int Bits { get; }

    /// <summary>False where the bytes are no certificate, or its RSA key has below 2048 or above 8192 bits.</summary>
    public static bool TryReadCertificate(ReadOnlySpan<byte> der, [NotNullWhen(true)] out VerificationKey? key)
    {
        key = null;
        if (der.Length > TlsLimits.MaxPeerChain)
        {
            return false;
        }

        Algorithms.Initialize();
        var certificate = NativeCertificate.TryRead(der);
        if (certificate == 0)
        {
            return false;
        }

        var native = OpenSsl.X509_get_pubkey(certificate);
        OpenSsl.X509_free(certificate);
        if (native != 0 && NativeKey.TryJudge(native, out var kind, out var bits))
        {
            key = new VerificationKey(native, kind, bits);
            return true;
        }

        OpenSsl.EVP_PKEY_free(native);
        OpenSsl.ERR_clear_error();
        return false;
    }

    /// <summary>Whether the key made this signature of exactly these bytes. ECDSA as DER. A scheme that is not the key's is false.</summary>
    public bool Verify(SignatureScheme scheme, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        ObjectDisposedException.ThrowIf(_key == 0, this);
        var valid = scheme.Fits(Kind) && !signature.IsEmpty && NativeKey.Verify(_key, scheme, data, signature);
        GC.KeepAlive(this);
        return valid;
    }

    /// <summary>The same for signatures of fixed length, r and s behind one another (RFC 4754): only the hash that belongs to the curve.</summary>
    public bool VerifyRaw(SignatureScheme scheme, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) =>
        SignatureSchemes.OfCurve(Kind) == scheme
        && signature.Length == EcdsaEncoding.RawLength(Kind)
        && Verify(scheme, data, EcdsaEncoding.ToDer(signature));

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
