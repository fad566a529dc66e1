using System.Collections.Immutable;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

internal enum ChildState : byte
{
    Active,

    /// <summary>A request of ours is about to replace it.</summary>
    Rekeying,

    /// <summary>The peer has replaced it, and will delete it.</summary>
    Replaced,

    /// <summary>A request of ours deletes it.</summary>
    Deleting,
}

/// <summary>What a session knows of one pair of ESP SAs. Its keys are with the owner.</summary>
internal sealed class ChildSa
{
    public required uint InboundSpi { get; init; }

    public required uint OutboundSpi { get; init; }

    public required EspSuite Suite { get; init; }

    /// <summary>What was agreed, one transform of each kind: a rekey proposes it first.</summary>
    public required Proposal Agreed { get; init; }

    public required ImmutableArray<TrafficSelector> Local { get; init; }

    public required ImmutableArray<TrafficSelector> Remote { get; init; }

    public required bool IsTransport { get; init; }

    public ChildState State { get; set; }

    /// <summary>By time; the owner asks for it by bytes and packets.</summary>
    public Instant RekeyAt { get; set; } = Instant.Never;

    /// <summary>Nobody replaced it in time: it is deleted.</summary>
    public Instant ExpiresAt { get; set; } = Instant.Never;

    /// <summary>While a rekey of ours is under way: the pair that the peer's own rekey has made, and the lower of that exchange's nonces.</summary>
    public ChildSa? Rival { get; set; }

    public byte[] RivalNonce { get; set; } = [];

    /// <summary>The pair that it takes the place of; 0 for none, also where another turned out to do so.</summary>
    public uint Replaces { get; set; }

    public bool IsUsed { get; set; }
}
