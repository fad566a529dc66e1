using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Crypto;

/// <summary>A CA of the test's own. Its certificates are valid from <see cref="NotBefore"/> to <see cref="NotAfter"/>, unless said otherwise.</summary>
internal sealed class TestPki : IDisposable
{
    public const string ServerAuth = "1.3.6.1.5.5.7.3.1";
    public const string ClientAuth = "1.3.6.1.5.5.7.3.2";

    private readonly X509Certificate2 _root;
    private long _serial = 1;

    public TestPki(string name = "Test root")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _root = request.CreateSelfSigned(NotBefore.AddYears(-1), NotAfter.AddYears(10));
    }

    public static DateTimeOffset NotBefore => new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static DateTimeOffset NotAfter => NotBefore.AddYears(1);

    /// <summary>A moment at which everything is valid; deliberately not today.</summary>
    public static Instant Now => At(NotBefore.AddDays(30));

    public byte[] RootDer => _root.RawData;

    public static Instant At(DateTimeOffset time) => Instant.FromUnixSeconds(time.ToUnixTimeSeconds());

    public TestIdentity Issue(string name, params string[] purposes) => Issue(name, _root, isAuthority: false, purposes);

    /// <summary>With an extension of that many bytes that nobody reads.</summary>
    public TestIdentity IssueLarge(string name, int bytes, params string[] purposes) => Issue(name, _root, isAuthority: false, purposes, bytes);

    public TestIdentity IssueThroughIntermediate(string name, params string[] purposes)
    {
        var intermediate = Issue("Issuing CA", _root, isAuthority: true, []);
        using var signer = X509CertificateLoader.LoadCertificate(intermediate.ChainDer[0]);
        using var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(intermediate.Pkcs8, out _);
        using var withKey = signer.CopyWithPrivateKey(key);
        var leaf = Issue(name, withKey, isAuthority: false, purposes);
        return leaf with { ChainDer = [leaf.ChainDer[0], intermediate.ChainDer[0]] };
    }

    public void Dispose() => _root.Dispose();

    private TestIdentity Issue(string name, X509Certificate2 issuer, bool isAuthority, string[] purposes, int ballast = 0)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(isAuthority ? X509KeyUsageFlags.KeyCertSign : X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        request.CertificateExtensions.Add(
            X509AuthorityKeyIdentifierExtension.CreateFromCertificate(issuer, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        if (purposes.Length > 0)
        {
            var oids = new OidCollection();
            foreach (var purpose in purposes)
            {
                oids.Add(new Oid(purpose));
            }

            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(oids, false));
        }

        if (ballast > 0)
        {
            byte[] octets = [0x04, 0x82, (byte)(ballast >> 8), (byte)ballast, .. new byte[ballast]];
            request.CertificateExtensions.Add(new X509Extension("1.3.6.1.4.1.99999.1", octets, critical: false));
        }

        var serial = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(serial, _serial++);
        using var certificate = request.Create(issuer, NotBefore, NotAfter, serial);
        return new TestIdentity([certificate.RawData], key.ExportPkcs8PrivateKey());
    }
}

internal sealed record TestIdentity(byte[][] ChainDer, byte[] Pkcs8);
