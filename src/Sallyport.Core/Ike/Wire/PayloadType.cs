namespace Sallyport.Core.Ike.Wire;

/// <summary>RFC 7296 section 3.2, RFC 7383.</summary>
public enum PayloadType : byte
{
    None = 0,
    Sa = 33,
    Ke = 34,
    IdInitiator = 35,
    IdResponder = 36,
    Certificate = 37,
    CertificateRequest = 38,
    Auth = 39,
    Nonce = 40,
    Notify = 41,
    Delete = 42,
    VendorId = 43,
    TsInitiator = 44,
    TsResponder = 45,
    Encrypted = 46,
    Configuration = 47,
    Eap = 48,
    EncryptedFragment = 53,
}
