using System.Text.Json.Serialization;
using Sallyport.Api.Rules;

namespace Sallyport.Api.Policy;

/// <summary>Which recorded flows a draft would decide otherwise than the policy of today. Changes nothing.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ReplayRequest
{
    /// <summary>Flows of so many days; null for 7.</summary>
    public int? Days { get; init; }

    /// <summary>Only flows of this network.</summary>
    public string? Network { get; init; }

    /// <summary>Rules that the draft has besides those of today.</summary>
    public IReadOnlyList<RuleCreate>? AddRules { get; init; }

    /// <summary>Rules that the draft has not.</summary>
    public IReadOnlyList<int>? RemoveRules { get; init; }

    /// <summary>Instead of changes of rules a whole fleet file: the draft is what the fleet would be after its apply. Its tests may fail.</summary>
    public string? File { get; init; }

    /// <summary>With <see cref="File"/>: as in an apply that removes what the file leaves out.</summary>
    public bool? Prune { get; init; }

    /// <summary>At most so many changes in the answer; null for 1,000.</summary>
    public int? Limit { get; init; }
}

public sealed record ReplayReport
{
    public required DateTimeOffset Since { get; init; }

    /// <summary>That were read.</summary>
    public required long Flows { get; init; }

    public required long StayAllowed { get; init; }

    public required long StayDenied { get; init; }

    /// <summary>Flows that are allowed today and would not be.</summary>
    public required long Blocked { get; init; }

    /// <summary>How many devices and sites opened them.</summary>
    public required int BlockedFrom { get; init; }

    /// <summary>Flows that are denied today and would be allowed.</summary>
    public required long Allowed { get; init; }

    public required int AllowedFrom { get; init; }

    /// <summary>Flows that were decided otherwise when they were recorded than the policy of today decides: it has changed since.</summary>
    public required long RecordedOtherwise { get; init; }

    /// <summary>Flows about which nothing can be said, and why.</summary>
    public required IReadOnlyList<ReplayUnjudged> NotJudged { get; init; }

    /// <summary>What would change, most flows first.</summary>
    public required IReadOnlyList<ReplayChange> Changes { get; init; }

    /// <summary>Further changes that the limit left out.</summary>
    public required int ChangesLeftOut { get; init; }

    /// <summary>Flows that would change and are in no row: there are too many different ones. They are counted above.</summary>
    public required long FlowsLeftOut { get; init; }
}

public sealed record ReplayUnjudged(string Why, long Flows);

/// <summary>Flows of one identity to one service that the draft decides otherwise.</summary>
public sealed record ReplayChange
{
    /// <summary>"blocked" or "allowed".</summary>
    public required string Change { get; init; }

    public required string From { get; init; }

    public required string Network { get; init; }

    /// <summary>Who carries the destination.</summary>
    public string? To { get; init; }

    public required string Destination { get; init; }

    /// <summary>"tcp/8883", "icmp".</summary>
    public required string Service { get; init; }

    public string? Application { get; init; }

    /// <summary>The rule that allows it today, or would by the draft; the number of a rule that the draft adds is not the one that it will have.</summary>
    public required int RuleId { get; init; }

    public string? Rule { get; init; }

    /// <summary>Why it would be blocked, or is today.</summary>
    public required string Reason { get; init; }

    public required long Flows { get; init; }

    public required long Bytes { get; init; }

    public required DateTimeOffset LastSeen { get; init; }
}
