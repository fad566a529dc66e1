using System.Runtime.InteropServices;

namespace Sallyport.Core.Crypto;

/// <summary>libssl, and the parts of libcrypto that read certificates and move bytes for it. C's long is nint here (LP64).</summary>
internal static unsafe partial class OpenSsl
{
    private const string Ssl = "libssl.so.3";

    // ssl.h
    internal const int SslCtrlMode = 33;
    internal const int SslCtrlSetSessionCacheMode = 44;
    internal const int SslCtrlSetMaxCertList = 51;
    internal const int SslCtrlChainCert = 89;
    internal const int SslCtrlSetGroupsList = 92;
    internal const int SslCtrlSetMinProtoVersion = 123;
    internal const int SslCtrlSetMaxProtoVersion = 124;

    internal const int SslModeNoAutoChain = 0x08;
    internal const int SslModeReleaseBuffers = 0x10;

    internal const ulong SslOpNoTicket = 1UL << 14;
    internal const ulong SslOpNoCompression = 1UL << 17;
    internal const ulong SslOpCipherServerPreference = 1UL << 22;
    internal const ulong SslOpNoRenegotiation = 1UL << 30;

    internal const int SslVerifyPeer = 0x01;
    internal const int SslVerifyFailIfNoPeerCert = 0x02;

    internal const int SslErrorWantRead = 2;
    internal const int SslErrorZeroReturn = 6;

    // x509_vfy.h, x509v3.h
    internal const nuint X509FlagPartialChain = 0x8_0000;
    internal const uint ExtendedUsageServer = 0x1;
    internal const uint ExtendedUsageAbsent = uint.MaxValue;

    // bio.h
    internal const int BioCtrlReset = 1;

    [LibraryImport(Ssl)]
    internal static partial nint TLS_server_method();

    [LibraryImport(Ssl)]
    internal static partial nint TLS_client_method();

    [LibraryImport(Ssl)]
    internal static partial nint SSL_CTX_new(nint method);

    [LibraryImport(Ssl)]
    internal static partial void SSL_CTX_free(nint context);

    [LibraryImport(Ssl)]
    internal static partial nint SSL_CTX_ctrl(nint context, int command, nint argument, void* pointer);

    [LibraryImport(Ssl)]
    internal static partial ulong SSL_CTX_set_options(nint context, ulong options);

    [LibraryImport(Ssl)]
    internal static partial int SSL_CTX_set_num_tickets(nint context, nuint count);

    [LibraryImport(Ssl)]
    internal static partial void SSL_CTX_set_security_level(nint context, int level);

    [LibraryImport(Ssl)]
    internal static partial int SSL_CTX_set_cipher_list(nint context, byte* list);

    [LibraryImport(Ssl)]
    internal static partial void SSL_CTX_set_keylog_callback(nint context, nint callback);

    [LibraryImport(Ssl)]
    internal static partial void SSL_CTX_set_verify(nint context, int mode, nint callback);

    [LibraryImport(Ssl)]
    internal static partial int SSL_CTX_use_certificate(nint context, nint certificate);

    [LibraryImport(Ssl)]
    internal static partial int SSL_CTX_use_PrivateKey(nint context, nint key);

    /// <summary>Owned by the context.</summary>
    [LibraryImport(Ssl)]
    internal static partial nint SSL_CTX_get_cert_store(nint context);

    /// <summary>Owned by the context; every SSL made from it inherits a copy.</summary>
    [LibraryImport(Ssl)]
    internal static partial nint SSL_CTX_get0_param(nint context);

    [LibraryImport(Ssl)]
    internal static partial nint SSL_new(nint context);

    /// <summary>Also frees its BIOs.</summary>
    [LibraryImport(Ssl)]
    internal static partial void SSL_free(nint ssl);

    [LibraryImport(Ssl)]
    internal static partial nint SSL_get0_param(nint ssl);

    /// <summary>Takes both BIOs over.</summary>
    [LibraryImport(Ssl)]
    internal static partial void SSL_set_bio(nint ssl, nint read, nint write);

    [LibraryImport(Ssl)]
    internal static partial void SSL_set_accept_state(nint ssl);

