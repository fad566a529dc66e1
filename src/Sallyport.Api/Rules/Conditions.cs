using System.Text.Json.Serialization;

namespace Sallyport.Api.Rules;

/// <summary>
/// What must be so of a sender and its tunnel for a rule to count: of each list any one, of facts all. Null leaves a list as it is, an
/// empty one asks for nothing.
/// </summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ConditionInput
{
    /// <summary>"active", "quarantined".</summary>
    public IReadOnlyList<string>? States { get; init; }

    /// <summary>"openvpn/udp", "openvpn/tcp".</summary>
    public IReadOnlyList<string>? Protocols { get; init; }

    /// <summary>"AES-256-GCM" and so on.</summary>
    public IReadOnlyList<string>? Ciphers { get; init; }

    /// <summary>Addresses and prefixes of the tunnel's outer end: "203.0.113.0/24".</summary>
    public IReadOnlyList<string>? Sources { get; init; }

    /// <summary>ISO 3166-1 alpha-2 codes of the tunnel's outer end, by the table of the setting country_table: "AT".</summary>
    public IReadOnlyList<string>? Countries { get; init; }

    /// <summary>Tests of facts that were reported: "firmware>=2.4.1", "disk-encrypted=true".</summary>
    public IReadOnlyList<string>? Posture { get; init; }

    /// <summary>How old a fact may be, "24h"; "any" for any age.</summary>
    public string? PostureAge { get; init; }
}

/// <summary>What a rule asks of a sender and its tunnel; empty lists ask for nothing.</summary>
public sealed record ConditionInfo
{
    public required IReadOnlyList<string> States { get; init; }

    public required IReadOnlyList<string> Protocols { get; init; }

    public required IReadOnlyList<string> Ciphers { get; init; }

    public required IReadOnlyList<string> Sources { get; init; }

    public required IReadOnlyList<string> Countries { get; init; }

    public required IReadOnlyList<string> Posture { get; init; }

    /// <summary>Null for any age.</summary>
    public string? PostureAge { get; init; }

    /// <summary>All of them in one line for people; empty without any.</summary>
    public required string Text { get; init; }
}

/// <summary>How much may pass. Null leaves a limit as it is, "none" (for packets 0) takes it away.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record LimitInput
{
    /// <summary>A second: "64kbit", "1mbit".</summary>
    public string? Rate { get; init; }

    public long? PacketsPerSecond { get; init; }

    /// <summary>"500MB/day", "20GB/month"; days and months of UTC.</summary>
    public string? Volume { get; init; }
}

/// <summary>How much may pass, and what has.</summary>
public sealed record LimitInfo
{
    public string? Rate { get; init; }

    public long? PacketsPerSecond { get; init; }

    public string? Volume { get; init; }

    /// <summary>Bytes of the volume in its present day or month, all gateways together, as they last reported; null without a volume.</summary>
    public long? VolumeUsed { get; init; }

    /// <summary>All of it in one line for people.</summary>
    public required string Text { get; init; }
}
