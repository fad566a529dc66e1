namespace Sallyport.Api.Tunnels;

/// <summary>The IKE SA of an IPsec tunnel, under which its CHILD_SAs are made.</summary>
public sealed record IkeSaInfo
{
    /// <summary>Hexadecimal, as peers show it as well.</summary>
    public required string SpiInitiator { get; init; }

    public required string SpiResponder { get; init; }

    /// <summary>"gateway" or "peer": who made it, or renewed it last.</summary>
    public required string Initiator { get; init; }

    /// <summary>"aes256gcm16-prfsha384-x25519".</summary>
    public required string Suite { get; init; }

    /// <summary>When its keys were made.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>How often its keys were made anew.</summary>
    public required int Rekeys { get; init; }
}