    [LibraryImport(Ssl)]
    internal static partial void SSL_set_connect_state(nint ssl);

    [LibraryImport(Ssl)]
    internal static partial int SSL_do_handshake(nint ssl);

    [LibraryImport(Ssl)]
    internal static partial int SSL_read_ex(nint ssl, byte* plaintext, nuint length, nuint* count);

    [LibraryImport(Ssl)]
    internal static partial int SSL_write_ex(nint ssl, byte* plaintext, nuint length, nuint* count);

    [LibraryImport(Ssl)]
    internal static partial int SSL_shutdown(nint ssl);

    [LibraryImport(Ssl)]
    internal static partial int SSL_get_error(nint ssl, int result);

    [LibraryImport(Ssl)]
    internal static partial nint SSL_get_verify_result(nint ssl);

    [LibraryImport(Ssl)]
    internal static partial int SSL_export_keying_material(
        nint ssl, byte* output, nuint length, byte* label, nuint labelLength, byte* context, nuint contextLength, int useContext);

    /// <summary>The caller frees it.</summary>
    [LibraryImport(Ssl)]
    internal static partial nint SSL_get1_peer_certificate(nint ssl);

    [LibraryImport(Ssl)]
    internal static partial byte* SSL_get_version(nint ssl);

    [LibraryImport(Ssl)]
    internal static partial nint SSL_get_current_cipher(nint ssl);

    [LibraryImport(Ssl)]
    internal static partial byte* SSL_CIPHER_get_name(nint cipher);

    /// <summary>The number that the suite has on the wire.</summary>
    [LibraryImport(Ssl)]
    internal static partial ushort SSL_CIPHER_get_protocol_id(nint cipher);

    /// <summary>1 where libssl has taken bytes of a record and not made anything of them.</summary>
    [LibraryImport(Ssl)]
    internal static partial int SSL_has_pending(nint ssl);

    [LibraryImport(Crypto)]
    internal static partial nint d2i_X509(nint* reuse, byte** der, nint length);

    [LibraryImport(Crypto)]
    internal static partial int i2d_X509(nint certificate, byte** der);

    [LibraryImport(Crypto)]
    internal static partial void X509_free(nint certificate);

    [LibraryImport(Crypto)]
    internal static partial uint X509_get_extended_key_usage(nint certificate);

    [LibraryImport(Crypto)]
    internal static partial int X509_STORE_add_cert(nint store, nint certificate);

    [LibraryImport(Crypto)]
    internal static partial int X509_VERIFY_PARAM_set_flags(nint parameters, nuint flags);

    [LibraryImport(Crypto)]
    internal static partial void X509_VERIFY_PARAM_set_depth(nint parameters, int depth);

    [LibraryImport(Crypto)]
    internal static partial void X509_VERIFY_PARAM_set_time(nint parameters, long unixSeconds);

    [LibraryImport(Crypto)]
    internal static partial int X509_VERIFY_PARAM_set1_host(nint parameters, byte* name, nuint length);

    /// <summary>A static text for every number.</summary>
    [LibraryImport(Crypto)]
    internal static partial byte* X509_verify_cert_error_string(nint error);

    [LibraryImport(Crypto)]
    internal static partial nint d2i_AutoPrivateKey(nint* reuse, byte** der, nint length);

    [LibraryImport(Crypto)]
    internal static partial void EVP_PKEY_free(nint key);

    [LibraryImport(Crypto)]
    internal static partial nint BIO_s_mem();

    [LibraryImport(Crypto)]
    internal static partial nint BIO_new(nint method);

    [LibraryImport(Crypto)]
    internal static partial int BIO_free(nint bio);

    [LibraryImport(Crypto)]
    internal static partial int BIO_write(nint bio, byte* data, int length);

    [LibraryImport(Crypto)]
    internal static partial int BIO_read(nint bio, byte* data, int length);

    [LibraryImport(Crypto)]
    internal static partial nuint BIO_ctrl_pending(nint bio);

    [LibraryImport(Crypto)]
    internal static partial nint BIO_ctrl(nint bio, int command, nint argument, void* pointer);
}
