using System.Diagnostics.CodeAnalysis;
using Sallyport.Core.Crypto;

namespace Sallyport.Core.Ike.Proposals;

/// <summary>
/// Proposals as operators write them: algorithms of one proposal with dashes between, in order of preference, each of which may stand for
/// its kind. AEAD ciphers and others are never in one proposal (RFC 7296 section 3.3.3).
/// </summary>
public static class ProposalText
{
    private const int LengthMax = 512;

    /// <summary>For an IKE SA: cipher, PRF, key exchange; integrity beside a cipher that has none. A hash that stands alone is integrity and PRF.</summary>
    public static bool TryParseIke(string text, [NotNullWhen(true)] out Proposal? proposal, out string error)
    {
        if (!TryRead(text, IpsecProtocol.Ike, out var transforms, out error))
        {
            proposal = null;
            return false;
        }

        if (!transforms.Any(transform => transform.Type == TransformType.Prf))
        {
            transforms.AddRange([.. transforms.Where(transform => transform.Type == TransformType.Integrity).Select(PrfOf)]);
        }

        error = Missing(transforms, TransformType.Encryption, TransformType.Prf, TransformType.KeyExchange);
        if (error.Length == 0 && transforms.Contains(Transform.Of(KeyExchangeMethod.None)))
        {
            error = "an IKE SA has a key exchange: 'none' is for ESP";
        }

        if (error.Length == 0 && transforms.Any(transform => transform is { Type: TransformType.Encryption, Id: (ushort)EncryptionId.NullGmac }))
        {
            error = "an IKE SA is encrypted: GMAC is for ESP";
        }

        return Finish(IpsecProtocol.Ike, transforms, ref error, out proposal);
    }

    /// <summary>
    /// For a CHILD_SA: cipher; integrity beside one that has none; key exchanges for perfect forward secrecy of later keys, with "none" where it
    /// is optional; "esn", "noesn" or both, of which "noesn" is meant where neither stands.
    /// </summary>
    public static bool TryParseEsp(string text, [NotNullWhen(true)] out Proposal? proposal, out string error)
    {
        if (!TryRead(text, IpsecProtocol.Esp, out var transforms, out error))
        {
            proposal = null;
            return false;
        }

        if (transforms.Any(transform => transform.Type == TransformType.Prf))
        {
            error = "a PRF is for IKE SAs";
        }

        if (!transforms.Any(transform => transform.Type == TransformType.ExtendedSequence))
        {
            transforms.Add(Transform.Sequence(extended: false));
        }

        if (error.Length == 0)
        {
            error = Missing(transforms, TransformType.Encryption);
        }

        if (error.Length == 0 && transforms.Any(transform => transform is { Type: >= TransformType.AdditionalKeyExchange1, Id: not 0 })
            && !transforms.Any(transform => transform is { Type: TransformType.KeyExchange, Id: not 0 }))
        {
            error = "an additional key exchange follows a first one: it has none, such as x25519";
        }

        return Finish(IpsecProtocol.Esp, transforms, ref error, out proposal);
    }

    private static bool TryRead(string text, IpsecProtocol protocol, out List<Transform> transforms, out string error)
    {
        transforms = [];
        error = "";
        if (text.Length > LengthMax)
        {
            error = "it is too long";
            return false;
        }

        foreach (var word in text.ToLowerInvariant().Split('-', StringSplitOptions.TrimEntries))
        {
            if (!TransformNames.TryRead(word, out var transform))
            {
                error = $"'{Primitives.PlainText.Clean(word)}' is no algorithm that {(protocol == IpsecProtocol.Ike ? "IKE" : "ESP")} can have here";
                return false;
            }

            if (protocol == IpsecProtocol.Ike && transform.Type == TransformType.ExtendedSequence)
            {
                error = $"'{word}' is for ESP";
                return false;
            }

            if (!transforms.Contains(transform))
            {
                transforms.Add(transform);
            }
        }

        return true;
    }

    private static bool Finish(IpsecProtocol protocol, List<Transform> transforms, ref string error, [NotNullWhen(true)] out Proposal? proposal)
    {
        proposal = null;
        var ciphers = transforms.Where(transform => transform.Type == TransformType.Encryption).ToList();
        var aead = ciphers.Count(transform => transform.IsAead);
        var hasIntegrity = transforms.Any(transform => transform.Type == TransformType.Integrity);
        if (error.Length == 0 && aead > 0 && aead < ciphers.Count)
        {
            error = "AEAD ciphers and others are not for one proposal: make two of it";
        }
        else if (error.Length == 0 && aead == 0 && !hasIntegrity)
        {
            error = "beside AES-CBC it needs integrity, such as sha256";
        }

        if (error.Length > 0)
        {
            return false;
        }

        // What a hash beside an AEAD cipher means is its PRF.
        proposal = new Proposal(protocol, 0, [.. transforms.Where(transform => aead == 0 || transform.Type != TransformType.Integrity).OrderBy(transform => transform.Type)]);
        return true;
    }

    private static string Missing(List<Transform> transforms, params ReadOnlySpan<TransformType> kinds)
    {
        foreach (var kind in kinds)
        {
            if (!transforms.Any(transform => transform.Type == kind))
            {
                return kind switch
                {
                    TransformType.Encryption => "it has no cipher, such as aes256gcm16",
                    TransformType.Prf => "it has no PRF, such as prfsha256",
                    _ => "it has no key exchange, such as x25519 or ecp256",
                };
            }
        }

        return "";
    }

    private static Transform PrfOf(Transform integrity) => Transform.Of((IntegrityId)integrity.Id switch
    {
        IntegrityId.HmacSha1 => PrfId.HmacSha1,
        IntegrityId.HmacSha384 => PrfId.HmacSha384,
        IntegrityId.HmacSha512 => PrfId.HmacSha512,
        _ => PrfId.HmacSha256,
    });
}
