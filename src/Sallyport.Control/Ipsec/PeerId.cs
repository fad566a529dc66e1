using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Ipsec;

/// <summary>Who a peer says it is in IKE (RFC 7296 section 3.5), as people write it in routers.</summary>
/// <param name="Text">Without the "@" that some put in front of host names.</param>
internal readonly record struct PeerId(PeerIdKind Kind, string Text)
{
    public const string KeyPrefix = "keyid:";

    private const int LengthMax = 253; // a host name (RFC 1035 section 2.3.4)
    private const string Example = "write it as the peer sends it: 203.0.113.5, hq@example.com, router-7.example or keyid:4711";

    /// <summary>Of a key ID that is bytes, their hexadecimal digits; null where it is a word.</summary>
    public string? KeyDigits =>
        Kind == PeerIdKind.Key && Text[KeyPrefix.Length..] is ['0', 'x', _, .. { Length: > 0 }] and { Length: var length } key && length % 2 == 0 && key.Skip(2).All(char.IsAsciiHexDigit)
            ? key[2..] : null;

    public static PeerId Of(string text) =>
        text.StartsWith(KeyPrefix, StringComparison.OrdinalIgnoreCase) ? new PeerId(PeerIdKind.Key, KeyPrefix + text[KeyPrefix.Length..])
        : IpAddress.TryParse(text, out _) ? new PeerId(PeerIdKind.Address, text)
        : text.Contains('@', StringComparison.Ordinal) ? new PeerId(PeerIdKind.Mail, text)
        : new PeerId(PeerIdKind.Name, text);

    /// <summary>Null after adding what is wrong.</summary>
    public static PeerId? Read(string? given, string field, ProblemList problems)
    {
        var text = (given ?? "").Trim();
        var plain = text.StartsWith('@') ? text[1..] : text;
        if (plain.Length is 0 or > LengthMax)
        {
            problems.Add(field, plain.Length == 0 ? "the id of the peer is empty" : $"an id of {plain.Length} characters is too long", plain.Length == 0 ? Example : $"use at most {LengthMax}");
            return null;
        }

        var id = Of(plain);
        var isValid = id.Kind switch
        {
            PeerIdKind.Address => text[0] != '@',
            PeerIdKind.Key => IsKey(plain[KeyPrefix.Length..]),
            PeerIdKind.Mail => plain.Split('@') is [var who, var where] && text[0] != '@' && IsMail(who) && IsName(where),
            _ => IsName(plain),
        };
        if (isValid)
        {
            return id.Kind == PeerIdKind.Address ? id with { Text = IpAddress.Parse(plain).ToString() } : id;
        }

        var isSubject = plain.Contains('=', StringComparison.Ordinal);
        problems.Add(
            field, $"'{Label.Shorten(text)}' is no id that a peer can be known by",
            isSubject ? "who comes by the subject of its certificate has the certificate as its id: leave it out" : Example);
        return null;
    }

    /// <summary>What cannot be mistaken for syntax, in whichever file it is written.</summary>
    private static bool IsKey(string text) => text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ':' or '+' or '/' or '@');

    private static bool IsMail(string text) => text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '+');

    /// <summary>More than host names may have: routers send what somebody wrote.</summary>
    private static bool IsName(string text) => text.Split('.').All(part => part.Length is > 0 and <= Label.LengthMax && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'));
}

/// <summary>Types of IKE identities that peers without a certificate have.</summary>
internal enum PeerIdKind : byte
{
    /// <summary>ID_FQDN.</summary>
    Name,

    /// <summary>ID_IPV4_ADDR, ID_IPV6_ADDR.</summary>
    Address,

    /// <summary>ID_RFC822_ADDR.</summary>
    Mail,

    /// <summary>ID_KEY_ID.</summary>
    Key,
}
