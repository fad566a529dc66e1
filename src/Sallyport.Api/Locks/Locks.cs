using System.Text.Json.Serialization;
using Sallyport.Api.Devices;

namespace Sallyport.Api.Locks;

/// <summary>Cuts a subject off at once, whatever rules and states say, until the lock is removed or ends.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record LockCreate
{
    /// <summary>
    /// "device:pump-17", "site:hq", "network:plant-a", "application:historian", "rule:7", "credential:12", "group:pumps" or "label:model=P200".
    /// </summary>
    public string? Subject { get; init; }

    /// <summary>Of a group or label: only in this network; null for all.</summary>
    public string? Network { get; init; }

    public string? Reason { get; init; }

    /// <summary>When it ends by itself; null for never.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Instead of <see cref="Until"/>: how long from now, "90m", "8h", "7d".</summary>
    public string? For { get; init; }
}

public sealed record LockInfo
{
    public required int Id { get; init; }

    /// <summary>As in <see cref="LockCreate.Subject"/>.</summary>
    public required string Subject { get; init; }

    /// <summary>Null for a group or label of all networks.</summary>
    public string? Network { get; init; }

    public string? Reason { get; init; }

    public DateTimeOffset? Until { get; init; }

    /// <summary>How many devices, sites, credentials or rules it cuts off now.</summary>
    public required int Subjects { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required string CreatedBy { get; init; }

    /// <summary>In the answer to a create: what it cut, as the gateways measured it.</summary>
    public CutResult? Cut { get; init; }
}
