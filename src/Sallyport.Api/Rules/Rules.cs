using System.Text.Json.Serialization;
using Sallyport.Api.Devices;

namespace Sallyport.Api.Rules;

/// <summary>Allows subjects to open flows to one application or a group of them, or denies it to them.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record RuleCreate
{
    /// <summary>
    /// "device:pump-17", "site:hq", "host:plant-a", "group:pumps", "label:model=P200", "label:model=P200,region=eu" for who has both, or
    /// "network:plant-a" (every device and site of it).
    /// </summary>
    public string? From { get; init; }

    /// <summary>The network whose group or label is meant; default: that of the application.</summary>
    public string? FromNetwork { get; init; }

    /// <summary>"application:historian", or "application-group:scada" for all that are in it, now and later.</summary>
    public string? To { get; init; }

    /// <summary>"allow", the default, or "deny", which wins over every rule that allows the same.</summary>
    public string? Effect { get; init; }

    /// <summary>When it ends by itself; null for never.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Instead of <see cref="Until"/>: how long from now, "90m", "8h", "7d".</summary>
    public string? For { get; init; }

    /// <summary>The only hours in which it is in force: "mon-fri 08:00-17:00 Europe/Vienna". Null or empty for always.</summary>
    public IReadOnlyList<string>? Windows { get; init; }

    public ConditionInput? Conditions { get; init; }

    public LimitInput? Limit { get; init; }
}

/// <summary>Changes what is not null.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record RuleUpdate
{
    public DateTimeOffset? Until { get; init; }

    /// <summary>Instead of <see cref="Until"/>: how long from now, "90m", "8h", "7d".</summary>
    public string? For { get; init; }

    /// <summary>True: it ends no more. Not beside <see cref="Until"/>.</summary>
    public bool? NoEnd { get; init; }

    /// <summary>Replaces all; empty for always.</summary>
    public IReadOnlyList<string>? Windows { get; init; }

    public ConditionInput? Conditions { get; init; }

    public LimitInput? Limit { get; init; }
}

public sealed record RuleInfo
{
    public required int Id { get; init; }

    public required string From { get; init; }

    public required string To { get; init; }

    /// <summary>Of the application.</summary>
    public required string Network { get; init; }

    /// <summary>Of the subjects: where it is another one, the application appears there at a service address.</summary>
    public required string FromNetwork { get; init; }

    /// <summary>How many devices and sites it speaks of now: 0 where nobody has the label or is in the group.</summary>
    public required int Subjects { get; init; }

    /// <summary>How many applications it leads to now: 0 where none is in the group.</summary>
    public int Applications { get; init; }

    /// <summary>"allow" or "deny".</summary>
    public required string Effect { get; init; }

    public DateTimeOffset? Until { get; init; }

    public required IReadOnlyList<string> Windows { get; init; }

    public required ConditionInfo Conditions { get; init; }

    /// <summary>Null for none.</summary>
    public LimitInfo? Limit { get; init; }

    /// <summary>"in force", "waiting" (for its hours), "over" or "locked".</summary>
    public required string State { get; init; }

    /// <summary>When the state changes next by itself; null for never.</summary>
    public DateTimeOffset? NextChange { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required long Revision { get; init; }

    /// <summary>In the answer to an update, and to the create of one that denies: what it cut, as the gateways measured it.</summary>
    public CutResult? Cut { get; init; }

    /// <summary>In the answer to a change: how many live tunnels connect anew for it, because their members are sent other routes. Null for none.</summary>
    public int? TunnelsReconnecting { get; init; }
}
