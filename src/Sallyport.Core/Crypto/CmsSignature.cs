namespace Sallyport.Core.Crypto;

/// <summary>What came of a signature.</summary>
public enum CmsVerdict : byte
{
    Valid,

    /// <summary>No signed message in DER, or something behind it.</summary>
    NotCms,

    /// <summary>It has a content of its own.</summary>
    NotDetached,

    /// <summary>A digest or a signature is not that of the content, nobody signed, or the certificate of a signer is missing.</summary>
    DoesNotMatch,
}

/// <summary>
/// A detached signature over bytes (RFC 5652). It says whose certificates have signed, all of them; whether anybody trusts these is another question.
/// </summary>
public sealed record CmsSignature(CmsVerdict Verdict, IReadOnlyList<byte[]> Signers, IReadOnlyList<byte[]> Certificates)
{
    /// <param name="content">What is said to be signed.</param>
    /// <param name="signature">DER.</param>
    public static unsafe CmsSignature Verify(ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        fixed (byte* der = signature)
        {
            var at = der;
            var message = signature.IsEmpty ? 0 : OpenSsl.d2i_CMS_ContentInfo(null, &at, signature.Length);
            if (message == 0)
            {
                OpenSsl.ERR_clear_error();
                return Refused(CmsVerdict.NotCms);
            }

            try
            {
                return at == der + signature.Length ? Verify(content, message) : Refused(CmsVerdict.NotCms);
            }
            finally
            {
                OpenSsl.CMS_ContentInfo_free(message);
                OpenSsl.ERR_clear_error();
            }
        }
    }

    private static unsafe CmsSignature Verify(ReadOnlySpan<byte> content, nint message)
    {
        if (OpenSsl.CMS_is_detached(message) != 1)
        {
            return Refused(CmsVerdict.NotDetached);
        }

        // A byte for an empty content: fixed gives null for none.
        var nothing = stackalloc byte[1];
        fixed (byte* bytes = content)
        {
            var input = OpenSsl.BIO_new_mem_buf(bytes == null ? nothing : bytes, content.Length);
            if (input == 0)
            {
                OpenSsl.ThrowRefused("There is no memory for a signature");
            }

            var verified = OpenSsl.CMS_verify(message, 0, 0, input, 0, OpenSsl.CmsNoSignerCertVerify | OpenSsl.CmsBinary);
            _ = OpenSsl.BIO_free(input);
            if (verified != 1)
            {
                return Refused(CmsVerdict.DoesNotMatch);
            }
        }

        var signers = Take(OpenSsl.CMS_get0_signers(message), areOurs: false);
        var certificates = Take(OpenSsl.CMS_get1_certs(message), areOurs: true);
        return signers.Count == 0 ? Refused(CmsVerdict.DoesNotMatch) : new CmsSignature(CmsVerdict.Valid, signers, certificates);
    }

    private static CmsSignature Refused(CmsVerdict why) => new(why, [], []);

    /// <summary>The certificates of a stack, which is freed.</summary>
    private static unsafe List<byte[]> Take(nint stack, bool areOurs)
    {
        var taken = new List<byte[]>();
        for (var i = 0; stack != 0 && i < OpenSsl.OPENSSL_sk_num(stack); i++)
        {
            var certificate = OpenSsl.OPENSSL_sk_value(stack, i);
            var length = OpenSsl.i2d_X509(certificate, null);
            if (length > 0)
            {
                var der = new byte[length];
                fixed (byte* start = der)
                {
                    var at = start;
                    _ = OpenSsl.i2d_X509(certificate, &at);
                }

                taken.Add(der);
            }

            if (areOurs)
            {
                OpenSsl.X509_free(certificate);
            }
        }

        OpenSsl.OPENSSL_sk_free(stack);
        return taken;
    }
}
