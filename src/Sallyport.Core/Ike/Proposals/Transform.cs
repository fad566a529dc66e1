namespace Sallyport.Core.Ike.Proposals;

/// <summary>RFC 7296 section 3.3.2, RFC 9370 section 4.1.</summary>
public enum TransformType : byte
{
    None = 0,
    Encryption = 1,
    Prf = 2,
    Integrity = 3,
    KeyExchange = 4,
    ExtendedSequence = 5,
    AdditionalKeyExchange1 = 6,
    AdditionalKeyExchange7 = 12,
}

/// <summary>IANA "Transform Type 1".</summary>
public enum EncryptionId : ushort
{
    None = 0,
    AesCbc = 12,
    AesGcm16 = 20,
    NullGmac = 21,
    ChaCha20Poly1305 = 28,
}

/// <summary>IANA "Transform Type 2".</summary>
public enum PrfId : ushort
{
    None = 0,
    HmacSha1 = 2,
    HmacSha256 = 5,
    HmacSha384 = 6,
    HmacSha512 = 7,
}

/// <summary>IANA "Transform Type 3".</summary>
public enum IntegrityId : ushort
{
    None = 0,
    HmacSha1 = 2,
    HmacSha256 = 12,
    HmacSha384 = 13,
    HmacSha512 = 14,
}

/// <summary>One algorithm that a proposal offers. Ids that we do not know are kept, to be named where nothing matches.</summary>
/// <param name="KeyBits">0 where the algorithm has one length only.</param>
public readonly record struct Transform(TransformType Type, ushort Id, ushort KeyBits = 0)
{
    public static Transform Of(EncryptionId id, ushort keyBits) => new(TransformType.Encryption, (ushort)id, keyBits);

    public static Transform Of(PrfId id) => new(TransformType.Prf, (ushort)id);

    public static Transform Of(IntegrityId id) => new(TransformType.Integrity, (ushort)id);

    public static Transform Of(Crypto.KeyExchangeMethod method) => new(TransformType.KeyExchange, (ushort)method);

    public static Transform Additional(int round, Crypto.KeyExchangeMethod method) =>
        new(TransformType.AdditionalKeyExchange1 + (byte)round, (ushort)method);

    public static Transform Sequence(bool extended) => new(TransformType.ExtendedSequence, extended ? (ushort)1 : (ushort)0);

    /// <summary>The encryption is also the integrity (RFC 5282, RFC 7634).</summary>
    public bool IsAead => Type == TransformType.Encryption
        && (EncryptionId)Id is EncryptionId.AesGcm16 or EncryptionId.NullGmac or EncryptionId.ChaCha20Poly1305;

    public override string ToString() => TransformNames.NameOf(this);
}
