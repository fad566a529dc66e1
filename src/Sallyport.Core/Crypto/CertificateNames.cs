using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>
/// The names that a certificate has, and what it is called by others. Whoever reads them has had its chain judged (<see cref="CertificateAnchors"/>)
/// before they mean anything.
/// </summary>
public sealed record CertificateNames
{
    /// <summary>Names of all kinds together: what a certificate for a whole cluster needs, doubled.</summary>
    public const int MaxNames = 128;

    // RFC 5280 section 4.2.1.6: 2.5.29.17, and its tags
    private const byte OtherName = 0xa0;
    private const byte Email = 0x81;
    private const byte Dns = 0x82;
    private const byte X400Address = 0xa3;
    private const byte DirectoryName = 0xa4;
    private const byte EdiPartyName = 0xa5;
    private const byte Uri = 0x86;
    private const byte Ip = 0x87;
    private const byte RegisteredId = 0x88;

    /// <summary>The Name, to be compared byte by byte.</summary>
    public required byte[] SubjectDer { get; init; }

    /// <summary>The Name for people, as RFC 4514 writes it: its last part first. Nothing in it commands a terminal; not to be compared.</summary>
    public required string Subject { get; init; }

    /// <summary>As they stand there, a star at the front included.</summary>
    public required IReadOnlyList<string> DnsNames { get; init; }

    public required IReadOnlyList<string> Emails { get; init; }

    public required IReadOnlyList<IpAddress> Addresses { get; init; }

    /// <summary>SHA-256 of the certificate.</summary>
    public required byte[] Fingerprint { get; init; }

    /// <summary>SHA-1 of the SubjectPublicKeyInfo: by what a request for certificates names a CA (RFC 7296 section 3.7).</summary>
    public required byte[] PublicKeySha1 { get; init; }

    /// <summary><see cref="Instant.Never"/> where it has no end that an instant could say.</summary>
    public required Instant NotAfter { get; init; }

    private static ReadOnlySpan<byte> SubjectAltName => [0x55, 0x1d, 0x11];

    /// <summary>
    /// False where it is no certificate in DER, or has a name that two readers could read differently: with a NUL or anything else in it that is no
    /// visible character of ASCII, an address of no legal length, the list of names twice.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> der, [NotNullWhen(true)] out CertificateNames? names)
    {
        names = null;
        var (dns, emails, addresses) = (new List<string>(), new List<string>(), new List<IpAddress>());
        if (der.Length > TlsLimits.MaxPeerChain
            || !CertificateView.TryRead(der, out var view)
            || !DistinguishedName.TryFormat(view.Subject, out var subject)
            || !view.TryFind(SubjectAltName, out var list)
            || (!list.IsEmpty && !TryReadList(list, dns, emails, addresses)))
        {
            return false;
        }

        names = new CertificateNames
        {
            SubjectDer = view.Subject.ToArray(),
            Subject = subject,
            DnsNames = dns,
            Emails = emails,
            Addresses = addresses,
            Fingerprint = SHA256.HashData(der),
            PublicKeySha1 = SHA1.HashData(view.PublicKey),
            NotAfter = view.NotAfter,
        };
        return true;
    }

    private static bool TryReadList(ReadOnlySpan<byte> value, List<string> dns, List<string> emails, List<IpAddress> addresses)
    {
        var outer = new DerReader(value);
        if (!outer.TryRead(DerReader.Sequence, out var content) || !outer.IsEmpty)
        {
            return false;
        }

        var list = new DerReader(content);
        for (var count = 0; !list.IsEmpty; count++)
        {
            if (count == MaxNames || !list.TryReadAny(out var tag, out var name, out _) || !TryTake(tag, name, dns, emails, addresses))
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryTake(byte tag, ReadOnlySpan<byte> name, List<string> dns, List<string> emails, List<IpAddress> addresses)
    {
        switch (tag)
        {
            case Dns:
                return TryTakeText(name, dns);
            case Email:
                return TryTakeText(name, emails);
            case Ip when name.Length is 4 or 16:
                addresses.Add(name.Length == 4 ? IpAddress.ReadV4(name) : IpAddress.ReadV6(name));
                return true;
            case OtherName or X400Address or DirectoryName or EdiPartyName or Uri or RegisteredId:
                return true;
            default:
                return false;
        }
    }

    private static bool TryTakeText(ReadOnlySpan<byte> name, List<string> names)
    {
        if (name.IsEmpty || name.ContainsAnyExceptInRange((byte)'!', (byte)'~'))
        {
            return false;
        }

        names.Add(Encoding.ASCII.GetString(name));
        return true;
    }
}
