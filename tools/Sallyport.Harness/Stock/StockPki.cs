using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sallyport.Harness.Stock;

/// <summary>A certificate authority for tests in which our control process has no part.</summary>
public sealed class StockPki : IDisposable
{
    private const string ServerAuth = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuth = "1.3.6.1.5.5.7.3.2";
    private readonly X509Certificate2 authority;
    private int serial;

    public StockPki()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Test CA", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddYears(-2), DateTimeOffset.UtcNow.AddYears(5));
    }

    public string AuthorityPem => authority.ExportCertificatePem();

    public byte[] AuthorityDer => authority.RawData;

    public StockCredential Server(string name = "server") => Issue(name, ServerAuth, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(1));

    public StockCredential Client(string name = "client") => Issue(name, ClientAuth, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(1));

    /// <summary>A gateway's, with its name as RFC 7296 wants it: a subjectAltName, which identities of IKE are compared with.</summary>
    public StockCredential Gateway(string dnsName) => Issue(dnsName, ServerAuth, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(1), dnsName);

    /// <summary>The same with a key of RSA, as older routers have.</summary>
    public StockCredential GatewayRsa(string dnsName, int bits = 2048)
    {
        using var key = RSA.Create(bits);
        var request = new CertificateRequest($"CN={dnsName}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return Sign(request, key, ServerAuth, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(1), dnsName);
    }

    public StockCredential ClientRsa(string name = "client", int bits = 2048)
    {
        using var key = RSA.Create(bits);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return Sign(request, key, ClientAuth, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(1));
    }

    public StockCredential Issue(string name, string purpose, DateTimeOffset from, DateTimeOffset to, string? dnsName = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Sign(new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256), key, purpose, from, to, dnsName);
    }

    private StockCredential Sign(
        CertificateRequest request, AsymmetricAlgorithm key, string purpose, DateTimeOffset from, DateTimeOffset to, string? dnsName = null)
    {
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        if (dnsName is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(dnsName);
            request.CertificateExtensions.Add(names.Build());
        }

        // Whatever the key, the authority's is of P-256.
        using var signer = authority.GetECDsaPrivateKey()!;
        using var certificate = request.Create(authority.SubjectName, X509SignatureGenerator.CreateForECDsa(signer), from, to, [1, (byte)(++serial >> 8), (byte)serial]);
        return new StockCredential(certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem(), certificate.RawData, key.ExportPkcs8PrivateKey());
    }

    /// <summary>A server's certificate for somebody's own key (PKCS #10, DER).</summary>
    public byte[] Sign(byte[] certificateRequest)
    {
        var asked = CertificateRequest.LoadSigningRequest(certificateRequest, HashAlgorithmName.SHA256);
        asked.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ServerAuth)], false));
        asked.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        using var certificate = asked.Create(authority, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30), [(byte)++serial, 2]);
        return certificate.RawData;
    }

    public void Dispose() => authority.Dispose();
}

/// <summary>A certificate and its key, as text and as bytes.</summary>
public sealed record StockCredential(string CertificatePem, string KeyPem, byte[] CertificateDer, byte[] KeyPkcs8);
