namespace Sallyport.Core.Crypto;

/// <summary>AES-GCM of NIST SP 800-38D and ChaCha20-Poly1305 of RFC 8439, all with 12-byte nonces and 16-byte tags.</summary>
public enum AeadAlgorithm : byte
{
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
}

public static class AeadAlgorithms
{
    public static bool IsGcm(this AeadAlgorithm algorithm) => algorithm is AeadAlgorithm.Aes128Gcm or AeadAlgorithm.Aes256Gcm;

    /// <summary>Bytes of a key.</summary>
    public static int KeyLength(this AeadAlgorithm algorithm) => algorithm switch
    {
        AeadAlgorithm.Aes128Gcm => 16,
        AeadAlgorithm.Aes256Gcm => 32,
        AeadAlgorithm.ChaCha20Poly1305 => 32,
    };
}
