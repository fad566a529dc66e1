using System.Text.Json.Serialization;
using Sallyport.Api.Devices;

namespace Sallyport.Api.Applications;

/// <summary>Names something that may be reached. Exactly one of <see cref="Site"/>, <see cref="Device"/> and <see cref="Host"/> carries it.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ApplicationCreate
{
    public string? Name { get; init; }

    public string? Site { get; init; }

    public string? Device { get; init; }

    /// <summary>The network in which the gateway host offers it; "internet" for what lies beyond the host.</summary>
    public string? Host { get; init; }

    /// <summary>Beyond the gateway host: only what these names stand for, "ntp.example" or "*.vendor.example".</summary>
    public IReadOnlyList<string>? Names { get; init; }

    /// <summary>Address or prefix inside the site's subnets; default: the owner's own address.</summary>
    public string? Target { get; init; }

    /// <summary>"tcp/8883", "udp/5000-5010", "icmp".</summary>
    public IReadOnlyList<string>? Services { get; init; }

    /// <summary>Groups that rules may lead to.</summary>
    public IReadOnlyList<string>? Groups { get; init; }

    /// <summary>Whether a device in quarantine of the degree "management" may still speak to it.</summary>
    public bool? Management { get; init; }
}

/// <summary>Changes what is not null.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ApplicationUpdate
{
    public string? Target { get; init; }

    public IReadOnlyList<string>? Names { get; init; }

    public IReadOnlyList<string>? Services { get; init; }

    /// <summary>Replaces all.</summary>
    public IReadOnlyList<string>? Groups { get; init; }

    public bool? Management { get; init; }
}

public sealed record ApplicationInfo
{
    public required int Id { get; init; }

    public required string Name { get; init; }

    public required string Network { get; init; }

    /// <summary>"site", "device" or "host".</summary>
    public required string OwnerKind { get; init; }

    public required string Owner { get; init; }

    public required string Target { get; init; }

    public required IReadOnlyList<string> Services { get; init; }

    /// <summary>None: the whole target.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    public required IReadOnlyList<string> Groups { get; init; }

    public required bool Management { get; init; }

    /// <summary>The other networks in which members reach it, and where: "plant-b 198.18.0.1/32"; of one of names "plant-b by its names".</summary>
    public required IReadOnlyList<string> AppearsAt { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required long Revision { get; init; }

    /// <summary>In the answer to an update: what it cut, as the gateways measured it.</summary>
    public CutResult? Cut { get; init; }

    /// <summary>In the answer to a change: how many live tunnels connect anew for it, because their members are sent other routes. Null for none.</summary>
    public int? TunnelsReconnecting { get; init; }
}
