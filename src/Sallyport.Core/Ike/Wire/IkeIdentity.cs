using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Wire;

/// <summary>RFC 7296 section 3.5.</summary>
public enum IdentityType : byte
{
    None = 0,
    Ipv4 = 1,
    Fqdn = 2,
    Email = 3,
    Ipv6 = 5,
    DistinguishedName = 9,
    KeyId = 11,
}

/// <summary>Who a peer says it is. Equal where type and bytes are; names of hosts and of mailboxes without regard to case.</summary>
public sealed class IkeIdentity : IEquatable<IkeIdentity>
{
    private const string KeyIdPrefix = "keyid:";
    private const int TextMax = 255;
    private const int ShownMax = 120;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    private readonly byte[] _data;

    public IkeIdentity(IdentityType type, ReadOnlySpan<byte> data)
    {
        Type = type;
        _data = data.ToArray();
    }

    public IdentityType Type { get; }

    public ReadOnlySpan<byte> Data => _data;

    /// <summary>Of FQDN and e-mail, in lower case; empty for others.</summary>
    public string Name => Type is IdentityType.Fqdn or IdentityType.Email ? Encoding.ASCII.GetString(_data).ToLowerInvariant() : "";

    public static IkeIdentity Fqdn(string name) => new(IdentityType.Fqdn, Encoding.ASCII.GetBytes(name));

    public static IkeIdentity Of(IpAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        return new(address.IsV4 ? IdentityType.Ipv4 : IdentityType.Ipv6, bytes[..address.Write(bytes)]);
    }

    public static IkeIdentity DistinguishedName(ReadOnlySpan<byte> der) => new(IdentityType.DistinguishedName, der);

    /// <summary>The body of an ID payload, behind its generic head.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out IkeIdentity? identity)
    {
        identity = null;
        var reader = new ByteReader(body);
        if (!reader.TryU8(out var type) || !reader.TryBytes(3, out _) || reader.Rest.Length is 0 or > IkeLimits.IdentityMax)
        {
            return false;
        }

        var data = reader.Rest;
        var isWellFormed = (IdentityType)type switch
        {
            IdentityType.Ipv4 => data.Length == 4,
            IdentityType.Ipv6 => data.Length == 16,

            // A NUL inside would make one name of two readers (CVE-2020-1763 and its kin came of identities that were logged).
            IdentityType.Fqdn or IdentityType.Email => data.Length <= TextMax && !data.ContainsAnyExceptInRange((byte)0x21, (byte)0x7e),
            IdentityType.DistinguishedName or IdentityType.KeyId => true,
            _ => false,
        };
        identity = isWellFormed ? new IkeIdentity((IdentityType)type, data) : null;
        return isWellFormed;
    }

    /// <summary>
    /// As operators write it: an address, "user@example.com", "name.example.com" (or "@name.example.com"), "keyid:" and hexadecimal digits or a word.
    /// </summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out IkeIdentity? identity)
    {
        identity = null;
        if (text.Length is 0 or > TextMax || text.AsSpan().ContainsAnyExceptInRange('\x21', '\x7e'))
        {
            return false;
        }

        if (IpAddress.TryParse(text, out var address))
        {
            identity = Of(address);
        }
        else if (text.StartsWith(KeyIdPrefix, StringComparison.OrdinalIgnoreCase))
        {
            var key = text[KeyIdPrefix.Length..];
            var bytes = key.StartsWith("0x", StringComparison.Ordinal) && key.Length % 2 == 0 && key.Length > 2 && key.AsSpan(2).ContainsAnyExcept(HexDigits) == false
                ? Convert.FromHexString(key.AsSpan(2))
                : Encoding.ASCII.GetBytes(key);
            identity = bytes.Length == 0 ? null : new IkeIdentity(IdentityType.KeyId, bytes);
        }
        else if (text.IndexOf('@', StringComparison.Ordinal) is var at && at > 0)
        {
            identity = new IkeIdentity(IdentityType.Email, Encoding.ASCII.GetBytes(text));
        }
        else if (text.Length > at + 1)
        {
            identity = Fqdn(text[(at + 1)..]);
        }

        return identity is not null;
    }

    /// <summary>Writes what lies behind the generic head and returns its length: 4 bytes and the data.</summary>
    public int Write(Span<byte> body)
    {
        body[..4].Clear();
        body[0] = (byte)Type;
        _data.CopyTo(body[4..]);
        return 4 + _data.Length;
    }

    public int BodyLength => 4 + _data.Length;

    public bool Equals(IkeIdentity? other)
    {
        if (other is null || other.Type != Type)
        {
            return false;
        }

        return Type is IdentityType.Fqdn or IdentityType.Email
            ? Ascii.EqualsIgnoreCase(_data, other._data)
            : _data.AsSpan().SequenceEqual(other._data);
    }

    public override bool Equals(object? obj) => Equals(obj as IkeIdentity);

    public override int GetHashCode()
    {
        var hash = 2_166_136_261u ^ (byte)Type;
        foreach (var octet in _data)
        {
            var folded = Type is IdentityType.Fqdn or IdentityType.Email && octet is >= (byte)'A' and <= (byte)'Z' ? octet | 0x20 : octet;
            hash = (hash ^ (uint)folded) * 16_777_619;
        }

        return (int)hash;
    }

    /// <summary>For people: printable and short.</summary>
    public override string ToString()
    {
        var text = Type switch
        {
            IdentityType.Ipv4 => IpAddress.ReadV4(_data).ToString(),
            IdentityType.Ipv6 => IpAddress.ReadV6(_data).ToString(),
            IdentityType.Fqdn or IdentityType.Email => Encoding.ASCII.GetString(_data),
            IdentityType.DistinguishedName => TextOfName(),
            IdentityType.KeyId => _data.AsSpan().ContainsAnyExceptInRange((byte)0x21, (byte)0x7e)
                ? KeyIdPrefix + "0x" + Convert.ToHexStringLower(_data)
                : KeyIdPrefix + Encoding.ASCII.GetString(_data),
            IdentityType.None => "",
        };
        text = PlainText.Clean(text);
        return text.Length <= ShownMax ? text : text[..ShownMax] + "…";
    }

    private string TextOfName()
    {
        try
        {
            return new X500DistinguishedName(_data).Name;
        }
        catch (CryptographicException)
        {
            return "(unreadable name)";
        }
    }
}
