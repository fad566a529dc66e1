using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Control.Secrets;
using Sallyport.Control.Store;

namespace Sallyport.Control.Pki;

/// <summary>
/// The installation's own authority: a root that only signs the issuing certificate, and the issuing certificate that signs everything else.
/// ECDSA P-256. Private keys are sealed in the store and in clear only while they sign.
/// </summary>
internal sealed class CertificateAuthority
{
    private const string RootName = "root";
    private const string IssuingName = "issuing";

    private static readonly Oid ServerAuth = new("1.3.6.1.5.5.7.3.1"); // RFC 5280 section 4.2.1.12
    private static readonly Oid ClientAuth = new("1.3.6.1.5.5.7.3.2");

    private readonly SecretStore secrets;
    private readonly Database database;
    private readonly TimeProvider time;
    private readonly CertificateLifetimes lifetimes;

    private CertificateAuthority(
        Database database, SecretStore secrets, TimeProvider time, CertificateLifetimes lifetimes, X509Certificate2 root, X509Certificate2 issuing)
    {
        this.database = database;
        this.secrets = secrets;
        this.time = time;
        this.lifetimes = lifetimes;
        Root = root;
        Issuing = issuing;
    }

    /// <summary>Without private key, like <see cref="Issuing"/>.</summary>
    public X509Certificate2 Root { get; }

    public X509Certificate2 Issuing { get; }

    /// <summary>Reads the authority from the store, or makes it on the first start.</summary>
    public static CertificateAuthority Open(Database database, SecretStore secrets, TimeProvider time, CertificateLifetimes lifetimes) =>
        database.Write(sql =>
        {
            if (Find(sql, RootName) is not { } root || Find(sql, IssuingName) is not { } issuing)
            {
                (root, issuing) = Create(sql, secrets, time, lifetimes);
            }

            return new CertificateAuthority(database, secrets, time, lifetimes, root, issuing);
        });

