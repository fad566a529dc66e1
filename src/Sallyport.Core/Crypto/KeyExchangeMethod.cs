namespace Sallyport.Core.Crypto;

/// <summary>Ways to agree on a secret, by their IANA numbers (IKEv2 transform type 4).</summary>
public enum KeyExchangeMethod : ushort
{
    None = 0,
    Modp2048 = 14,
    Modp3072 = 15,
    Modp4096 = 16,
    Ecp256 = 19,
    Ecp384 = 20,
    Ecp521 = 21,
    X25519 = 31,

    /// <summary>Where the machine's OpenSSL has it.</summary>
    MlKem768 = 36,
}
