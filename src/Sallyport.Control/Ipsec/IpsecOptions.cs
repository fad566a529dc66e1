using System.Globalization;
using Sallyport.Api.Networks;
using Sallyport.Api.Nodes;
using Sallyport.Control.Networks;
using Sallyport.Core.Policy;

namespace Sallyport.Control.Ipsec;

/// <summary>What somebody chose of a network's IPsec. Null is the default, which a newer version may choose better.</summary>
internal sealed record IpsecOptions
{
    public const string None = "none";

    // Each algorithm is one that nobody has to be ashamed of; what is fast on every machine comes first. AES-CBC for routers that have no
    // AEAD cipher. Forward secrecy of later keys is taken where it is offered.
    public static readonly IReadOnlyList<string> DefaultIke =
    [
        "aes256gcm16-aes128gcm16-chacha20poly1305-prfsha384-prfsha256-x25519-ecp256-ecp384-modp3072",
        "aes256-aes128-sha384-sha256-prfsha384-prfsha256-x25519-ecp256-ecp384-modp3072-modp2048",
    ];

    public static readonly IReadOnlyList<string> DefaultEsp =
    [
        "aes256gcm16-aes128gcm16-chacha20poly1305-x25519-ecp256-ecp384-modp3072-modp2048-none-esn-noesn",
        "aes256-aes128-sha384-sha256-x25519-ecp256-ecp384-modp3072-modp2048-none-esn-noesn",
    ];

    /// <summary>Without MSCHAPv2, whose NT hash is as good as the password, and is MD4.</summary>
    public static readonly IReadOnlyList<string> DefaultAuthentication = ["certificate", "psk", "eap-tls"];

    public static readonly IReadOnlyList<string> Authentications = [.. DefaultAuthentication, "eap-mschapv2"];

    public const int DefaultIkeSeconds = 14_400;
    public const int DefaultChildSeconds = 3_600;

    /// <summary>Nobody comes by IPsec.</summary>
    public bool Off { get; init; }

    public IReadOnlyList<string>? Ike { get; init; }

    public IReadOnlyList<string>? Esp { get; init; }

    public IReadOnlyList<string>? Authentication { get; init; }

    public int? IkeSeconds { get; init; }

    public int? ChildSeconds { get; init; }

    public long ChildBytes { get; init; }

    public long ChildPackets { get; init; }

    public int ReauthenticateSeconds { get; init; }

    public bool Encapsulate { get; init; }

    public bool CopyDscp { get; init; }

    public bool PpkRequired { get; init; }

    public bool Takes(string authentication) => !Off && (Authentication ?? DefaultAuthentication).Contains(authentication);

    public IpsecModel? ToModel() => Off ? null : new IpsecModel
    {
        Ike = Ike ?? DefaultIke,
        Esp = Esp ?? DefaultEsp,
        Authentication = Authentication ?? DefaultAuthentication,
        IkeRekeySeconds = IkeSeconds ?? DefaultIkeSeconds,
        ChildRekeySeconds = ChildSeconds ?? DefaultChildSeconds,
        ChildRekeyBytes = ChildBytes,
        ChildRekeyPackets = ChildPackets,
        ReauthenticateSeconds = ReauthenticateSeconds,
        Encapsulate = Encapsulate,
        CopyDscp = CopyDscp,
        PpkRequired = PpkRequired,
    };

    public NetworkIpsec ToInfo() => new()
    {
        Serve = !Off,
        Ike = Ike ?? DefaultIke,
        Esp = Esp ?? DefaultEsp,
        Authentication = Authentication ?? DefaultAuthentication,
        IkeLifetime = Lifetime(IkeSeconds ?? DefaultIkeSeconds),
        ChildLifetime = Lifetime(ChildSeconds ?? DefaultChildSeconds),
        ChildVolume = Volume(ChildBytes),
        ChildPackets = ChildPackets,
        Reauthenticate = Lifetime(ReauthenticateSeconds),
        Encapsulate = Encapsulate,
        CopyDscp = CopyDscp,
        PpkRequired = PpkRequired,
    };

    /// <summary>What is another, in the words of the flags: "ike aes256-sha256-modp2048 -> aes256gcm16-prfsha384-x25519".</summary>
    public static IEnumerable<string> Changes(IpsecOptions before, IpsecOptions after) =>
        Changed(before, after).Select(one => $"{one.Word} {one.Old} -> {one.Now}");

    /// <summary>The flags alone: "ike".</summary>
    public static IEnumerable<string> ChangedWords(IpsecOptions before, IpsecOptions after) => Changed(before, after).Select(one => one.Word);

    private static IEnumerable<(string Word, string Old, string Now)> Changed(IpsecOptions before, IpsecOptions after) =>
        Words(before.ToInfo()).Zip(Words(after.ToInfo()), (old, now) => (old.Word, old.Value, now.Value)).Where(one => one.Item2 != one.Item3);

    /// <summary>All of it.</summary>
    internal static IReadOnlyList<(string Word, string Value)> Words(NetworkIpsec info) =>
    [
        ("ipsec", info.Serve ? "on" : "off"),
        ("ike", string.Join(", ", info.Ike)),
        ("esp", string.Join(", ", info.Esp)),
        ("ipsec-auth", string.Join(", ", info.Authentication)),
        ("ike-lifetime", info.IkeLifetime),
        ("child-lifetime", info.ChildLifetime),
        ("child-volume", info.ChildVolume),
        ("child-packets", info.ChildPackets == 0 ? None : info.ChildPackets.ToString(CultureInfo.InvariantCulture)),
        ("reauthenticate", info.Reauthenticate),
        ("encapsulate", info.Encapsulate ? "yes" : "no"),
        ("copy-dscp", info.CopyDscp ? "yes" : "no"),
        ("ppk-required", info.PpkRequired ? "yes" : "no"),
    ];

    public static string Lifetime(int seconds) => seconds == 0 ? None : Span.Text(seconds);

    public static string Volume(long bytes) => bytes == 0 ? None : LimitText.Volume(bytes, VolumePeriod.Day).Split('/')[0];
}
