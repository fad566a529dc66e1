using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sallyport.DataPlane.Tests.Fixtures;

/// <summary>One CA, made for a test.</summary>
internal sealed class TestPki : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _ca;

    public TestPki()
    {
        var request = new CertificateRequest("CN=test root", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _ca = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(1));
    }

    public byte[] RootDer => _ca.RawData;

    public byte[] SignGateway(byte[] pkcs10)
    {
        var asked = CertificateRequest.LoadSigningRequest(pkcs10, HashAlgorithmName.SHA256);
        return Issue(new CertificateRequest(asked.SubjectName, asked.PublicKey, HashAlgorithmName.SHA256), "1.3.6.1.5.5.7.3.1", 30).RawData;
    }

    /// <summary>Negative days: expired.</summary>
    public TestIdentity IssueClient(string name, int days = 30)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var certificate = Issue(new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256), "1.3.6.1.5.5.7.3.2", days);
        return new TestIdentity(certificate.RawData, key.ExportPkcs8PrivateKey());
    }

    public void Dispose()
    {
        _ca.Dispose();
        _key.Dispose();
    }

    private X509Certificate2 Issue(CertificateRequest request, string usage, int days)
    {
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        var from = DateTimeOffset.UtcNow.AddHours(-20);
        var to = days < 0 ? DateTimeOffset.UtcNow.AddHours(-1) : DateTimeOffset.UtcNow.AddDays(days);
        return request.Create(_ca, from, to, RandomNumberGenerator.GetBytes(8));
    }
}

internal sealed record TestIdentity(byte[] CertificateDer, byte[] PrivateKeyPkcs8)
{
    public string Fingerprint => Convert.ToHexStringLower(SHA256.HashData(CertificateDer));
}
