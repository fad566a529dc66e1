using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Proposals;

namespace Sallyport.Control.Ipsec;

/// <summary>Proposals in the words of others: of routers' web forms, and of libreswan.</summary>
internal static class ProposalWords
{
    public static Proposal Ike(string text) => ProposalText.TryParseIke(text, out var proposal, out var error) ? proposal : throw new FormatException(error);

    public static Proposal Esp(string text) => ProposalText.TryParseEsp(text, out var proposal, out var error) ? proposal : throw new FormatException(error);

    public static bool IsAead(Proposal proposal) => proposal.Of(TransformType.Encryption).All(cipher => cipher.IsAead);

    /// <summary>Whether it has a key exchange that only newest peers know (RFC 9370).</summary>
    public static bool IsHybrid(Proposal proposal) => proposal.Transforms.Any(transform => transform.Type >= TransformType.AdditionalKeyExchange1)
        || proposal.Contains(Transform.Of(KeyExchangeMethod.MlKem768));

    /// <summary>strongSwan's own words, but for what a client need not offer: to do without forward secrecy.</summary>
    public static string Swanctl(Proposal esp)
    {
        var groups = esp.Of(TransformType.KeyExchange).Any(group => group.Id != (ushort)KeyExchangeMethod.None);
        return string.Join('-', esp.Transforms.Where(transform => !groups || transform != Transform.Of(KeyExchangeMethod.None)).Select(transform => transform.ToString()));
    }

    /// <summary>"AES-256-GCM, AES-128-GCM" as forms have it.</summary>
    public static string Form(Proposal proposal, TransformType type) => string.Join(", ", proposal.Of(type).Select(Form));

    public static string Form(Transform transform) => transform.Type switch
    {
        TransformType.Encryption => (EncryptionId)transform.Id switch
        {
            EncryptionId.AesGcm16 => $"AES-{transform.KeyBits}-GCM (ICV of 16 bytes)",
            EncryptionId.ChaCha20Poly1305 => "ChaCha20-Poly1305",
            EncryptionId.NullGmac => $"AES-{transform.KeyBits}-GMAC (integrity alone)",
            _ => $"AES-{transform.KeyBits} (CBC)",
        },
        TransformType.Prf => $"{Hash(transform.Id switch { (ushort)PrfId.HmacSha1 => 1, (ushort)PrfId.HmacSha384 => 384, (ushort)PrfId.HmacSha512 => 512, _ => 256 })} (PRF)",
        TransformType.Integrity => Hash(transform.Id switch { (ushort)IntegrityId.HmacSha1 => 1, (ushort)IntegrityId.HmacSha384 => 384, (ushort)IntegrityId.HmacSha512 => 512, _ => 256 }),
        TransformType.ExtendedSequence => transform.Id == 0 ? "no" : "yes",
        _ => (KeyExchangeMethod)transform.Id switch
        {
            KeyExchangeMethod.None => "none",
            KeyExchangeMethod.Modp2048 => "14 (MODP 2048)",
            KeyExchangeMethod.Modp3072 => "15 (MODP 3072)",
            KeyExchangeMethod.Modp4096 => "16 (MODP 4096)",
            KeyExchangeMethod.Ecp256 => "19 (ECP 256)",
            KeyExchangeMethod.Ecp384 => "20 (ECP 384)",
            KeyExchangeMethod.Ecp521 => "21 (ECP 521)",
            KeyExchangeMethod.X25519 => "31 (Curve25519)",
            _ => $"{transform.Id} (ML-KEM 768)",
        },
    };

    /// <summary>"aes_gcm256+aes_gcm128-sha2_384+sha2_256-dh31+dh19".</summary>
    public static string LibreswanIke(Proposal ike) => string.Join('-', new[]
    {
        Joined(ike.Of(TransformType.Encryption), Libreswan), Joined(ike.Of(TransformType.Prf), Libreswan), Joined(ike.Of(TransformType.KeyExchange), Libreswan),
    });

    /// <summary>Forward secrecy is another setting there: with the groups of IKE.</summary>
    public static string LibreswanEsp(Proposal esp) => string.Join(
        '-', new[] { Joined(esp.Of(TransformType.Encryption), Libreswan), Joined(esp.Of(TransformType.Integrity), Libreswan) }.Where(part => part.Length > 0));

    private static string Joined(IEnumerable<Transform> transforms, Func<Transform, string> word) => string.Join('+', transforms.Select(word));

    private static string Libreswan(Transform transform) => transform.Type switch
    {
        TransformType.Encryption => (EncryptionId)transform.Id switch
        {
            EncryptionId.AesGcm16 => $"aes_gcm{transform.KeyBits}",
            EncryptionId.ChaCha20Poly1305 => "chacha20_poly1305",
            EncryptionId.NullGmac => $"null_auth_aes_gmac_{transform.KeyBits}",
            _ => $"aes{transform.KeyBits}",
        },
        TransformType.Prf => transform.Id switch { (ushort)PrfId.HmacSha1 => "sha1", (ushort)PrfId.HmacSha384 => "sha2_384", (ushort)PrfId.HmacSha512 => "sha2_512", _ => "sha2_256" },
        TransformType.Integrity => transform.Id switch
        {
            (ushort)IntegrityId.HmacSha1 => "sha1", (ushort)IntegrityId.HmacSha384 => "sha2_384", (ushort)IntegrityId.HmacSha512 => "sha2_512", _ => "sha2_256",
        },
        _ => $"dh{transform.Id}",
    };

    private static string Hash(int bits) => bits == 1 ? "SHA-1" : $"SHA-{bits}";
}
