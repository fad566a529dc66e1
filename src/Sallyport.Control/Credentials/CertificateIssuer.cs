using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Control.Changes;
using Sallyport.Control.Identities;
using Sallyport.Control.Pki;

namespace Sallyport.Control.Credentials;

/// <summary>A certificate with its private key, which leaves with the profile and stays nowhere.</summary>
internal sealed record CertificateParts(
    byte[] Der, string Pem, string KeyPem, string Fingerprint, string KeyId, string Serial, DateTimeOffset NotBefore, DateTimeOffset NotAfter)
{
    public override string ToString() => Fingerprint;
}

/// <summary>Makes key pairs for identities and has them certified.</summary>
internal sealed class CertificateIssuer(CertificateAuthority authority)
{
    /// <summary>PEM of the root, and of who signs for it.</summary>
    public (string Root, string Issuing) Anchors => (authority.Root.ExportCertificatePem() + "\n", authority.Issuing.ExportCertificatePem() + "\n");

    /// <summary>Inside a command.</summary>
    /// <param name="ids">Who it says it is in IKE.</param>
    public CertificateParts Issue(Change change, IdentityRow identity, IReadOnlyList<string> ids, int? validDays)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        TimeSpan? validity = validDays is { } days ? TimeSpan.FromDays(days) : null;
        using var certificate = authority.IssueClient(change.Sql, identity.Name, identity.Network, ids, key, validity);
        return new CertificateParts(
            certificate.RawData,
            certificate.ExportCertificatePem() + "\n",
            key.ExportPkcs8PrivateKeyPem() + "\n",
            Convert.ToHexStringLower(SHA256.HashData(certificate.RawData)),
            certificate.Extensions.OfType<X509SubjectKeyIdentifierExtension>().Single().SubjectKeyIdentifier!.ToLowerInvariant(),
            certificate.SerialNumber,
            new DateTimeOffset(certificate.NotBefore.ToUniversalTime()),
            new DateTimeOffset(certificate.NotAfter.ToUniversalTime()));
    }
}
