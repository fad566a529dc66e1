using System.Text.Json.Serialization;
using Sallyport.Api.Credentials;
using Sallyport.Api.Rules;
using Sallyport.Api.Tunnels;

namespace Sallyport.Api.Devices;

/// <summary>Makes a device: one thing with one identity.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record DeviceCreate
{
    public string? Name { get; init; }

    public string? Network { get; init; }

    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    public IReadOnlyList<string>? Groups { get; init; }

    /// <summary>At most one IPv4 and one IPv6 address of the network; what is left out is allocated.</summary>
    public IReadOnlyList<string>? Addresses { get; init; }

    /// <summary>Where given, a credential is issued at once and the answer carries the profile.</summary>
    public ProfileRequest? Profile { get; init; }
}

/// <summary>Changes what is not null; lists and labels are replaced whole.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record DeviceUpdate
{
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    public IReadOnlyList<string>? Groups { get; init; }

    /// <summary>Of all that it sends and is sent.</summary>
    public LimitInput? Limit { get; init; }
}

public sealed record DeviceInfo
{
    public required int Id { get; init; }

    public required string Name { get; init; }

    public required string Network { get; init; }

    /// <summary>"pending" (no credential yet), "active", "quarantined" or "retired" (revoked).</summary>
    public required string State { get; init; }

    public string? StateReason { get; init; }

    public required DateTimeOffset StateSince { get; init; }

    public required IReadOnlyList<string> Addresses { get; init; }

    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    public required IReadOnlyList<string> Groups { get; init; }

    /// <summary>How far it is shut out while its state is "quarantined"; null otherwise.</summary>
    public QuarantineInfo? Quarantine { get; init; }

    /// <summary>Facts that were reported of it.</summary>
    public required IReadOnlyList<PostureInfo> Posture { get; init; }

    /// <summary>Null for none.</summary>
    public LimitInfo? Limit { get; init; }

    /// <summary>Ids of the locks that cut it off, whatever its state.</summary>
    public required IReadOnlyList<int> Locks { get; init; }

    /// <summary>"online", "offline" or "unknown" (its gateway is not connected to control).</summary>
    public required string Presence { get; init; }

    /// <summary>The live tunnel, or the last one that was seen.</summary>
    public TunnelInfo? Tunnel { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required long Revision { get; init; }

    /// <summary>In the answer to an update: what it cut, as the gateways measured it.</summary>
    public CutResult? Cut { get; init; }

    /// <summary>In the answer to a change: how many live tunnels connect anew for it, because their members are sent other routes. Null for none.</summary>
    public int? TunnelsReconnecting { get; init; }
}

/// <summary>The answer to a create. The profile holds a private key that exists nowhere else.</summary>
public sealed record DeviceCreated(DeviceInfo Device, ProfileIssued? Profile);

/// <summary>Why: asked for where something is cut.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ReasonRequest(string? Reason);

/// <summary>What a change of rights did, as the gateways measured it.</summary>
public sealed record CutResult
{
    /// <summary>"device", "site", "credential", "rule" or "application", and which.</summary>
    public required string Kind { get; init; }

    public required string Name { get; init; }

    public required string State { get; init; }

    public required DateTimeOffset CommittedAt { get; init; }

    /// <summary>Whether every gateway that is connected has confirmed. False also where none is connected.</summary>
    public required bool Enforced { get; init; }

    /// <summary>
    /// From the commit to the last packet that was still forwarded, on the slowest gateway; 0 where no packet passed after the commit,
    /// null where nothing was live or nobody measured.
    /// </summary>
    public double? MillisecondsToLastPacket { get; init; }

    /// <summary>From the commit to the packet path running on the new model, on the slowest gateway; null where nobody confirmed.</summary>
    public double? MillisecondsToEnforced { get; init; }

    public required int TunnelsCut { get; init; }

    public required int FlowsCut { get; init; }

    /// <summary>Where a member was removed: how many live tunnels of others connect anew for it, because they are sent other routes. Null for none.</summary>
    public int? TunnelsReconnecting { get; init; }

    public required IReadOnlyList<GatewayCut> Gateways { get; init; }

    /// <summary>One sentence for people.</summary>
    public required string Summary { get; init; }
}

public sealed record GatewayCut
{
    public required string Gateway { get; init; }

    public required bool Confirmed { get; init; }

    public double? MillisecondsToLastPacket { get; init; }

    public double? MillisecondsToEnforced { get; init; }

    public int TunnelsCut { get; init; }

    public int FlowsCut { get; init; }
}
