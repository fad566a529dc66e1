using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Core.Crypto;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// A CA, a server and a client, valid around <see cref="Keys.Start"/>, new in every process: TLS draws its own randomness, so bytes inside it are never the
/// same twice, and no input depends on them.
/// </summary>
internal static class FuzzPki
{
    private static readonly DateTimeOffset Start = DateTimeOffset.FromUnixTimeSeconds(Keys.Start.UnixSeconds);
    private static readonly X509Certificate2 Ca = MakeCa();

    public static TlsContext Server { get; } = TlsContext.CreateServer(ServerOptions());

    public static TlsContext Client { get; } = TlsContext.CreateClient(ClientOptions());

    /// <summary>A client that believes the same CA and has nothing of its.</summary>
    public static TlsContext Stranger { get; } = TlsContext.CreateClient(new TlsClientOptions { AnchorsDer = [Ca.RawData] });

    /// <summary>A client's certificate where a server's should be.</summary>
    public static TlsContext Impostor { get; } = TlsContext.CreateServer(ImpostorOptions());

    private static TlsServerOptions ImpostorOptions()
    {
        var (certificate, key) = Issue("device", "1.3.6.1.5.5.7.3.2", 3);
        return new TlsServerOptions { ChainDer = [certificate], PrivateKeyPkcs8 = key, AnchorsDer = [Ca.RawData] };
    }

    private static TlsServerOptions ServerOptions()
    {
        var (certificate, key) = Issue("gateway", "1.3.6.1.5.5.7.3.1", 1);
        return new TlsServerOptions { ChainDer = [certificate, Ca.RawData], PrivateKeyPkcs8 = key, AnchorsDer = [Ca.RawData] };
    }

    private static TlsClientOptions ClientOptions()
    {
        var (certificate, key) = Issue("device", "1.3.6.1.5.5.7.3.2", 2);
        return new TlsClientOptions { ChainDer = [certificate], PrivateKeyPkcs8 = key, AnchorsDer = [Ca.RawData] };
    }

    private static X509Certificate2 MakeCa()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=fuzz root", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(Start.AddDays(-1), Start.AddYears(10));
    }

    private static (byte[] Certificate, byte[] Key) Issue(string name, string purpose, byte serial)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], false));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        using var certificate = request.Create(Ca, Start.AddDays(-1), Start.AddYears(5), [serial]);
        return (certificate.RawData, key.ExportPkcs8PrivateKey());
    }
}
