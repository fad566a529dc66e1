using Sallyport.Api.Devices;

namespace Sallyport.Api.Fleets;

/// <summary>What a fleet file changes, or changed, and what became of its tests.</summary>
public sealed record FleetPlan
{
    /// <summary>Whether it is so now. False for a plan, and where nothing was to be done.</summary>
    public required bool Applied { get; init; }

    /// <summary>Of the model: the one that was looked at, or that the apply made. What somebody else changes makes it another.</summary>
    public required long Version { get; init; }

    /// <summary>In the order in which they are made.</summary>
    public required IReadOnlyList<FleetChange> Changes { get; init; }

    /// <summary>How many things of the file are as it says already.</summary>
    public required int Unchanged { get; init; }

    public required IReadOnlyList<FleetTest> Tests { get; init; }

    /// <summary>What the file does not do, though one might think so; a sentence each.</summary>
    public required IReadOnlyList<string> Remarks { get; init; }

    /// <summary>In the answer to an apply: what it cut, as the gateways measured it.</summary>
    public CutResult? Cut { get; init; }

    /// <summary>How many live tunnels connect anew for it, or would, because their members are sent other routes. Null for none.</summary>
    public int? TunnelsReconnecting { get; init; }
}

public sealed record FleetChange
{
    /// <summary>"add", "change" or "remove".</summary>
    public required string Action { get; init; }

    /// <summary>"network:plant-a", "device:pump-17.plant-a", "rule:group:pumps to application:historian.plant-a".</summary>
    public required string Subject { get; init; }

    /// <summary>"services: [tcp/8883] → [tcp/443, tcp/8883]".</summary>
    public required IReadOnlyList<string> What { get; init; }

    /// <summary>Where the file says so; null where it does not, because that is the reason.</summary>
    public int? Line { get; init; }
}

public sealed record FleetTest
{
    public required int Line { get; init; }

    /// <summary>"device:pump-17 must reach application:historian".</summary>
    public required string Test { get; init; }

    public required bool Passed { get; init; }

    /// <summary>What decides, in one sentence or two.</summary>
    public required string Why { get; init; }
}
