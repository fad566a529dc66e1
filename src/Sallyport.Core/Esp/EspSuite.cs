using Sallyport.Core.Crypto;

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

    internal const int SaltLength = 4;
}
