using System.Runtime.InteropServices;

namespace Sallyport.Core.Crypto;

/// <summary>Chains of certificates outside of TLS.</summary>
internal static unsafe partial class OpenSsl
{
    // x509v3.h
    internal const int PurposeTlsClient = 1;
    internal const int PurposeTlsServer = 2;
    internal const int PurposeAny = 7;

    [LibraryImport(Crypto)]
    internal static partial nint X509_STORE_new();

    [LibraryImport(Crypto)]
    internal static partial void X509_STORE_free(nint store);

    [LibraryImport(Crypto)]
    internal static partial nint X509_STORE_CTX_new();

    [LibraryImport(Crypto)]
    internal static partial void X509_STORE_CTX_free(nint context);

    /// <summary>Certificate and stack stay the caller's, and must live as long as the context.</summary>
    [LibraryImport(Crypto)]
    internal static partial int X509_STORE_CTX_init(nint context, nint store, nint certificate, nint untrusted);

    /// <summary>Owned by the context.</summary>
    [LibraryImport(Crypto)]
    internal static partial nint X509_STORE_CTX_get0_param(nint context);

    [LibraryImport(Crypto)]
    internal static partial int X509_STORE_CTX_get_error(nint context);

    [LibraryImport(Crypto)]
    internal static partial int X509_STORE_CTX_get_error_depth(nint context);

    [LibraryImport(Crypto)]
    internal static partial int X509_verify_cert(nint context);

    [LibraryImport(Crypto)]
    internal static partial int X509_VERIFY_PARAM_set_purpose(nint parameters, int purpose);

    [LibraryImport(Crypto)]
    internal static partial void X509_VERIFY_PARAM_set_auth_level(nint parameters, int level);

    /// <summary>The caller frees it; null for a kind of key that OpenSSL does not know.</summary>
    [LibraryImport(Crypto)]
    internal static partial nint X509_get_pubkey(nint certificate);

    [LibraryImport(Crypto)]
    internal static partial nint OPENSSL_sk_new_null();

    [LibraryImport(Crypto)]
    internal static partial int OPENSSL_sk_push(nint stack, nint item);
}
