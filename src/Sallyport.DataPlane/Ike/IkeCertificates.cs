using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Session;

namespace Sallyport.DataPlane.Ike;

/// <summary>The gateway's certificate for IKE, and the authorities of its peers. Immutable; replaced when the certificate is renewed, and then left to the collector.</summary>
internal sealed record IkeCertificates
{
    public required IkeCertificate Own { get; init; }

    public required CertificateAnchors Anchors { get; init; }

    /// <summary>SHA-1 of the public keys of the authorities, 20 bytes each.</summary>
    public required byte[] AuthorityHashes { get; init; }

    /// <exception cref="InvalidDataException">Control sent what is none.</exception>
    public static IkeCertificates Create(IReadOnlyList<byte[]> chain, IReadOnlyList<byte[]> anchors, ReadOnlySpan<byte> privateKeyPkcs8)
    {
        if (!SigningKey.TryReadPkcs8(privateKeyPkcs8, out var key))
        {
            throw new InvalidDataException("The gateway's own key cannot be used for IKE.");
        }

        return new IkeCertificates
        {
            Own = new IkeCertificate { Chain = chain, Key = key },
            Anchors = new CertificateAnchors(anchors),
            AuthorityHashes = [.. anchors.SelectMany(anchor => CertificateNames.TryRead(anchor, out var names) ? names.PublicKeySha1 : [])],
        };
    }
}
