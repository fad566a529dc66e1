using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Esp;

/// <summary>What encrypts an ESP packet. GMAC (RFC 4543) encrypts nothing: integrity alone.</summary>
public enum EspCipher : byte
{
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
    Aes128Cbc,
    Aes256Cbc,
    Aes128Gmac,
    Aes256Gmac,
}

/// <summary>The algorithms of one pair of SAs.</summary>
/// <param name="Integrity">The hash of the HMAC beside CBC, whose tag is half of it (RFC 4868; 96 bits for SHA-1, RFC 2404); without meaning elsewhere.</param>
/// <param name="ExtendedSequence">Sequence numbers of 64 bits, of which the lower half travels (RFC 4303 section 2.2.1).</param>
public readonly record struct EspSuite(EspCipher Cipher, HashKind Integrity, bool ExtendedSequence)
{
    public bool IsCbc => Cipher is EspCipher.Aes128Cbc or EspCipher.Aes256Cbc;

    /// <summary>Bytes of KEYMAT for the cipher in one direction, with the 4 bytes of salt that AEAD ciphers have (RFC 4106, RFC 4543, RFC 7634).</summary>
    public int CipherKeyLength => Cipher switch
    {
        EspCipher.Aes128Gcm or EspCipher.Aes128Gmac => 16 + SaltLength,
        EspCipher.Aes256Gcm or EspCipher.Aes256Gmac or EspCipher.ChaCha20Poly1305 => 32 + SaltLength,
        EspCipher.Aes128Cbc => 16,
        EspCipher.Aes256Cbc => 32,
    };

    /// <summary>Bytes of KEYMAT for integrity in one direction, behind those of the cipher.</summary>
    public int IntegrityKeyLength => IsCbc ? Integrity.Length() : 0;

    /// <summary>Bytes of KEYMAT in one direction.</summary>
    public int KeyLength => CipherKeyLength + IntegrityKeyLength;

    public bool IsGmac => Cipher is EspCipher.Aes128Gmac or EspCipher.Aes256Gmac;

    /// <summary>Bytes of the integrity check value: of HMACs a half of the hash, 96 bits of SHA-1.</summary>
    public int TagLength => !IsCbc ? AeadContext.TagLength : Integrity == HashKind.Sha1 ? 12 : Integrity.Length() / 2;

    /// <summary>What is sealed is a multiple of so many bytes.</summary>
    public int Alignment => IsCbc ? CbcContext.BlockLength : sizeof(uint);

    /// <summary>"AES-256-GCM", "AES-128-CBC/SHA-256" and so on, with "/ESN" behind it: for operators.</summary>
    public override string ToString()
    {
        var cipher = Cipher switch
        {
            EspCipher.Aes128Gcm => "AES-128-GCM",
            EspCipher.Aes256Gcm => "AES-256-GCM",
            EspCipher.ChaCha20Poly1305 => "CHACHA20-POLY1305",
            EspCipher.Aes128Cbc => "AES-128-CBC",
            EspCipher.Aes256Cbc => "AES-256-CBC",
            EspCipher.Aes128Gmac => "AES-128-GMAC",
            EspCipher.Aes256Gmac => "AES-256-GMAC",
        };
        var integrity = !IsCbc ? "" : Integrity switch
        {
            HashKind.Sha1 => "/SHA-1",
            HashKind.Sha256 => "/SHA-256",
            HashKind.Sha384 => "/SHA-384",
            HashKind.Sha512 => "/SHA-512",
        };
        return cipher + integrity + (ExtendedSequence ? "/ESN" : "");
    }

    internal const int SaltLength = 4;

    internal AeadAlgorithm Aead => Cipher switch
    {
        EspCipher.Aes128Gcm => AeadAlgorithm.Aes128Gcm,
        EspCipher.Aes256Gcm => AeadAlgorithm.Aes256Gcm,
        EspCipher.ChaCha20Poly1305 => AeadAlgorithm.ChaCha20Poly1305,
        EspCipher.Aes128Cbc or EspCipher.Aes256Cbc or EspCipher.Aes128Gmac or EspCipher.Aes256Gmac =>
            throw new InvariantException("only an AEAD cipher has an AEAD algorithm"),
    };
}
