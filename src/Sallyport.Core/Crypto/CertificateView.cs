using System.Globalization;
using System.Text;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>The parts of a certificate (RFC 5280 section 4.1) that something here reads, where they are in its bytes. It says nothing of who signed it.</summary>
internal readonly ref struct CertificateView
{
    // RFC 5280 section 4.1, context-specific tags of the body
    private const byte Version = 0xa0;
    private const byte IssuerUniqueId = 0x81;
    private const byte SubjectUniqueId = 0x82;
    private const byte ExtensionsTag = 0xa3;

    private readonly ReadOnlySpan<byte> _extensions;

    private CertificateView(ReadOnlySpan<byte> body, ReadOnlySpan<byte> subject, ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> extensions, Instant notAfter)
    {
        Body = body;
        Subject = subject;
        PublicKey = publicKey;
        _extensions = extensions;
        NotAfter = notAfter;
    }

    /// <summary>What is signed, without the head of its element.</summary>
    public ReadOnlySpan<byte> Body { get; }

    /// <summary>The Name, as DER.</summary>
    public ReadOnlySpan<byte> Subject { get; }

    /// <summary>The SubjectPublicKeyInfo, as DER.</summary>
    public ReadOnlySpan<byte> PublicKey { get; }

    public Instant NotAfter { get; }

    public static bool TryRead(ReadOnlySpan<byte> der, out CertificateView view)
    {
        view = default;
        var outer = new DerReader(der);
        if (!outer.TryRead(DerReader.Sequence, out var certificate) || !outer.IsEmpty)
        {
            return false;
        }

        var parts = new DerReader(certificate);
        return parts.TryRead(DerReader.Sequence, out var body)
            && parts.TryRead(DerReader.Sequence, out _)
            && parts.TryRead(DerReader.BitString, out _)
            && parts.IsEmpty
            && TryReadBody(body, out view);
    }

    /// <summary>
    /// False where the extension is there twice or cannot be read; an extension that is not there has a value without bytes.
    /// </summary>
    /// <param name="oid">The content of its object identifier.</param>
    public bool TryFind(ReadOnlySpan<byte> oid, out ReadOnlySpan<byte> value)
    {
        value = default;
        var isFound = false;
        var list = new DerReader(_extensions);
        while (!list.IsEmpty)
        {
            if (!list.TryRead(DerReader.Sequence, out var extension))
            {
                return false;
            }

            var fields = new DerReader(extension);
            if (!fields.TryRead(DerReader.ObjectIdentifier, out var id)
                || (fields.IsNext(DerReader.Boolean) && !fields.TryRead(DerReader.Boolean, out _))
                || !fields.TryRead(DerReader.OctetString, out var octets)
                || !fields.IsEmpty)
            {
                return false;
            }

            if (id.SequenceEqual(oid))
            {
                // An empty one would look as if it were not there.
                if (isFound || octets.IsEmpty)
                {
                    return false;
                }

                isFound = true;
                value = octets;
            }
        }

        return true;
    }

    private static bool TryReadBody(ReadOnlySpan<byte> body, out CertificateView view)
    {
        view = default;
        var fields = new DerReader(body);
        ReadOnlySpan<byte> extensions = default;
        if ((fields.IsNext(Version) && !fields.TryRead(Version, out _))
            || !fields.TryRead(DerReader.Integer, out _)
            || !fields.TryRead(DerReader.Sequence, out _)
            || !fields.TryRead(DerReader.Sequence, out _)
            || !fields.TryRead(DerReader.Sequence, out var validity)
            || !TryReadValidity(validity, out var notAfter)
            || !fields.TryRead(DerReader.Sequence, out _, out var subject)
            || !fields.TryRead(DerReader.Sequence, out _, out var publicKey)
            || (fields.IsNext(IssuerUniqueId) && !fields.TryRead(IssuerUniqueId, out _))
            || (fields.IsNext(SubjectUniqueId) && !fields.TryRead(SubjectUniqueId, out _))
            || (fields.IsNext(ExtensionsTag) && !(fields.TryRead(ExtensionsTag, out var wrapped) && TryUnwrap(wrapped, out extensions)))
            || !fields.IsEmpty)
        {
            return false;
        }

        view = new CertificateView(body, subject, publicKey, extensions, notAfter);
        return true;
    }

    private static bool TryUnwrap(ReadOnlySpan<byte> wrapped, out ReadOnlySpan<byte> extensions)
    {
        var reader = new DerReader(wrapped);
        return reader.TryRead(DerReader.Sequence, out extensions) && reader.IsEmpty;
    }

    private static bool TryReadValidity(ReadOnlySpan<byte> validity, out Instant notAfter)
    {
        notAfter = default;
        var times = new DerReader(validity);
        return TryReadTime(ref times, out _) && TryReadTime(ref times, out notAfter) && times.IsEmpty;
    }

    /// <summary>RFC 5280 section 4.1.2.5: to the second and in UTC, with a year of two digits until 2049.</summary>
    private static bool TryReadTime(ref DerReader times, out Instant time)
    {
        time = default;
        if (!times.TryReadAny(out var tag, out var text, out _) || tag is not (DerReader.UtcTime or DerReader.GeneralizedTime))
        {
            return false;
        }

        var isShort = tag == DerReader.UtcTime;
        Span<char> digits = stackalloc char[14];
        if (text.Length != (isShort ? 13 : 15) || text[^1] != (byte)'Z' || text[..^1].ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            return false;
        }

        Encoding.ASCII.GetChars(text[..^1], digits[(isShort ? 2 : 0)..]);
        if (isShort)
        {
            (text[0] >= (byte)'5' ? "19" : "20").CopyTo(digits);
        }

        if (!DateOnly.TryParseExact(digits[..8], "yyyyMMdd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)
            || !TimeOnly.TryParseExact(digits[8..], "HHmmss", CultureInfo.InvariantCulture, DateTimeStyles.None, out var hour))
        {
            return false;
        }

        var days = day.DayNumber - new DateOnly(1970, 1, 1).DayNumber;
        time = Clamp((days * 86_400L) + (hour.Ticks / TimeSpan.TicksPerSecond));
        return true;
    }

    /// <summary>The year 9999, which stands for "no end" (RFC 5280 section 4.1.2.5), is beyond what an instant can say.</summary>
    private static Instant Clamp(long seconds) =>
        seconds > Instant.Never.UnixSeconds - 1 ? Instant.Never : Instant.FromUnixSeconds(Math.Max(seconds, -Instant.Never.UnixSeconds));
}
