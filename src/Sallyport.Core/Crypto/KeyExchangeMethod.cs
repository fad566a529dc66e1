namespace Sallyport.Core.Crypto;

/// <summary>Key exchange methods by their IANA number (IKEv2 transform type 4).</summary>
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
    MlKem768 = 36,
}
