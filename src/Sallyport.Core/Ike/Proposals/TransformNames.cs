using System.Globalization;
using Sallyport.Core.Crypto;

namespace Sallyport.Core.Ike.Proposals;

/// <summary>What operators call algorithms: the words of strongSwan's proposals, which libreswan and most routers have too, or have nearly.</summary>
public static class TransformNames
{
    /// <summary>What we can do, by the word that means it.</summary>
    private static readonly (string Word, Transform Transform)[] Known =
    [
        ("aes128gcm16", Transform.Of(EncryptionId.AesGcm16, 128)),
        ("aes256gcm16", Transform.Of(EncryptionId.AesGcm16, 256)),
        ("chacha20poly1305", Transform.Of(EncryptionId.ChaCha20Poly1305, 0)),
        ("aes128", Transform.Of(EncryptionId.AesCbc, 128)),
        ("aes256", Transform.Of(EncryptionId.AesCbc, 256)),
        ("aes128gmac", Transform.Of(EncryptionId.NullGmac, 128)),
        ("aes256gmac", Transform.Of(EncryptionId.NullGmac, 256)),
        ("prfsha1", Transform.Of(PrfId.HmacSha1)),
        ("prfsha256", Transform.Of(PrfId.HmacSha256)),
        ("prfsha384", Transform.Of(PrfId.HmacSha384)),
        ("prfsha512", Transform.Of(PrfId.HmacSha512)),
        ("sha1", Transform.Of(IntegrityId.HmacSha1)),
        ("sha256", Transform.Of(IntegrityId.HmacSha256)),
        ("sha384", Transform.Of(IntegrityId.HmacSha384)),
        ("sha512", Transform.Of(IntegrityId.HmacSha512)),
        ("modp2048", Transform.Of(KeyExchangeMethod.Modp2048)),
        ("modp3072", Transform.Of(KeyExchangeMethod.Modp3072)),
        ("modp4096", Transform.Of(KeyExchangeMethod.Modp4096)),
        ("ecp256", Transform.Of(KeyExchangeMethod.Ecp256)),
        ("ecp384", Transform.Of(KeyExchangeMethod.Ecp384)),
        ("ecp521", Transform.Of(KeyExchangeMethod.Ecp521)),
        ("x25519", Transform.Of(KeyExchangeMethod.X25519)),
        ("mlkem768", Transform.Of(KeyExchangeMethod.MlKem768)),
        ("none", Transform.Of(KeyExchangeMethod.None)),
        ("esn", Transform.Sequence(extended: true)),
        ("noesn", Transform.Sequence(extended: false)),
    ];

    /// <summary>Other words for the same.</summary>
    private static readonly (string Word, string Known)[] Aliases =
    [
        ("aes128gcm128", "aes128gcm16"), ("aes256gcm128", "aes256gcm16"), ("aes", "aes128"), ("curve25519", "x25519"),
        ("chacha20poly1305compat", "chacha20poly1305"), ("sha", "sha1"), ("sha2_256", "sha256"), ("sha2_384", "sha384"), ("sha2_512", "sha512"),
    ];

