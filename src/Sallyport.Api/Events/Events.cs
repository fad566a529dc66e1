namespace Sallyport.Api.Events;

/// <summary>Something that happened: at a gateway ("handshake.failed", "tunnel.up", …) or in control (an audited action).</summary>
public sealed record EventInfo
{
    public required long Id { get; init; }

    public required DateTimeOffset At { get; init; }

    public required string Kind { get; init; }

    /// <summary>The gateway, or "control".</summary>
    public required string Source { get; init; }

    /// <summary>"device:pump-17"; null where it concerns none.</summary>
    public string? Subject { get; init; }

    public string? Network { get; init; }

    public string? OuterAddress { get; init; }

    public required string Detail { get; init; }
}
