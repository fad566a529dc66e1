namespace Sallyport.Api.Tunnels;

/// <summary>One authenticated protocol session. Counters are inner traffic; "in" came from the device.</summary>
public sealed record TunnelInfo
{
    public required string Gateway { get; init; }

    public required long TunnelId { get; init; }

    /// <summary>"device" or "site".</summary>
    public required string IdentityKind { get; init; }

    public required string Identity { get; init; }

    public required string Network { get; init; }

    /// <summary>"up", "down" or "unknown" (its gateway is not connected to control).</summary>
    public required string State { get; init; }

    /// <summary>"openvpn/udp", "openvpn/tcp", "ipsec/udp" (in UDP, as behind NAT) or "ipsec/esp".</summary>
    public required string Protocol { get; init; }

    public required string OuterAddress { get; init; }

    public required string Cipher { get; init; }

    /// <summary>"TLSv1.3 TLS_AES_256_GCM_SHA384"; of IPsec the suite of the IKE SA.</summary>
    public required string Tls { get; init; }

    /// <summary>"tls-crypt-v2", …; of IPsec how the peer proved who it is.</summary>
    public required string Wrapping { get; init; }

    public required string ClientVersion { get; init; }

    public required string ClientPlatform { get; init; }

    /// <summary>1 to 4: which of a site's ways it is, as its credentials have it.</summary>
    public int Uplink { get; init; } = 1;

    public required DateTimeOffset Since { get; init; }

    public required DateTimeOffset LastSeen { get; init; }

    public required long BytesIn { get; init; }

    public required long BytesOut { get; init; }

    public required long PacketsIn { get; init; }

    public required long PacketsOut { get; init; }

    public required int Renegotiations { get; init; }

    /// <summary>Of IPsec its CHILD_SAs, those that packets leave by first; none of OpenVPN.</summary>
    public required IReadOnlyList<SaInfo> Sas { get; init; }

    /// <summary>Of IPsec its IKE SA; null of OpenVPN.</summary>
    public IkeSaInfo? Ike { get; init; }

    /// <summary>The IKE SA is up and has no CHILD_SA: nothing passes until the peer asks for one.</summary>
    public bool IkeOnly { get; init; }

    public string? EndReason { get; init; }
}
