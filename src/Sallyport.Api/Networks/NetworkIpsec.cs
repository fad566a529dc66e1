using System.Text.Json.Serialization;

namespace Sallyport.Api.Networks;

/// <summary>What IKEv2 and ESP may be in a network. Changes what is not null.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record NetworkIpsecInput
{
    /// <summary>Whether members may come by IPsec at all (the default).</summary>
    public bool? Serve { get; init; }

    /// <summary>
    /// Proposals for IKE SAs in order of preference, in strongSwan's words: "aes256gcm16-prfsha384-x25519-ecp256"; AES-CBC and AEAD ciphers are
    /// in proposals of their own. None: the defaults, which are strong. SHA-1 is taken only where it is written here.
    /// </summary>
    public IReadOnlyList<string>? Ike { get; init; }

    /// <summary>Proposals for CHILD_SAs likewise: "aes256gcm16-x25519-none-esn-noesn"; "none" among key exchanges makes forward secrecy of later keys optional.</summary>
    public IReadOnlyList<string>? Esp { get; init; }

    /// <summary>"certificate", "psk", "eap-tls" (these by default), "eap-mschapv2". None: the defaults.</summary>
    public IReadOnlyList<string>? Authentication { get; init; }

    /// <summary>"4h" (default), or "none": after what time an IKE SA gets new keys.</summary>
    public string? IkeLifetime { get; init; }

    /// <summary>"1h" (default), or "none": after what time a CHILD_SA gets new keys.</summary>
    public string? ChildLifetime { get; init; }

    /// <summary>"10GB", or "none" (default): after how much in one direction a CHILD_SA gets new keys.</summary>
    public string? ChildVolume { get; init; }

    /// <summary>After how many packets in one direction; 0 (default) for no such end.</summary>
    public long? ChildPackets { get; init; }

    /// <summary>"24h", or "none" (default): after what time a peer proves anew who it is (RFC 4478).</summary>
    public string? Reauthenticate { get; init; }

    /// <summary>ESP goes in UDP even where no NAT is between, because something between takes nothing else. Default: no.</summary>
    public bool? Encapsulate { get; init; }

    /// <summary>The class of an inner packet (DSCP) is shown outside, for who pays for it on the way. Default: no; it says what kind of traffic is inside.</summary>
    public bool? CopyDscp { get; init; }

    /// <summary>Nobody comes in without a post-quantum pre-shared key (RFC 8784). Default: no.</summary>
    public bool? PpkRequired { get; init; }
}

public sealed record NetworkIpsec
{
    public required bool Serve { get; init; }

    public required IReadOnlyList<string> Ike { get; init; }

    public required IReadOnlyList<string> Esp { get; init; }

    public required IReadOnlyList<string> Authentication { get; init; }

    /// <summary>"4h" or "none".</summary>
    public required string IkeLifetime { get; init; }

    public required string ChildLifetime { get; init; }

    /// <summary>"10GB" or "none".</summary>
    public required string ChildVolume { get; init; }

    /// <summary>0 for none.</summary>
    public required long ChildPackets { get; init; }

    public required string Reauthenticate { get; init; }

    public required bool Encapsulate { get; init; }

    public required bool CopyDscp { get; init; }

    public required bool PpkRequired { get; init; }
}

/// <summary>What a change means for tunnels of IPsec that are up and stay so.</summary>
public sealed record IpsecFollowing
{
    public required int Tunnels { get; init; }

    /// <summary>In the words of the flags, "ike": what each keeps to from its next new keys on.</summary>
    public required IReadOnlyList<string> WithNewKeys { get; init; }

    /// <summary>"reauthenticate": what holds for each when it connects anew.</summary>
    public required IReadOnlyList<string> WhenConnecting { get; init; }
}
