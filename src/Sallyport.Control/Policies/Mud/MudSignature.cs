using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Control.Http;
using Sallyport.Core.Crypto;

namespace Sallyport.Control.Policies.Mud;

/// <summary>
/// The signature of a MUD file: a detached CMS over its bytes (RFC 8520 section 13), by somebody whose certificate descends from those that the operator
/// trusts for it. The certificates that the machine trusts for the web say nothing about it.
/// </summary>
internal static class MudSignature
{
    /// <summary>Who signed; null after adding the problem.</summary>
    public static string? Verify(byte[] file, byte[] signature, string? ca, DateTimeOffset now, ProblemList problems)
    {
        if (signature.Length > MudLimits.SignatureMax)
        {
            problems.Add("signature", $"the signature has {signature.Length} bytes", $"one has at most {MudLimits.SignatureMax}: is it the right file?");
            return null;
        }

        var read = CmsSignature.Verify(file, signature);
        if (read.Verdict != CmsVerdict.Valid)
        {
            var (why, hint) = WhyNot(read.Verdict);
            problems.Add("signature", why, hint);
        }

        return ReadRoots(ca, problems) is { } roots && read.Verdict == CmsVerdict.Valid ? Trusted(read, roots, now, problems) : null;
    }

    private static (string Why, string Hint) WhyNot(CmsVerdict verdict) => verdict switch
    {
        CmsVerdict.NotCms => ("this is no CMS signature", "give the manufacturer's .p7s file, in DER: openssl cms -cmsout -inform PEM -outform DER makes it of PEM"),
        CmsVerdict.NotDetached => ("this signature has a content of its own, and need not be about the file", "give the detached signature that the manufacturer keeps beside the file"),
        _ => ("the signature is not one of this file", "take both anew from the manufacturer, byte by byte; do not use the file as it is"),
    };

    private static string? Trusted(CmsSignature signature, X509Certificate2Collection roots, DateTimeOffset now, ProblemList problems)
    {
        try
        {
            var others = new X509Certificate2Collection(signature.Certificates.Select(der => X509CertificateLoader.LoadCertificate(der)).ToArray());
            var signers = signature.Signers.Select(der => X509CertificateLoader.LoadCertificate(der)).ToList();
            if (signers.Select(signer => WhyNotTrusted(signer, others, roots, now)).FirstOrDefault(why => why is not null) is not { } reason)
            {
                return string.Join(" and ", signers.Select(signer => Names.Label.Shorten(signer.Subject)));
            }

            problems.Add("signature", reason, "give the root certificate of the manufacturer's signers, from a source that you trust: signerCa=FILE");
        }
        catch (CryptographicException)
        {
            problems.Add("signature", "a certificate in it cannot be read", "take the signature anew from the manufacturer");
        }

        return null;
    }

    private static string? WhyNotTrusted(X509Certificate2 certificate, X509Certificate2Collection others, X509Certificate2Collection roots, DateTimeOffset now)
    {
        if (certificate.Extensions.OfType<X509KeyUsageExtension>().Any(usage => (usage.KeyUsages & (X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.NonRepudiation)) == 0))
        {
            return $"the certificate of {Names.Label.Shorten(certificate.Subject)} is not for signatures";
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.ExtraStore.AddRange(others);
        chain.ChainPolicy.ExtraStore.AddRange(roots);
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck; // nothing here asks the manufacturer's servers
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        if (chain.Build(certificate))
        {
            return null;
        }

        var status = chain.ChainStatus.Select(one => one.Status).Where(one => one != X509ChainStatusFlags.NoError).Distinct();
        return $"the certificate of {Names.Label.Shorten(certificate.Subject)} does not hold: {string.Join(", ", status)}";
    }

    private static X509Certificate2Collection? ReadRoots(string? ca, ProblemList problems)
    {
        var roots = new X509Certificate2Collection();
        try
        {
            roots.ImportFromPem(ca ?? "");
        }
        catch (CryptographicException)
        {
            problems.Add("signerCa", "there is no certificate in it", "give the manufacturer's root certificate in PEM");
            return null;
        }

        if (roots.Count > 0)
        {
            return roots;
        }

        problems.Add("signerCa", ca is null ? "nobody says whose signature counts" : "there is no certificate in it", "give the manufacturer's root certificate in PEM");
        return null;
    }
}
