using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sallyport.Core.Tests.Crypto;

/// <summary>A certificate of a test's own with its key, made by another of the kind or by itself.</summary>
internal sealed class TestCertificate : IDisposable
{
    private readonly X509Certificate2 _certificate;
    private readonly ECDsa _key;

    private TestCertificate(X509Certificate2 certificate, ECDsa key)
    {
        _certificate = certificate;
        _key = key;
    }

    public byte[] Der => _certificate.RawData;

    public byte[] Pkcs8 => _key.ExportPkcs8PrivateKey();

    public static TestCertificate Root(string name = "CN=Root", int? pathLength = null) => Make(name, null, isAuthority: true, pathLength);

    public TestCertificate Authority(string name, int? pathLength = null, params string[] purposes) =>
        Make(name, this, isAuthority: true, pathLength, purposes);

    public TestCertificate Issue(string name, params string[] purposes) => Make(name, this, isAuthority: false, null, purposes);

    public TestCertificate Issue(
        string name, DateTimeOffset from, DateTimeOffset to, X509KeyUsageFlags usage = X509KeyUsageFlags.DigitalSignature, params X509Extension[] extensions) =>
        Make(name, this, isAuthority: false, null, [], from, to, usage, extensions);

    public void Dispose()
    {
        _certificate.Dispose();
        _key.Dispose();
    }

    private static TestCertificate Make(
        string name, TestCertificate? issuer, bool isAuthority, int? pathLength, string[]? purposes = null, DateTimeOffset? from = null,
        DateTimeOffset? to = null, X509KeyUsageFlags? usage = null, params X509Extension[] extensions)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, pathLength is not null, pathLength ?? 0, true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(usage ?? (isAuthority ? X509KeyUsageFlags.KeyCertSign : X509KeyUsageFlags.DigitalSignature), true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        if (purposes is { Length: > 0 })
        {
            var oids = new OidCollection();
            foreach (var purpose in purposes)
            {
                oids.Add(new Oid(purpose));
            }

            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(oids, false));
        }

        foreach (var extension in extensions)
        {
            request.CertificateExtensions.Add(extension);
        }

        var (notBefore, notAfter) = (from ?? TestPki.NotBefore, to ?? TestPki.NotAfter.AddYears(issuer is null ? 10 : 0));
        var generator = X509SignatureGenerator.CreateForECDsa(issuer?._key ?? key);
        var issuerName = issuer?._certificate.SubjectName ?? request.SubjectName;
        var made = request.Create(issuerName, generator, notBefore, notAfter, SHA256.HashData(request.PublicKey.EncodedKeyValue.RawData)[..12]);
        return new TestCertificate(made, key);
    }
}
