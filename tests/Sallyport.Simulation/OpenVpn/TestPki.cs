using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Simulation.OpenVpn;

/// <summary>A CA, a server and a client for simulated worlds, valid around <see cref="Start"/>. Made once: key generation is slow.</summary>
internal static class TestPki
{
    /// <summary>When every simulated world begins.</summary>
    public static readonly Instant Start = Instant.FromUnixSeconds(1_800_000_000);

    private static readonly DateTimeOffset StartTime = DateTimeOffset.FromUnixTimeSeconds(Start.UnixSeconds);
    private static readonly X509Certificate2 Ca = MakeCa();

    public static TlsContext Server { get; } = TlsContext.CreateServer(ServerOptions());

    public static TlsContext Client { get; } = TlsContext.CreateClient(ClientOptions());

    private static TlsServerOptions ServerOptions()
    {
        var (certificate, key) = Issue("gateway", "1.3.6.1.5.5.7.3.1");
        return new TlsServerOptions { ChainDer = [certificate, Ca.RawData], PrivateKeyPkcs8 = key, AnchorsDer = [Ca.RawData] };
    }

    private static TlsClientOptions ClientOptions()
    {
        var (certificate, key) = Issue("device", "1.3.6.1.5.5.7.3.2");
        return new TlsClientOptions { ChainDer = [certificate], PrivateKeyPkcs8 = key, AnchorsDer = [Ca.RawData] };
    }

    private static X509Certificate2 MakeCa()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=simulated root", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(StartTime.AddDays(-1), StartTime.AddYears(10));
    }

    private static (byte[] Certificate, byte[] Key) Issue(string name, string purpose)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], false));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        using var certificate = request.Create(Ca, StartTime.AddDays(-1), StartTime.AddYears(5), [1, 2, 3, (byte)name.Length]);
        return (certificate.RawData, key.ExportPkcs8PrivateKey());
    }
}
