using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sallyport.Control.Tests.Policies.Mud;

/// <summary>A manufacturer who signs: a root, a certificate under it, and CMS signatures (RFC 5652) by it.</summary>
internal sealed class SignedFile : IDisposable
{
    public static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    private const string Data = "1.2.840.113549.1.7.1";
    private const string SignedData = "1.2.840.113549.1.7.2";
    private const string Sha256 = "2.16.840.1.101.3.4.2.1";
    private const string EcdsaWithSha256 = "1.2.840.10045.4.3.2";

    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 signer;

    public SignedFile(TimeSpan? valid = null, X509KeyUsageFlags usage = X509KeyUsageFlags.DigitalSignature)
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN=Doors Example Root {Guid.NewGuid():N}", rootKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        using var root = request.CreateSelfSigned(Now.AddDays(-10), Now.AddDays(100));
        Ca = root.ExportCertificatePem();
        var leaf = new CertificateRequest("CN=Doors Example MUD", key, HashAlgorithmName.SHA256);
        leaf.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        leaf.CertificateExtensions.Add(new X509KeyUsageExtension(usage, true));
        signer = leaf.Create(root, Now.AddDays(-9), Now.Add(valid ?? TimeSpan.FromDays(50)), [1, 2, 3, 4]);
    }

    public string Ca { get; }

    /// <summary>Detached, or with the content inside.</summary>
    public byte[] Sign(byte[] content, bool isDetached = true, bool withCertificate = true, bool signs = true)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(SignedData);
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
            using (writer.PushSequence())
            {
                writer.WriteInteger(1);
                using (writer.PushSetOf())
                {
                    WriteAlgorithm(writer, Sha256);
                }

                WriteContent(writer, isDetached ? null : content);
                if (withCertificate)
                {
                    using (writer.PushSetOf(new Asn1Tag(TagClass.ContextSpecific, 0)))
                    {
                        writer.WriteEncodedValue(signer.RawData);
                    }
                }

                using (writer.PushSetOf())
                {
                    if (signs)
                    {
                        WriteSigner(writer, content);
                    }
                }
            }
        }

        return writer.Encode();
    }

    public void Dispose()
    {
        signer.Dispose();
        key.Dispose();
    }

    private static void WriteContent(AsnWriter writer, byte[]? content)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(Data);
            if (content is not null)
            {
                using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
                {
                    writer.WriteOctetString(content);
                }
            }
        }
    }

    private void WriteSigner(AsnWriter writer, byte[] content)
    {
        using (writer.PushSequence())
        {
            writer.WriteInteger(1);
            using (writer.PushSequence())
            {
                writer.WriteEncodedValue(signer.IssuerName.RawData);
                writer.WriteInteger(new System.Numerics.BigInteger(signer.SerialNumberBytes.Span, isUnsigned: true, isBigEndian: true));
            }

            WriteAlgorithm(writer, Sha256);
            WriteAlgorithm(writer, EcdsaWithSha256);
            writer.WriteOctetString(key.SignData(content, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
        }
    }

    private static void WriteAlgorithm(AsnWriter writer, string identifier)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(identifier);
        }
    }
}
