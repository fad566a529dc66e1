using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Flows;

/// <summary>What a record tells that the one before it did not.</summary>
[Flags]
public enum FlowChanges : byte
{
    None = 0,
    Began = 1,
    VerdictChanged = 2,
    CountersMoved = 4,
    Ended = 8,
}

/// <summary>
/// The state of one conversation. Counters are totals since it began, so a record replaces the one before: under pressure several
/// become one, and the last one is always right. "Out" is from who opened it, "back" the other way; refused packets count too.
/// </summary>
public readonly record struct FlowRecord
{
    /// <summary>Unique within the process: the shard in the top 16 bits.</summary>
    public required long FlowId { get; init; }

    public required FlowChanges Changes { get; init; }

    public required int NetworkId { get; init; }

    public required int FromId { get; init; }

    /// <summary>0 where nobody carries the destination.</summary>
    public required int ToId { get; init; }

    public required IpProtocol Protocol { get; init; }

    public required IpAddress Source { get; init; }

    /// <summary>For echo the identifier.</summary>
    public required ushort SourcePort { get; init; }

    public required IpAddress Destination { get; init; }

    /// <summary>For echo 0.</summary>
    public required ushort DestinationPort { get; init; }

    /// <summary>A TCP connection that was closed or broken off; stragglers may still be counted.</summary>
    public required bool Finished { get; init; }

    public required bool Allowed { get; init; }

    /// <summary>Packets had passed before it was denied: a change of policy ended it.</summary>
    public required bool Cut { get; init; }

    /// <summary>0 where no rule decided.</summary>
    public required int RuleId { get; init; }

    /// <summary>0 where the destination is no application.</summary>
    public required int ApplicationId { get; init; }

    /// <summary>
    /// Why it is denied. Where allowed <see cref="DropReason.None"/>, or <see cref="DropReason.PeerOffline"/> while the destination has no tunnel.
    /// </summary>
    public required DropReason Reason { get; init; }

    public required Instant FirstSeen { get; init; }

    public required Instant LastSeen { get; init; }

    public required long PacketsOut { get; init; }

    public required long BytesOut { get; init; }

    public required long PacketsBack { get; init; }

    public required long BytesBack { get; init; }

    /// <summary>Who the opener is in the other network, and whom he calls there; the default within one network, and while the flow was never opened.</summary>
    public IpAddress FarSource { get; init; }

    /// <summary>Another than <see cref="SourcePort"/> where guests share an address.</summary>
    public ushort FarSourcePort { get; init; }

    public IpAddress FarDestination { get; init; }

    /// <summary>The name for which the gateway told the opener the destination; null where it did not.</summary>
    public string? DnsName { get; init; }

    /// <summary>The name that a TLS client asks its server for in the clear (SNI); null where none was seen.</summary>
    public string? ServerName { get; init; }

    public bool Ended => Finished || (Changes & FlowChanges.Ended) != 0;
}
