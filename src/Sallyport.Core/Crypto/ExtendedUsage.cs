namespace Sallyport.Core.Crypto;

/// <summary>Purposes that an end certificate names (RFC 5280 section 4.2.1.12), as far as they matter here.</summary>
[Flags]
internal enum ExtendedUsages : byte
{
    /// <summary>It names none, or others.</summary>
    None = 0,
    Server = 1,
    Client = 2,

    /// <summary>id-kp-ipsecIKE of RFC 4945, or the older one for which Microsoft's CAs have a template (1.3.6.1.5.5.8.2.2).</summary>
    Ike = 4,
}

internal static class ExtendedUsage
{
    private static ReadOnlySpan<byte> ExtKeyUsage => [0x55, 0x1d, 0x25];

    /// <summary>False where the bytes are no certificate in DER, or its purposes cannot be read.</summary>
    public static bool TryRead(ReadOnlySpan<byte> der, out ExtendedUsages usages)
    {
        usages = ExtendedUsages.None;
        if (!CertificateView.TryRead(der, out var view) || !view.TryFind(ExtKeyUsage, out var value))
        {
            return false;
        }

        if (value.IsEmpty)
        {
            return true;
        }

        var outer = new DerReader(value);
        if (!outer.TryRead(DerReader.Sequence, out var content) || !outer.IsEmpty)
        {
            return false;
        }

        var list = new DerReader(content);
        while (!list.IsEmpty)
        {
            if (!list.TryRead(DerReader.ObjectIdentifier, out var oid))
            {
                return false;
            }

            usages |= oid switch
            {
                [0x2b, 6, 1, 5, 5, 7, 3, 1] => ExtendedUsages.Server,
                [0x2b, 6, 1, 5, 5, 7, 3, 2] => ExtendedUsages.Client,
                [0x2b, 6, 1, 5, 5, 7, 3, 17] or [0x2b, 6, 1, 5, 5, 8, 2, 2] => ExtendedUsages.Ike,
                _ => ExtendedUsages.None,
            };
        }

        return true;
    }
}
