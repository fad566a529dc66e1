namespace Sallyport.Api.Tunnels;

/// <summary>One security association of an IPsec tunnel. Counters are inner traffic of this SA; "in" came from the peer.</summary>
public sealed record SaInfo
{
    /// <summary>"ike" or "esp".</summary>
    public required string Kind { get; init; }

    /// <summary>Hexadecimal; of an ESP SA the one of packets that come in, and beside it that of those that go out.</summary>
    public required string SpiIn { get; init; }

    public required string SpiOut { get; init; }

    /// <summary>In the words of proposals: "aes256gcm16-prfsha384-x25519".</summary>
    public required string Algorithms { get; init; }

    /// <summary>When its keys were made.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>When it gets new ones; null where only volume or nothing ends it.</summary>
    public DateTimeOffset? RekeyAt { get; init; }

    /// <summary>How often it got new keys.</summary>
    public required int Rekeys { get; init; }

    public required long BytesIn { get; init; }

    public required long BytesOut { get; init; }

    public required long PacketsIn { get; init; }

    public required long PacketsOut { get; init; }

    /// <summary>On the peer's side: "192.168.50.0/24"; none for IKE.</summary>
    public required IReadOnlyList<string> Remote { get; init; }

    /// <summary>On the gateway's.</summary>
    public required IReadOnlyList<string> Local { get; init; }
}
