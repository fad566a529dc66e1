using System.Text;

namespace Sallyport.Core.Crypto;

/// <summary>
/// OpenSSL's implementations, fetched once per process and never freed: a fetch takes a lock and searches the providers,
/// which is too much for every new key.
/// </summary>
internal static unsafe class Algorithms
{
    private static readonly Lazy<nint> Aes128Gcm = new(static () => Cipher("AES-128-GCM"u8));
    private static readonly Lazy<nint> Aes256Gcm = new(static () => Cipher("AES-256-GCM"u8));
    private static readonly Lazy<nint> ChaCha20Poly1305 = new(static () => Cipher("ChaCha20-Poly1305"u8));
    private static readonly Lazy<nint> Aes128Cbc = new(static () => Cipher("AES-128-CBC"u8));
    private static readonly Lazy<nint> Aes256Cbc = new(static () => Cipher("AES-256-CBC"u8));
    private static readonly Lazy<nint> Aes256CtrCipher = new(static () => Cipher("AES-256-CTR"u8));
    private static readonly Lazy<nint> HmacMac = new(static () => Mac("HMAC"u8));
    private static readonly Lazy<nint> Tls1PrfKdf = new(static () => Kdf("TLS1-PRF"u8));
    private static readonly Lazy<nint> HkdfKdf = new(static () => Kdf("HKDF"u8));

    private static readonly Lazy<nint> Sha1Digest = new(static () => Hash("SHA1"u8));
    private static readonly Lazy<nint> Sha256Digest = new(static () => Hash("SHA256"u8));
    private static readonly Lazy<nint> Sha384Digest = new(static () => Hash("SHA384"u8));
    private static readonly Lazy<nint> Sha512Digest = new(static () => Hash("SHA512"u8));

    public static nint Aes256Ctr => Aes256CtrCipher.Value;

    public static nint Hmac => HmacMac.Value;

    public static nint Tls1Prf => Tls1PrfKdf.Value;

    public static nint Hkdf => HkdfKdf.Value;

    public static nint Aead(AeadAlgorithm algorithm) => algorithm switch
    {
        AeadAlgorithm.Aes128Gcm => Aes128Gcm.Value,
        AeadAlgorithm.Aes256Gcm => Aes256Gcm.Value,
        AeadAlgorithm.ChaCha20Poly1305 => ChaCha20Poly1305.Value,
    };

    public static nint AesCbc(int keyLength) => keyLength == 16 ? Aes128Cbc.Value : Aes256Cbc.Value;

    public static nint Digest(HashKind hash) => hash switch
    {
        HashKind.Sha1 => Sha1Digest.Value,
        HashKind.Sha256 => Sha256Digest.Value,
        HashKind.Sha384 => Sha384Digest.Value,
        HashKind.Sha512 => Sha512Digest.Value,
    };

    /// <summary>Must come before any other call, whichever part of this folder is used first.</summary>
    public static void Initialize()
    {
        if (OpenSsl.OPENSSL_init_crypto(OpenSsl.InitNoAtExit, null) != 1)
        {
            OpenSsl.ThrowRefused("OpenSSL does not start on this machine");
        }
    }

    private static nint Cipher(ReadOnlySpan<byte> literal)
    {
        Initialize();
        return Found(OpenSsl.EVP_CIPHER_fetch(0, OpenSsl.Literal(literal), null), literal);
    }

    private static nint Mac(ReadOnlySpan<byte> literal)
    {
        Initialize();
        return Found(OpenSsl.EVP_MAC_fetch(0, OpenSsl.Literal(literal), null), literal);
    }

    private static nint Hash(ReadOnlySpan<byte> literal)
    {
        Initialize();
        return Found(OpenSsl.EVP_MD_fetch(0, OpenSsl.Literal(literal), null), literal);
    }

    private static nint Kdf(ReadOnlySpan<byte> literal)
    {
        Initialize();
        return Found(OpenSsl.EVP_KDF_fetch(0, OpenSsl.Literal(literal), null), literal);
    }

    private static nint Found(nint algorithm, ReadOnlySpan<byte> literal)
    {
        if (algorithm == 0)
        {
            OpenSsl.ThrowRefused("This machine's OpenSSL does not offer " + Encoding.ASCII.GetString(literal));
        }

        return algorithm;
    }
}
