using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Control.Pki;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Pki;

public sealed class CertificateTests : IDisposable
{
    private const string ClientAuth = "1.3.6.1.5.5.7.3.2";
    private const string ServerAuth = "1.3.6.1.5.5.7.3.1";

    private readonly string directory = ControlWorld.NewDirectory();
    private readonly MovedTime time = new();

    [Fact]
    public void A_device_certificate_leads_to_the_root_and_serves_clients_only()
    {
        using var control = Open();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = control.Fleet.Write(sql => control.Authority.IssueClient(sql, "pump-17", "plant-a", ["pump-17.plant-a.sallyport"], key));
        Verifies(control.Authority, certificate, ClientAuth).ShouldBeTrue();
        Verifies(control.Authority, certificate, ServerAuth).ShouldBeFalse();
        Usage(certificate).ShouldBe(X509KeyUsageFlags.DigitalSignature);
        certificate.Subject.ShouldBe("CN=pump-17, OU=plant-a");
        certificate.NotBefore.ToUniversalTime().ShouldBeLessThan(time.GetUtcNow().UtcDateTime.AddMinutes(-59));
        (certificate.NotAfter.ToUniversalTime() - time.GetUtcNow().UtcDateTime).TotalDays.ShouldBe(730, 0.1);
        certificate.SerialNumber.Length.ShouldBe(32);
        using var another = control.Fleet.Write(sql => control.Authority.IssueClient(sql, "pump-17", "plant-a", ["pump-17.plant-a.sallyport"], key));
        another.SerialNumber.ShouldNotBe(certificate.SerialNumber);
        AlternativeNames(certificate).EnumerateDnsNames().ShouldBe(["pump-17.plant-a.sallyport"], "who speaks IKE is known by it");
    }

    [Fact]
    public void A_device_certificate_has_whatever_its_router_says_it_is()
    {
        using var control = Open();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = control.Fleet.Write(sql => control.Authority.IssueClient(sql, "hq", "plant-a", ["hq.plant-a.sallyport", "203.0.113.5", "hq@example.com"], key));
        var names = AlternativeNames(certificate);
        names.EnumerateDnsNames().ShouldBe(["hq.plant-a.sallyport"]);
        names.EnumerateIPAddresses().Select(address => address.ToString()).ShouldBe(["203.0.113.5"]);
        certificate.GetNameInfo(X509NameType.EmailName, forIssuer: false).ShouldBe("hq@example.com");
    }

    [Fact]
    public void A_gateway_certificate_is_made_anew_where_the_endpoint_is_another()
    {
        using var control = Open();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var first = control.Authority.CertifyGateway(Request(key), "gw-1", "vpn.example.net");
        var second = control.Authority.CertifyGateway(Request(key), "gw-1", "203.0.113.1");
        second.Thumbprint.ShouldNotBe(first.Thumbprint);
        AlternativeNames(second).EnumerateIPAddresses().Select(address => address.ToString()).ShouldBe(["203.0.113.1"]);
        control.Authority.RenewGateway(second, "gw-1", "203.0.113.1").ShouldBeNull();
        AlternativeNames(control.Authority.RenewGateway(second, "gw-1", "vpn2.example.net")!).EnumerateDnsNames().ShouldBe(["gw-1", "vpn2.example.net"]);
    }

    [Fact]
    public void A_gateway_certificate_passes_remote_cert_tls_and_is_kept_while_it_is_fresh()
    {
        using var control = Open();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = Request(key);
        var first = control.Authority.CertifyGateway(request, "gw-1", "vpn.example.net");
        Verifies(control.Authority, first, ServerAuth).ShouldBeTrue();
        Verifies(control.Authority, first, ClientAuth).ShouldBeFalse();
        Usage(first).ShouldBe(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyAgreement);
        first.Subject.ShouldBe("CN=gw-1");
        first.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames().ShouldBe(["gw-1", "vpn.example.net"]);
        time.By = TimeSpan.FromDays(200);
        control.Authority.CertifyGateway(request, "gw-1", "vpn.example.net").Thumbprint.ShouldBe(first.Thumbprint);
        control.Authority.RenewGateway(first, "gw-1", "vpn.example.net").ShouldBeNull();
        time.By = TimeSpan.FromDays(250);
        var renewed = control.Authority.RenewGateway(first, "gw-1", "vpn.example.net")!;
        renewed.Thumbprint.ShouldNotBe(first.Thumbprint);
        renewed.PublicKey.ExportSubjectPublicKeyInfo().ShouldBe(first.PublicKey.ExportSubjectPublicKeyInfo());
    }

