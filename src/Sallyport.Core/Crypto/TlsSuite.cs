namespace Sallyport.Core.Crypto;

/// <summary>Cipher suites of TLS 1.3 (RFC 8446 appendix B.4) whose records <see cref="TlsRecords"/> protects.</summary>
internal enum TlsSuite : ushort
{
    Aes128GcmSha256 = 0x1301,
    Aes256GcmSha384 = 0x1302,
    ChaCha20Poly1305Sha256 = 0x1303,
}

internal static class TlsSuites
{
    public static bool IsKnown(this TlsSuite suite) => suite is >= TlsSuite.Aes128GcmSha256 and <= TlsSuite.ChaCha20Poly1305Sha256;

    public static AeadAlgorithm Aead(this TlsSuite suite) => suite switch
    {
        TlsSuite.Aes128GcmSha256 => AeadAlgorithm.Aes128Gcm,
        TlsSuite.Aes256GcmSha384 => AeadAlgorithm.Aes256Gcm,
        TlsSuite.ChaCha20Poly1305Sha256 => AeadAlgorithm.ChaCha20Poly1305,
    };

    public static HashKind Hash(this TlsSuite suite) => suite == TlsSuite.Aes256GcmSha384 ? HashKind.Sha384 : HashKind.Sha256;

    /// <summary>As OpenSSL calls it.</summary>
    public static string Name(this TlsSuite suite) => suite switch
    {
        TlsSuite.Aes128GcmSha256 => "TLS_AES_128_GCM_SHA256",
        TlsSuite.Aes256GcmSha384 => "TLS_AES_256_GCM_SHA384",
        TlsSuite.ChaCha20Poly1305Sha256 => "TLS_CHACHA20_POLY1305_SHA256",
    };
}
