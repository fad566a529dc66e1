using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Session;

namespace Sallyport.Simulation.Ike;

/// <summary>Keys and certificates of an authority, valid around <see cref="IkeWorld.Start"/>. Made once: keys take time.</summary>
internal static class IkePki
{
    public const string ServerUse = "1.3.6.1.5.5.7.3.1";
    public const string ClientUse = "1.3.6.1.5.5.7.3.2";

    /// <summary>RFC 8032 section 7.1, the first: .NET makes no such keys.</summary>
    private static readonly byte[] Ed25519Key = Convert.FromHexString(
        "302e020100300506032b6570042204209d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");

    private static readonly byte[] Ed25519Public = Convert.FromHexString("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");

    private static readonly DateTimeOffset Start = DateTimeOffset.FromUnixTimeSeconds(IkeWorld.Start.UnixSeconds);
    private static readonly Dictionary<string, (byte[] Certificate, byte[] Key)> Made = [];
    private static readonly X509Certificate2 Ca = MakeCa("CN=simulated IKE root");
    private static readonly X509Certificate2 OtherCa = MakeCa("CN=another root");

    public static CertificateAnchors Anchors() => new([Ca.RawData]);

    public static byte[] AuthorityHash() => SHA1.HashData(Ca.PublicKey.EncodedKeyValue.RawData);

    public static IkeCertificate Gateway(string kind = "p256") => Issue(kind, IkeWorld.GatewayName, ServerUse);

    public static IkeCertificate Device(string kind = "p256") => Issue(kind, IkeWorld.DeviceName, ClientUse);

    /// <param name="kind">p256, p384, p521, rsa or ed25519.</param>
    /// <param name="age">Days before the start at which it was issued, for <paramref name="days"/>.</param>
    /// <param name="chain">Copies of the authority's certificate behind it, to make it long.</param>
    public static IkeCertificate Issue(string kind, string name, string use, bool isOfOther = false, int age = 1, int days = 1000, int chain = 0)
    {
        var id = $"{kind} {name} {use} {isOfOther} {age} {days}";
        lock (Made)
        {
            if (!Made.TryGetValue(id, out var made))
            {
                Made[id] = made = Make(kind, name, use, isOfOther ? OtherCa : Ca, age, days);
            }

            SigningKey.TryReadPkcs8(made.Key, out var key).ShouldBeTrue();
            return new IkeCertificate { Chain = [made.Certificate, .. Enumerable.Repeat(Ca.RawData, chain)], Key = key! };
        }
    }

    private static (byte[] Certificate, byte[] Key) Make(string kind, string name, string use, X509Certificate2 ca, int age, int days)
    {
        var subject = new X500DistinguishedName($"CN={name}");
        using AsymmetricAlgorithm key = kind switch
        {
            "rsa" => RSA.Create(2048),
            "p384" => ECDsa.Create(ECCurve.NamedCurves.nistP384),
            "p521" => ECDsa.Create(ECCurve.NamedCurves.nistP521),
            _ => ECDsa.Create(ECCurve.NamedCurves.nistP256),
        };
        var request = kind == "ed25519"
            ? new CertificateRequest(subject, new PublicKey(new Oid("1.3.101.112"), null, new AsnEncodedData(Ed25519Public)), HashAlgorithmName.SHA256)
            : key is RSA rsa ? new CertificateRequest(subject, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest(subject, (ECDsa)key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(use)], false));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        using var signer = ca.GetECDsaPrivateKey()!;
        using var certificate = request.Create(
            ca.SubjectName, X509SignatureGenerator.CreateForECDsa(signer), Start.AddDays(-age), Start.AddDays(days - age), [1, (byte)Made.Count]);
        return (certificate.RawData, kind == "ed25519" ? Ed25519Key : key.ExportPkcs8PrivateKey());
    }

    private static X509Certificate2 MakeCa(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(Start.AddDays(-100), Start.AddYears(10));
    }
}
