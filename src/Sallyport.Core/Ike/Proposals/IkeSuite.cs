using System.Collections.Immutable;
using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Proposals;

/// <summary>The algorithms of one IKE SA.</summary>
/// <param name="Integrity">Beside AES-CBC; without meaning otherwise.</param>
/// <param name="Additional">Key exchanges that follow the first, in their order (RFC 9370); mostly none.</param>
public sealed record IkeSuite(
    EncryptionId Cipher, int KeyBits, HashKind Integrity, HashKind Prf, KeyExchangeMethod Group, ImmutableArray<KeyExchangeMethod> Additional)
{
    public bool IsAead => Cipher != EncryptionId.AesCbc;

    /// <summary>Bytes of SK_e: of an AEAD cipher with 4 bytes of salt (RFC 5282 section 7.1).</summary>
    public int EncryptionKeyLength => (KeyBits / 8) + (IsAead ? 4 : 0);

    /// <summary>Bytes of SK_a.</summary>
    public int IntegrityKeyLength => IsAead ? 0 : Integrity.Length();

    /// <summary>Bytes of the truncated MAC or of the tag.</summary>
    public int TagLength => IsAead ? AeadContext.TagLength : Integrity == HashKind.Sha1 ? 12 : Integrity.Length() / 2;

    /// <summary>What was chosen, which <see cref="ProposalChoice"/> made sure to be complete.</summary>
    public static IkeSuite Of(Proposal chosen)
    {
        var cipher = chosen.Of(TransformType.Encryption).First();
        return new IkeSuite(
            (EncryptionId)cipher.Id,
            (EncryptionId)cipher.Id == EncryptionId.ChaCha20Poly1305 ? 256 : cipher.KeyBits,
            HashOf((IntegrityId)chosen.Of(TransformType.Integrity).FirstOrDefault().Id),
            HashOf((PrfId)chosen.Of(TransformType.Prf).First().Id),
            (KeyExchangeMethod)chosen.Of(TransformType.KeyExchange).First().Id,
            AdditionalOf(chosen));
    }

    /// <summary>Key exchanges that follow the first, in their order (RFC 9370 section 2.2.1), for an IKE SA or a CHILD_SA.</summary>
    public static ImmutableArray<KeyExchangeMethod> AdditionalOf(Proposal chosen) =>
    [
        .. chosen.Transforms.Where(transform => transform.Type >= TransformType.AdditionalKeyExchange1 && transform.Id != 0)
            .OrderBy(transform => transform.Type).Select(transform => (KeyExchangeMethod)transform.Id),
    ];

    /// <summary>A proposal of nothing but this.</summary>
    public Proposal ToProposal()
    {
        List<Transform> transforms =
        [
            Transform.Of(Cipher, Cipher == EncryptionId.ChaCha20Poly1305 ? (ushort)0 : (ushort)KeyBits),
            Transform.Of(PrfOf(Prf)),
            Transform.Of(Group),
            .. Additional.Select((method, round) => Transform.Additional(round, method)),
        ];
        if (!IsAead)
        {
            transforms.Insert(2, Transform.Of(IdOf(Integrity)));
        }

        return new Proposal(IpsecProtocol.Ike, 0, [.. transforms]);
    }

    /// <summary>"aes256gcm16-prfsha384-ecp384".</summary>
    public override string ToString() => ToProposal().ToString();

    /// <summary>The suite of a CHILD_SA.</summary>
    public static EspSuite EspOf(Proposal chosen)
    {
        var cipher = chosen.Of(TransformType.Encryption).First();
        return new EspSuite(
            ((EncryptionId)cipher.Id, cipher.KeyBits) switch
            {
                (EncryptionId.AesGcm16, 128) => EspCipher.Aes128Gcm,
                (EncryptionId.AesGcm16, 256) => EspCipher.Aes256Gcm,
                (EncryptionId.ChaCha20Poly1305, _) => EspCipher.ChaCha20Poly1305,
                (EncryptionId.AesCbc, 128) => EspCipher.Aes128Cbc,
                (EncryptionId.AesCbc, 256) => EspCipher.Aes256Cbc,
                (EncryptionId.NullGmac, 128) => EspCipher.Aes128Gmac,
                (EncryptionId.NullGmac, 256) => EspCipher.Aes256Gmac,
                _ => throw new InvariantException($"a chosen ESP cipher is one of ours, not {cipher}"),
            },
            HashOf((IntegrityId)chosen.Of(TransformType.Integrity).FirstOrDefault().Id),
            chosen.Of(TransformType.ExtendedSequence).FirstOrDefault().Id == 1);
    }

    public static HashKind HashOf(PrfId prf) => prf switch
    {
        PrfId.HmacSha1 => HashKind.Sha1,
        PrfId.HmacSha384 => HashKind.Sha384,
        PrfId.HmacSha512 => HashKind.Sha512,
        PrfId.HmacSha256 or PrfId.None => HashKind.Sha256,
    };

    public static PrfId PrfOf(HashKind prf) => prf switch
    {
        HashKind.Sha1 => PrfId.HmacSha1,
        HashKind.Sha256 => PrfId.HmacSha256,
        HashKind.Sha384 => PrfId.HmacSha384,
        HashKind.Sha512 => PrfId.HmacSha512,
    };

    public static IntegrityId IdOf(HashKind integrity) => integrity switch
    {
        HashKind.Sha1 => IntegrityId.HmacSha1,
        HashKind.Sha256 => IntegrityId.HmacSha256,
        HashKind.Sha384 => IntegrityId.HmacSha384,
        HashKind.Sha512 => IntegrityId.HmacSha512,
    };

    private static HashKind HashOf(IntegrityId integrity) => integrity switch
    {
        IntegrityId.HmacSha1 => HashKind.Sha1,
        IntegrityId.HmacSha384 => HashKind.Sha384,
        IntegrityId.HmacSha512 => HashKind.Sha512,
        IntegrityId.HmacSha256 or IntegrityId.None => HashKind.Sha256,
    };
}
