using System.Text.Json.Serialization;
using Sallyport.Api.Applications;
using Sallyport.Api.Policy;
using Sallyport.Api.Rules;

namespace Sallyport.Api.Flows;

/// <summary>The ends of a conversation between two networks as the network of who is called has them.</summary>
/// <param name="Source">As who the opener appears there; null where he appeared nowhere.</param>
/// <param name="Destination">The address of who is called.</param>
public sealed record FlowFarEnds(string Network, string? Source, string Destination)
{
    /// <summary>The opener's port there: another than his own where guests share an address. Null where the flow was never let there.</summary>
    public int? SourcePort { get; init; }
}

/// <summary>One end of a flow.</summary>
public sealed record FlowEnd(string Kind, string Name, int Id)
{
    /// <summary>Its name as commands take it: with its network where another one has the name as well, "pump-1.plant-a". Null where nobody looked.</summary>
    public string? Reference { get; init; }
}

/// <summary>One conversation; From is who opened it.</summary>
public sealed record FlowInfo
{
    public required long Id { get; init; }

    public required string Gateway { get; init; }

    public required string Network { get; init; }

    public required FlowEnd From { get; init; }

    /// <summary>Null where nobody carries the destination.</summary>
    public FlowEnd? To { get; init; }

    /// <summary>"tcp", "udp", "icmp" or the number of another protocol.</summary>
    public required string Protocol { get; init; }

    public required string Source { get; init; }

    public required int SourcePort { get; init; }

    public required string Destination { get; init; }

    public required int DestinationPort { get; init; }

    /// <summary>"allowed", "denied", or "cut": allowed until policy changed. A query for "denied" finds the cut ones too.</summary>
    public required string Verdict { get; init; }

    /// <summary>
    /// What came of it: "denied" or "cut"; of an allowed one "opening" (nothing has come back yet), "unanswered" (nothing will, or not for
    /// seconds), "unreachable" (who carries the destination has no tunnel), "live" or "ended" (answered).
    /// </summary>
    public required string State { get; init; }

    /// <summary>Name of the application that the destination is part of.</summary>
    public string? Application { get; init; }

    public int? RuleId { get; init; }

    /// <summary>"device:pump-17 to application:historian"; null where no rule decided or it is gone.</summary>
    public string? Rule { get; init; }

    /// <summary>Why it was denied, or is unreachable: a name of the drop reasons.</summary>
    public string? Reason { get; init; }

    /// <summary>The same for people.</summary>
    public string? ReasonText { get; init; }

    /// <summary>
    /// The rule that would allow a denied flow but for a condition or its hours, as of when the flow was last seen; null for none. What
    /// <see cref="AllowCommand"/> makes goes around that condition.
    /// </summary>
    public NearestRule? Nearest { get; init; }

    /// <summary>The narrowest commands, one per line, that would allow a denied flow; null where none can.</summary>
    public string? AllowCommand { get; init; }

    /// <summary>The command that allows the same for a while; null where none can.</summary>
    public string? AllowForCommand { get; init; }

    public required DateTimeOffset FirstSeen { get; init; }

    public required DateTimeOffset LastSeen { get; init; }

    public required long PacketsOut { get; init; }

    public required long BytesOut { get; init; }

    public required long PacketsBack { get; init; }

    public required long BytesBack { get; init; }

    public required bool Ended { get; init; }

    /// <summary>The name for which the gateway told the opener the destination; null where it did not, or did not need to.</summary>
    public string? DnsName { get; init; }

    /// <summary>The server name that a TLS client says in the clear (SNI). It is what the client says, no more.</summary>
    public string? ServerName { get; init; }

    /// <summary>How it looks in the network of who is called; null within one network.</summary>
    public FlowFarEnds? Far { get; init; }
}

/// <summary>Allows what a denied flow asked for, and nothing more.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record FlowAllow
{
    /// <summary>How long from now, "90m", "8h", "7d"; null for no end.</summary>
    public string? For { get; init; }

    /// <summary>Instead of <see cref="For"/>: when it ends.</summary>
    public DateTimeOffset? Until { get; init; }
}

public sealed record FlowAllowed
{
    public required RuleInfo Rule { get; init; }

    /// <summary>The application that was made for it; null where one was there.</summary>
    public ApplicationInfo? Application { get; init; }

    /// <summary>A rule that would have allowed it but for a condition or its hours, and whose condition the new one does not ask for; null for none.</summary>
    public NearestRule? Bypasses { get; init; }
}