    /// <summary>What peers still offer and we never take: named, so that an operator sees what it was.</summary>
    private static readonly (TransformType Type, ushort Id, string Name)[] Foreign =
    [
        (TransformType.Encryption, 2, "des"), (TransformType.Encryption, 3, "3des"), (TransformType.Encryption, 7, "blowfish"),
        (TransformType.Encryption, 11, "null"), (TransformType.Encryption, 13, "aesctr"), (TransformType.Encryption, 14, "aesccm8"),
        (TransformType.Encryption, 15, "aesccm12"), (TransformType.Encryption, 16, "aesccm16"), (TransformType.Encryption, 18, "aesgcm8"),
        (TransformType.Encryption, 19, "aesgcm12"), (TransformType.Encryption, 23, "camellia"),
        (TransformType.Prf, 1, "prfmd5"), (TransformType.Prf, 4, "prfaesxcbc"), (TransformType.Prf, 8, "prfaescmac"),
        (TransformType.Integrity, 1, "md5"), (TransformType.Integrity, 5, "aesxcbc"), (TransformType.Integrity, 8, "aescmac"),
        (TransformType.KeyExchange, 1, "modp768"), (TransformType.KeyExchange, 2, "modp1024"), (TransformType.KeyExchange, 5, "modp1536"),
        (TransformType.KeyExchange, 17, "modp6144"), (TransformType.KeyExchange, 18, "modp8192"), (TransformType.KeyExchange, 22, "modp1024s160"),
        (TransformType.KeyExchange, 23, "modp2048s224"), (TransformType.KeyExchange, 24, "modp2048s256"), (TransformType.KeyExchange, 25, "ecp192"),
        (TransformType.KeyExchange, 26, "ecp224"), (TransformType.KeyExchange, 27, "ecp224bp"), (TransformType.KeyExchange, 28, "ecp256bp"),
        (TransformType.KeyExchange, 29, "ecp384bp"), (TransformType.KeyExchange, 30, "ecp512bp"), (TransformType.KeyExchange, 32, "x448"),
        (TransformType.KeyExchange, 35, "mlkem512"), (TransformType.KeyExchange, 37, "mlkem1024"),
    ];

    /// <summary>False for a word that means nothing that we can do.</summary>
    public static bool TryRead(ReadOnlySpan<char> word, out Transform transform)
    {
        if (word.StartsWith("ke", StringComparison.Ordinal) && word.Length > 4 && word[2] is >= '1' and <= '7' && word[3] == '_')
        {
            var known = TryRead(word[4..], out var method) && method.Type == TransformType.KeyExchange;
            transform = Transform.Additional(word[2] - '1', (KeyExchangeMethod)method.Id);
            return known;
        }

        foreach (var (alias, meant) in Aliases)
        {
            if (word.SequenceEqual(alias))
            {
                word = meant;
            }
        }

        foreach (var (text, known) in Known)
        {
            if (word.SequenceEqual(text))
            {
                transform = known;
                return true;
            }
        }

        transform = default;
        return false;
    }

    public static string NameOf(in Transform transform)
    {
        if (transform.Type >= TransformType.AdditionalKeyExchange1)
        {
            var round = transform.Type - TransformType.AdditionalKeyExchange1 + 1;
            return string.Create(CultureInfo.InvariantCulture, $"ke{round}_{NameOf(new Transform(TransformType.KeyExchange, transform.Id))}");
        }

        foreach (var (word, known) in Known)
        {
            if (known == transform)
            {
                return word;
            }
        }

        if (transform.Type == TransformType.Encryption && transform.KeyBits != 0 && (EncryptionId)transform.Id is EncryptionId.AesCbc or EncryptionId.AesGcm16)
        {
            // Of 192 bits, which is known by nobody here but is what people write.
            return string.Create(CultureInfo.InvariantCulture, $"aes{transform.KeyBits}{((EncryptionId)transform.Id == EncryptionId.AesGcm16 ? "gcm16" : "")}");
        }

        foreach (var (type, id, name) in Foreign)
        {
            if (type == transform.Type && id == transform.Id)
            {
                return transform.KeyBits == 0 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}_{transform.KeyBits}");
            }
        }

        return transform.KeyBits == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{Kind(transform.Type)}{transform.Id}")
            : string.Create(CultureInfo.InvariantCulture, $"{Kind(transform.Type)}{transform.Id}_{transform.KeyBits}");
    }

    /// <summary>For sentences.</summary>
    public static string Kind(TransformType type) => type switch
    {
        TransformType.Encryption => "encryption",
        TransformType.Prf => "prf",
        TransformType.Integrity => "integrity",
        TransformType.KeyExchange => "group",
        TransformType.ExtendedSequence => "sequence",
        _ => "additional",
    };
}
