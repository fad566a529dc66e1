namespace Sallyport.Api.Tunnels;

/// <summary>One CHILD_SA of an IPsec tunnel. Counters are its inner traffic; "in" came from the peer.</summary>
public sealed record SaInfo
{
    /// <summary>Hexadecimal: what comes carries it.</summary>
    public required string SpiIn { get; init; }

    /// <summary>What leaves carries it.</summary>
    public required string SpiOut { get; init; }

    /// <summary>"AES-256-GCM", "AES-128-CBC/SHA-256/ESN".</summary>
    public required string Suite { get; init; }

    /// <summary>"tunnel" or "transport".</summary>
    public required string Mode { get; init; }

    /// <summary>False for one that the peer has not used yet, and for one that is replaced and still open for what is on its way.</summary>
    public required bool Sends { get; init; }

    /// <summary>On the gateway's side: "10.20.0.0/16".</summary>
    public required IReadOnlyList<string> Local { get; init; }

    /// <summary>On the peer's.</summary>
    public required IReadOnlyList<string> Remote { get; init; }

    /// <summary>When its keys were made.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>SAs that it has taken the place of, one after the other.</summary>
    public required int Rekeys { get; init; }

    public required long BytesIn { get; init; }

    public required long BytesOut { get; init; }

    public required long PacketsIn { get; init; }

    public required long PacketsOut { get; init; }

    /// <summary>Packets that were not sealed with its keys.</summary>
    public required long BadTags { get; init; }

    public required long Replays { get; init; }
}
