using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Sallyport.Core.Crypto;

namespace Sallyport.Core.Ike.Eap;

/// <summary>Keys that methods make.</summary>
internal static class EapKeys
{
    /// <summary>RFC 3748 section 7.10: at least, and so it is in all that we have.</summary>
    public const int MskLength = 64;

    /// <summary>MSK and EMSK of EAP-TLS: what the exporter of TLS 1.3 gives depends on how much is asked for.</summary>
    private const int KeyMaterialLength = 2 * MskLength;

    /// <summary>RFC 9190 section 2.3 for TLS 1.3, RFC 5216 section 2.3 below it.</summary>
    public static bool TryExport(TlsPump tls, [NotNullWhen(true)] out SecretBytes? msk)
    {
        Span<byte> material = stackalloc byte[KeyMaterialLength];
        var done = IsTls13(tls)
            ? tls.TryExport("EXPORTER_EAP_TLS_Key_Material"u8, [(byte)EapType.Tls], material)
            : tls.TryExport("client EAP encryption"u8, material);
        msk = done ? new SecretBytes(material[..MskLength]) : null;
        CryptographicOperations.ZeroMemory(material);
        return done;
    }

    public static bool IsTls13(TlsPump tls) => tls.Version == "TLSv1.3";
}
