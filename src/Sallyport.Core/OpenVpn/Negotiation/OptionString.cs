using System.Globalization;
using System.Text;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Negotiation;

/// <summary>What our side of an option string is made from.</summary>
/// <param name="Auth">Null where the data channel has no HMAC of its own.</param>
/// <param name="KeyDirection">0 or 1 as the option of the side that writes; null where tls-auth has none or is not in use.</param>
public readonly record struct OptionSettings(
    DataCipher Cipher, HashKind? Auth, bool HasCompression, bool IsTcp, int TunMtu, bool TlsAuth, int? KeyDirection);

/// <summary>
/// The "options consistency" string of key method 2: items between commas, e.g. `V4,dev-type tun,link-mtu 1541,…`. Both sides only
/// warn where they differ; but of clients before NCP it is the only word on cipher, digest and compression.
/// </summary>
public sealed class OptionString
{
    private readonly List<string> _items = [];

    private OptionString()
    {
    }

    public static OptionString Empty { get; } = new();

    public string Text => string.Join(',', _items);

    /// <summary>False for the empty string and for `V0 UNDEF`, which says nothing.</summary>
    public bool IsV4 => _items is ["V4", ..];

    /// <summary>"tun" or "tap".</summary>
    public string? DevType => Find("dev-type");

    public int? TunMtu => Number("tun-mtu");

    /// <summary>The client's `cipher` as it spells it. Stock 2.6 leaves it out where that is not negotiable.</summary>
    public string? CipherName => Find("cipher");

    /// <summary>The digest as the client spells it; `[null-digest]` with AEAD ciphers.</summary>
    public string? AuthName => Find("auth");

    /// <summary>The digest where it is one that we know.</summary>
    public HashKind? Auth => AuthName is { } name && TryParseAuth(name, out var auth) ? auth : null;

    /// <summary>
    /// The client has some compression option, and so some framing until we push ours. Which option it is does not show.
    /// </summary>
    public bool HasCompression => Has("comp-lzo");

    /// <summary>The client has `fragment` on, which cannot be pushed away: no data packet of it will be understood.</summary>
    public bool HasFragment => Has("mtu-dynamic");

    public bool HasTlsAuth => Has("tls-auth");

    public int? KeyDirection => Number("keydir");

    /// <summary>Never fails: items that are not printable ASCII, and all beyond the limit, are left out.</summary>
    public static OptionString Parse(ReadOnlySpan<byte> text)
    {
        var options = new OptionString();
        foreach (var range in text[..Math.Min(text.Length, NegotiationLimits.OptionStringMax)].Split((byte)','))
        {
            var item = text[range];
            if (!item.IsEmpty && !item.ContainsAnyExceptInRange((byte)0x20, (byte)0x7e))
            {
                options._items.Add(Encoding.ASCII.GetString(item));
            }
        }

        return options;
    }

    public static OptionString Create(OptionSettings settings, bool isServer)
    {
        var options = new OptionString();
        var items = options._items;
        items.Add("V4");
        items.Add("dev-type tun");
        items.Add(Item("link-mtu", LinkMtu(settings)));
        items.Add(Item("tun-mtu", settings.TunMtu));
        items.Add("proto " + (settings.IsTcp ? isServer ? "TCPv4_SERVER" : "TCPv4_CLIENT" : "UDPv4"));
        if (settings.HasCompression)
        {
            items.Add("comp-lzo");
        }

        if (settings.KeyDirection is { } direction)
        {
            items.Add(Item("keydir", direction));
        }

        items.Add("cipher " + settings.Cipher.Name());
        items.Add("auth " + Name(settings.Cipher.IsAead() ? null : settings.Auth));
        items.Add(Item("keysize", settings.Cipher.KeyLength() * 8));
        if (settings.TlsAuth)
        {
            items.Add("tls-auth");
        }

        items.Add("key-method 2");
        items.Add(isServer ? "tls-server" : "tls-client");
        return options;
    }

    /// <summary>
    /// The server's string for a client that sent this one. Where the client's item decides (its cipher before NCP, the overhead it
    /// reckons with, its key direction) it hears the counterpart of its own; where ours does (device, digest of a CBC channel, MTU
    /// unless we push it, no fragments) it hears ours, so that a stock client warns exactly where the tunnel would not work.
    /// </summary>
    public OptionString Answer(OptionSettings settings, bool pushesTunMtu)
    {
        if (!IsV4)
        {
            return Create(settings, isServer: true);
        }

        var answer = new OptionString();
        foreach (var item in _items)
        {
            var space = item.IndexOf(' ', StringComparison.Ordinal);
            var ours = (space < 0 ? item : item[..space]) switch
            {
                "V4" or "link-mtu" or "comp-lzo" or "cipher" or "keysize" or "tls-auth" or "key-method" => item,
                "dev-type" => "dev-type tun",
                "tun-mtu" => pushesTunMtu ? item : Item("tun-mtu", settings.TunMtu),
                "proto" => item.Replace("_CLIENT", "_SERVER", StringComparison.Ordinal),
                "keydir" => KeyDirection switch { 0 => "keydir 1", 1 => "keydir 0", _ => null },
                "auth" => settings.Cipher.IsAead() ? item : "auth " + Name(settings.Auth),
                "tls-client" => "tls-server",
                _ => null,
            };
            if (ours is not null)
            {
                answer._items.Add(ours);
            }
        }

        return answer;
    }

    /// <summary>`SHA1`, `SHA256`, `SHA384`, `SHA512`, in any case.</summary>
    public static bool TryParseAuth(ReadOnlySpan<char> name, out HashKind auth)
    {
        foreach (var kind in (ReadOnlySpan<HashKind>)[HashKind.Sha1, HashKind.Sha256, HashKind.Sha384, HashKind.Sha512])
        {
            if (name.Equals(Name(kind), StringComparison.OrdinalIgnoreCase))
            {
                auth = kind;
                return true;
            }
        }

        auth = default;
        return false;
    }

    private static string Name(HashKind? auth) => auth switch
    {
        null => "[null-digest]",
        HashKind.Sha1 => "SHA1",
        HashKind.Sha256 => "SHA256",
        HashKind.Sha384 => "SHA384",
        HashKind.Sha512 => "SHA512",
        _ => throw new InvariantException("a digest has a name"),
    };

    /// <summary>
    /// The overhead as 2.4 reckons it, and later ones repeat for its sake: opcode, packet id, IV and a whole block of padding even
    /// where the format has none, tag or MAC, compression byte, TCP's length.
    /// </summary>
    private static int LinkMtu(OptionSettings settings)
    {
        var (iv, block) = settings.Cipher switch
        {
            DataCipher.Aes256Gcm or DataCipher.Aes128Gcm => (12, 16),
            DataCipher.ChaCha20Poly1305 => (12, 1),
            _ => (16, 16),
        };
        var mac = settings.Cipher.IsAead() ? 16 : settings.Auth?.Length() ?? 0;
        return settings.TunMtu + 1 + 4 + iv + block + mac + (settings.HasCompression ? 1 : 0) + (settings.IsTcp ? 2 : 0);
    }

    private static string Item(string name, int value) => string.Create(CultureInfo.InvariantCulture, $"{name} {value}");

    private bool Has(string item) => _items.Contains(item);

    private string? Find(string name)
    {
        foreach (var item in _items)
        {
            if (item.Length > name.Length + 1 && item[name.Length] == ' ' && item.StartsWith(name, StringComparison.Ordinal))
            {
                return item[(name.Length + 1)..];
            }
        }

        return null;
    }

    private int? Number(string name) =>
        int.TryParse(Find(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
