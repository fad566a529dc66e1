using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>One root, and below it a chain of three authorities for each end, all with RSA keys of 4,096 bits: what an old public-key infrastructure looks like.</summary>
internal sealed class LongChain : IDisposable
{
    public const int Authorities = 3;
    private const string ServerAuth = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuth = "1.3.6.1.5.5.7.3.2";

    /// <summary>Names differ at the two ends, keys need not: they take seconds to make.</summary>
    private readonly RSA[] keys;
    private int serial;

    public LongChain()
    {
        keys = new RSA[Authorities + 3];
        Parallel.For(0, keys.Length, i =>
        {
            keys[i] = RSA.Create(4096);
            _ = keys[i].ExportParameters(false);
        });
        using var root = Request("CN=Old Root, O=Waterworks, C=DE", keys[0], isAuthority: true).CreateSelfSigned(DateTimeOffset.UtcNow.AddYears(-1), DateTimeOffset.UtcNow.AddYears(5));
        Root = root.RawData;
        RootPem = root.ExportCertificatePem();
    }

    public byte[] Root { get; }

    public string RootPem { get; }

    /// <param name="end">0 or 1: a key of its own.</param>
    public LongCredential Issue(string subject, int end)
    {
        var chain = new List<X509Certificate2>();
        try
        {
            var (issuer, issuerKey) = (new X500DistinguishedName("CN=Old Root, O=Waterworks, C=DE"), keys[0]);
            for (var i = 1; i <= Authorities; i++)
            {
                var name = FormattableString.Invariant($"CN=Authority {i} of {Authorities} for end {end}, OU=Certificates and much ado about them, O=Waterworks, C=DE");
                chain.Insert(0, Sign(Request(name, keys[i], isAuthority: true), issuer, issuerKey));
                (issuer, issuerKey) = (chain[0].SubjectName, keys[i]);
            }

            var key = keys[Authorities + 1 + end];
            var leaf = Sign(Request(subject, key, isAuthority: false), issuer, issuerKey);
            chain.Insert(0, leaf);
            return new LongCredential(
                [.. chain.Select(one => one.RawData)], [.. chain.Select(one => one.ExportCertificatePem())], leaf.SubjectName.RawData, key.ExportPkcs8PrivateKey(), key.ExportPkcs8PrivateKeyPem());
        }
        finally
        {
            chain.ForEach(one => one.Dispose());
        }
    }

    public void Dispose() => Array.ForEach(keys, key => key.Dispose());

    private static CertificateRequest Request(string name, RSA key, bool isAuthority)
    {
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(isAuthority ? X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign : X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        if (!isAuthority)
        {
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ServerAuth), new Oid(ClientAuth)], false));
        }

        return request;
    }

    private X509Certificate2 Sign(CertificateRequest request, X500DistinguishedName issuer, RSA key) => request.Create(
        issuer, X509SignatureGenerator.CreateForRSA(key, RSASignaturePadding.Pkcs1), DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(1), [1, (byte)++serial]);
}

/// <summary>A leaf and who issued it, up to the root and without that.</summary>
internal sealed record LongCredential(IReadOnlyList<byte[]> Chain, IReadOnlyList<string> ChainPem, byte[] SubjectDer, byte[] KeyPkcs8, string KeyPem);