    /// <summary>A client certificate for a device or site. The key pair is made by the caller, who alone holds it.</summary>
    /// <param name="ids">Who it says it is in IKE: a host name, an address, or somebody@somewhere.</param>
    public X509Certificate2 IssueClient(SqliteConnection sql, string name, string network, IReadOnlyList<string> ids, ECDsa key, TimeSpan? validity = null)
    {
        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName(name);
        subject.AddOrganizationalUnitName(network);
        var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([ClientAuth], critical: false));
        request.CertificateExtensions.Add(AlternativeNames(ids));
        return Sign(sql, request, validity ?? lifetimes.Device);
    }

    /// <summary>
    /// A server certificate for a gateway's request (PKCS#10, DER). Only the key is taken from it; names and usages are ours.
    /// The current certificate of that key is answered while more than a third of its time is left.
    /// Throws <see cref="CryptographicException"/> where the request is malformed, its signature wrong or its key weak.
    /// </summary>
    public X509Certificate2 CertifyGateway(byte[] request, string gateway, string endpoint)
    {
        var key = KeyOf(request);
        return database.Write(sql => CurrentOrNew(sql, "gateway:" + gateway, key, gateway, [gateway, endpoint]));
    }

    /// <summary>The last certificate that a gateway of this name was given.</summary>
    public X509Certificate2? FindGateway(string gateway) => database.Read(sql => Find(sql, "gateway:" + gateway));

    /// <summary>The certificate that takes the place of a gateway's, where it is time; null where it is not.</summary>
    public X509Certificate2? RenewGateway(X509Certificate2 current, string gateway, string endpoint)
    {
        if (!IsDue(current) && IsOf(current, [gateway, endpoint]))
        {
            return null;
        }

        var key = current.PublicKey;
        return database.Write(sql => CurrentOrNew(sql, "gateway:" + gateway, key, gateway, [gateway, endpoint]));
    }

    /// <summary>The certificate of the HTTPS API with its private key; renewed when due or when the names changed.</summary>
    public X509Certificate2 ServerCertificate(IReadOnlyList<string> names) => database.Write(sql =>
    {
        var pkcs8 = secrets.GetOrCreate(sql, "api-server-key", NewKeyPkcs8);
        using var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(pkcs8, out _);
        CryptographicOperations.ZeroMemory(pkcs8);
        var name = "api:" + string.Join(',', names);
        var certificate = CurrentOrNew(sql, name, new PublicKey(key), names[0], names);
        return certificate.CopyWithPrivateKey(key);
    });

    private X509Certificate2 CurrentOrNew(SqliteConnection sql, string name, PublicKey key, string commonName, IReadOnlyList<string> names)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));
        var der = sql.ExecuteScalar<byte[]?>("SELECT der FROM certificates WHERE name = @name AND public_key_hash = @hash", new { name, hash });
        if (der is not null)
        {
            var current = X509CertificateLoader.LoadCertificate(der);
            if (!IsDue(current) && IsOf(current, names))
            {
                return current;
            }

            current.Dispose();
        }

        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName(commonName.Length <= 64 ? commonName : commonName[..64]); // RFC 5280 appendix A: ub-common-name
        var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
        // The pair that `remote-cert-tls server` of every OpenVPN accepts: digitalSignature with keyAgreement, and serverAuth.
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyAgreement, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([ServerAuth], critical: false));
        request.CertificateExtensions.Add(AlternativeNames(names));
        var made = Sign(sql, request, lifetimes.Server);
        Save(sql, name, made);
        return made;
    }

    /// <summary>Whether it is for all of these names: IKE peers believe no other one, and the endpoint is a setting.</summary>
    private static bool IsOf(X509Certificate2 certificate, IReadOnlyList<string> names) =>
        certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().FirstOrDefault() is { } has
        && names.All(name => IPAddress.TryParse(name, out var address)
            ? has.EnumerateIPAddresses().Contains(address) : has.EnumerateDnsNames().Contains(name, StringComparer.OrdinalIgnoreCase));

    private bool IsDue(X509Certificate2 certificate)
    {
        var now = time.GetUtcNow();
        var whole = certificate.NotAfter.ToUniversalTime() - certificate.NotBefore.ToUniversalTime();
        return certificate.NotAfter.ToUniversalTime() - now.UtcDateTime < whole / 3;
    }

    private X509Certificate2 Sign(SqliteConnection sql, CertificateRequest request, TimeSpan validity)
    {
        var pkcs8 = secrets.Find(sql, IssuingName + "-ca-key") ?? throw new CryptographicException("The issuing key is missing from the store.");
        using var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(pkcs8, out _);
        CryptographicOperations.ZeroMemory(pkcs8);
        return SignBy(Issuing, key, request, time, lifetimes, validity);
    }

    private static (X509Certificate2 Root, X509Certificate2 Issuing) Create(
        SqliteConnection sql, SecretStore secrets, TimeProvider time, CertificateLifetimes lifetimes)
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issuingKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        // Two installations must not look alike in a device's certificate store.
        var tag = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
        var now = time.GetUtcNow();
        var rootRequest = AuthorityRequest($"Sallyport Root {tag}", rootKey, pathLength: 1);
        using var signedRoot = rootRequest.CreateSelfSigned(now - lifetimes.Backdating, now + lifetimes.Root);
        var root = X509CertificateLoader.LoadCertificate(signedRoot.RawData);
        var issuing = SignBy(
            root, rootKey, AuthorityRequest($"Sallyport Issuing {tag}", issuingKey, pathLength: 0), time, lifetimes, lifetimes.Issuing);
        Save(sql, RootName, root);
        Save(sql, IssuingName, issuing);
        SaveKey(sql, secrets, RootName, rootKey);
        SaveKey(sql, secrets, IssuingName, issuingKey);
        return (root, issuing);
    }

    private static CertificateRequest AuthorityRequest(string name, ECDsa key, int pathLength)
    {
        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName(name);
        var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(X509BasicConstraintsExtension.CreateForCertificateAuthority(pathLength));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        if (pathLength > 0)
        {
            request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        }

        return request;
    }

    private static X509Certificate2 SignBy(
        X509Certificate2 issuer, ECDsa key, CertificateRequest request, TimeProvider time, CertificateLifetimes lifetimes, TimeSpan validity)
    {
        if (!request.CertificateExtensions.OfType<X509BasicConstraintsExtension>().Any())
        {
            request.CertificateExtensions.Add(X509BasicConstraintsExtension.CreateForEndEntity(critical: true));
        }

        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(
            X509AuthorityKeyIdentifierExtension.CreateFromCertificate(issuer, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        var now = time.GetUtcNow();
        var notBefore = Later(now - lifetimes.Backdating, new DateTimeOffset(issuer.NotBefore.ToUniversalTime()));
        var issuerEnd = new DateTimeOffset(issuer.NotAfter.ToUniversalTime());
        var notAfter = now + validity < issuerEnd ? now + validity : issuerEnd; // nothing outlives its issuer
        if (notAfter <= now)
        {
            throw new CryptographicException($"The certificate of {issuer.Subject} ended on {issuerEnd:u}; it cannot sign any more.");
        }

        return request.Create(issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(key), notBefore, notAfter, NewSerial());
    }

    /// <summary>127 unpredictable bits, positive and without leading zeros (RFC 5280 section 4.1.2.2).</summary>
    private static byte[] NewSerial()
    {
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)((serial[0] & 0x7f) | 0x40);
        return serial;
    }

    private static PublicKey KeyOf(byte[] request)
    {
        CertificateRequest parsed;
        try
        {
            // Loading verifies the request's signature: the gateway holds the key that it asks a certificate for.
            parsed = CertificateRequest.LoadSigningRequest(request, HashAlgorithmName.SHA256);
        }
        catch (Exception e) when (e is ArgumentException or AsnContentException or NotSupportedException)
        {
            throw new CryptographicException("The certificate request cannot be read.", e);
        }

        using var ecdsa = parsed.PublicKey.GetECDsaPublicKey();
        return ecdsa is { KeySize: >= 256 }
            ? parsed.PublicKey
            : throw new CryptographicException("The certificate request has no ECDSA key of 256 bits or more.");
    }

    private static X509Extension AlternativeNames(IReadOnlyList<string> names)
    {
        var builder = new SubjectAlternativeNameBuilder();
        foreach (var name in names.Distinct(StringComparer.OrdinalIgnoreCase))
        {
            if (IPAddress.TryParse(name, out var address))
            {
                builder.AddIpAddress(address);
            }
            else if (name.Contains('@', StringComparison.Ordinal))
            {
                builder.AddEmailAddress(name);
            }
            else
            {
                builder.AddDnsName(name);
            }
        }

        return builder.Build();
    }

    private static byte[] NewKeyPkcs8()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return key.ExportPkcs8PrivateKey();
    }

    private static void SaveKey(SqliteConnection sql, SecretStore secrets, string name, ECDsa key)
    {
        var pkcs8 = key.ExportPkcs8PrivateKey();
        secrets.Set(sql, name + "-ca-key", pkcs8);
        CryptographicOperations.ZeroMemory(pkcs8);
    }

    private static void Save(SqliteConnection sql, string name, X509Certificate2 certificate) => sql.Execute(
        """
        INSERT INTO certificates (name, der, public_key_hash, not_after) VALUES (@name, @der, @hash, @notAfter)
        ON CONFLICT (name) DO UPDATE SET der = excluded.der, public_key_hash = excluded.public_key_hash, not_after = excluded.not_after
        """,
        new
        {
            name,
            der = certificate.RawData,
            hash = Convert.ToHexStringLower(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo())),
            notAfter = new DateTimeOffset(certificate.NotAfter.ToUniversalTime()).ToUnixNanoseconds(),
        });

    private static X509Certificate2? Find(SqliteConnection sql, string name)
    {
        var der = sql.ExecuteScalar<byte[]?>("SELECT der FROM certificates WHERE name = @name", new { name });
        return der is null ? null : X509CertificateLoader.LoadCertificate(der);
    }

    private static DateTimeOffset Later(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;
}
