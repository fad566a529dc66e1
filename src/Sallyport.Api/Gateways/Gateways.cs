namespace Sallyport.Api.Gateways;

public sealed record GatewayInfo
{
    public required string Name { get; init; }

    public required bool Connected { get; init; }

    /// <summary>All its listeners are open.</summary>
    public required bool Ready { get; init; }

    public required string SoftwareVersion { get; init; }

    public required int ProcessId { get; init; }

    public required DateTimeOffset Since { get; init; }

    /// <summary>The last model that its packet path confirmed; control's own is <see cref="StatusInfo.ModelVersion"/>.</summary>
    public required long AcknowledgedVersion { get; init; }

    public required IReadOnlyList<string> Listening { get; init; }

    /// <summary>Packets dropped since it started, by reason.</summary>
    public required IReadOnlyDictionary<string, long> Drops { get; init; }
}

/// <summary>The installation in one look.</summary>
public sealed record StatusInfo
{
    public required string Version { get; init; }

    /// <summary>Host that profiles dial.</summary>
    public required string Endpoint { get; init; }

    public required int OpenVpnPort { get; init; }

    /// <summary>Where IKE is spoken, 500; 0 where it is not.</summary>
    public int IkePort { get; init; }

    /// <summary>Where IKE and ESP in UDP share a port, 4500; 0 where they do not.</summary>
    public int IkeNatPort { get; init; }

    public required long ModelVersion { get; init; }

    public required int Networks { get; init; }

    public required int Devices { get; init; }

    public required int Sites { get; init; }

    public required int TunnelsUp { get; init; }

    /// <summary>SHA-256 of the root certificate, lower-case hex.</summary>
    public required string RootFingerprint { get; init; }

    public required IReadOnlyList<GatewayInfo> Gateways { get; init; }
}
