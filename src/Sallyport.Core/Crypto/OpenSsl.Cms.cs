using System.Runtime.InteropServices;

namespace Sallyport.Core.Crypto;

/// <summary>Signed messages (RFC 5652).</summary>
internal static unsafe partial class OpenSsl
{
    // cms.h
    internal const uint CmsNoSignerCertVerify = 0x20;
    internal const uint CmsBinary = 0x80;

    [LibraryImport(Crypto)]
    internal static partial nint d2i_CMS_ContentInfo(nint* reuse, byte** der, nint length);

    [LibraryImport(Crypto)]
    internal static partial void CMS_ContentInfo_free(nint message);

    /// <summary>1 where what was signed is elsewhere.</summary>
    [LibraryImport(Crypto)]
    internal static partial int CMS_is_detached(nint message);

    [LibraryImport(Crypto)]
    internal static partial int CMS_verify(nint message, nint certificates, nint store, nint detached, nint output, uint flags);

    /// <summary>A stack that is the caller's, of certificates that are the message's; after a verification that succeeded.</summary>
    [LibraryImport(Crypto)]
    internal static partial nint CMS_get0_signers(nint message);

    /// <summary>A stack and certificates that are the caller's; null where there are none.</summary>
    [LibraryImport(Crypto)]
    internal static partial nint CMS_get1_certs(nint message);

    [LibraryImport(Crypto)]
    internal static partial int OPENSSL_sk_num(nint stack);

    [LibraryImport(Crypto)]
    internal static partial nint OPENSSL_sk_value(nint stack, int index);

    [LibraryImport(Crypto)]
    internal static partial void OPENSSL_sk_free(nint stack);

    /// <summary>Reads the bytes where they are.</summary>
    [LibraryImport(Crypto)]
    internal static partial nint BIO_new_mem_buf(byte* data, int length);
}