    [Fact]
    public void What_a_request_asks_for_beside_its_key_is_not_granted()
    {
        using var control = Open();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var greedy = new CertificateRequest("CN=root", key, HashAlgorithmName.SHA256);
        greedy.CertificateExtensions.Add(X509BasicConstraintsExtension.CreateForCertificateAuthority());
        var certificate = control.Authority.CertifyGateway(greedy.CreateSigningRequest(), "gw-1", "vpn.example.net");
        certificate.Subject.ShouldBe("CN=gw-1");
        certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority.ShouldBeFalse();
    }

    [Fact]
    public void A_request_that_is_damaged_weak_or_no_request_is_refused()
    {
        using var control = Open();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = Request(key);
        request[^3] ^= 1;
        Should.Throw<CryptographicException>(() => control.Authority.CertifyGateway(request, "gw-1", "e"));
        Should.Throw<CryptographicException>(() => control.Authority.CertifyGateway([], "gw-1", "e"));
        Should.Throw<CryptographicException>(() => control.Authority.CertifyGateway([0x30, 0x03, 0x01, 0x01, 0xff], "gw-1", "e"));
        using var rsa = RSA.Create(2048);
        var rsaRequest = new CertificateRequest("CN=x", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSigningRequest();
        Should.Throw<CryptographicException>(() => control.Authority.CertifyGateway(rsaRequest, "gw-1", "e")).Message.ShouldContain("ECDSA");
    }

    [Fact]
    public void The_authority_stays_the_same_over_restarts()
    {
        string root;
        using (var control = Open())
        {
            root = control.Authority.Root.Thumbprint;
            X509Certificate2.CreateFromPem(File.ReadAllText(Path.Combine(directory, "ca.pem"))).Thumbprint.ShouldBe(root);
        }

        using var again = Open();
        again.Authority.Root.Thumbprint.ShouldBe(root);
        again.Authority.Root.HasPrivateKey.ShouldBeFalse();
    }

    [Fact]
    public void The_server_certificate_has_its_names_and_a_key()
    {
        using var control = Open();
        using var certificate = control.ServerCertificate();
        certificate.HasPrivateKey.ShouldBeTrue();
        Verifies(control.Authority, certificate, ServerAuth).ShouldBeTrue();
        certificate.MatchesHostname("vpn.example.net").ShouldBeTrue();
        certificate.MatchesHostname("localhost").ShouldBeTrue();
        certificate.MatchesHostname("127.0.0.1").ShouldBeTrue();
        using var same = control.ServerCertificate();
        same.Thumbprint.ShouldBe(certificate.Thumbprint);
    }

    [Fact]
    public void Nothing_outlives_its_issuer()
    {
        using var control = Open();
        time.By = TimeSpan.FromDays(1700);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = control.Fleet.Write(sql => control.Authority.IssueClient(sql, "pump-17", "plant-a", ["pump-17.plant-a.sallyport"], key));
        certificate.NotAfter.ShouldBe(control.Authority.Issuing.NotAfter);
        time.By = TimeSpan.FromDays(1900);
        Should.Throw<CryptographicException>(() => control.Fleet.Write(sql => control.Authority.IssueClient(sql, "pump-17", "plant-a", ["pump-17.plant-a.sallyport"], key)))
            .Message.ShouldContain("cannot sign any more");
    }

    public void Dispose() => Directory.Delete(directory, recursive: true);

    private ControlHost Open() => ControlHost.Open(new ControlOptions { DataDirectory = directory, Endpoint = "vpn.example.net" }, time);

    private static X509SubjectAlternativeNameExtension AlternativeNames(X509Certificate2 certificate) =>
        certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single();

    private static byte[] Request(ECDsa key) => new CertificateRequest("CN=whoever", key, HashAlgorithmName.SHA256).CreateSigningRequest();

    private bool Verifies(CertificateAuthority authority, X509Certificate2 certificate, string purpose)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority.Root);
        chain.ChainPolicy.ExtraStore.Add(authority.Issuing);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(purpose));
        chain.ChainPolicy.VerificationTime = time.GetUtcNow().UtcDateTime;
        chain.ChainPolicy.VerificationTimeIgnored = false;
        return chain.Build(certificate) && chain.ChainElements.Count == 3;
    }

    private static X509KeyUsageFlags Usage(X509Certificate2 certificate) => certificate.Extensions.OfType<X509KeyUsageExtension>().Single().KeyUsages;
}
