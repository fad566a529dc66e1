using System.Collections.Immutable;
using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>What a session tells its owner.</summary>
public abstract record IkeEvent;

/// <summary>Both ends have proven who they are.</summary>
/// <param name="IsInitialContact">The peer says that it has no other IKE SA with us: older ones of the same identity are dead (RFC 7296 section 2.4).</param>
public sealed record IkeUp(IkeGrant Grant, IkeIdentity Peer, string Suite, string Proof, bool IsInitialContact) : IkeEvent;

/// <summary>For whoever asked the peer for a configuration.</summary>
public sealed record Configured(ImmutableArray<IpAddress> Addresses, ImmutableArray<IpAddress> DnsServers) : IkeEvent;

/// <summary>Keys of a pair of SAs. What is received under them is to be accepted from now on; they are the owner's to dispose.</summary>
public sealed record ChildUp(ChildKeys Keys) : IkeEvent;

/// <summary>The peer receives under this pair: it may be sent with. An older one that it replaces is not sent with any more.</summary>
public sealed record ChildUse(uint InboundSpi) : IkeEvent;

/// <summary>The pair is gone. What the peer sent before may still be on its way for a while where <paramref name="Replaced"/> says so.</summary>
public sealed record ChildDown(uint InboundSpi, bool Replaced) : IkeEvent;

/// <summary>The peer is elsewhere (RFC 4555), or speaks from another port of a NAT.</summary>
public sealed record IkeMoved(IkePath Path, bool IsEncapsulated) : IkeEvent;

/// <summary>The IKE SA has new keys and SPIs.</summary>
public sealed record IkeRekeyed(string Suite) : IkeEvent;

/// <summary>Where the peer sends us instead (RFC 5685): a host name or an address.</summary>
public sealed record IkeRedirected(string Gateway) : IkeEvent;

/// <summary>A way back that costs no key exchange (RFC 5723), for whoever began the session.</summary>
public sealed record TicketReceived(ResumptionTicket Ticket) : IkeEvent;

/// <summary>
/// Of a session that we began: soon both have to prove again who they are, in another one. It ends by itself when no other has taken its place by then.
/// </summary>
public sealed record ProofDue : IkeEvent;

/// <summary>Something was refused while the session goes on: one line for an operator.</summary>
public sealed record NegotiationFailed(string Detail) : IkeEvent;

/// <summary>Nothing more will come but the last words of the session.</summary>
/// <param name="Who">Whom the owner refused after it had proven who it is: <see cref="IkeVerdict.Who"/>. Null for whoever has proven nothing.</param>
public sealed record IkeDown(IkeEnd Reason, string Detail, object? Who = null) : IkeEvent;

public enum IkeEnd : byte
{
    None,

    /// <summary>The two have no algorithms in common.</summary>
    NoProposal,
    AuthenticationFailed,

    /// <summary>The peer refused us.</summary>
    Refused,
    Malformed,

    /// <summary>It did not come to its end in time.</summary>
    HandshakeTimeout,

    /// <summary>The peer does not answer any more.</summary>
    Silent,

    /// <summary>The peer deleted it.</summary>
    Deleted,

    /// <summary>The owner closed it.</summary>
    Closed,

    /// <summary>The peer sends us elsewhere.</summary>
    Redirected,
}

/// <summary>Keys, numbers and bounds of one CHILD_SA. Erased when disposed.</summary>
public sealed class ChildKeys : IDisposable
{
    public required uint InboundSpi { get; init; }

    public required uint OutboundSpi { get; init; }

    public required EspSuite Suite { get; init; }

    /// <summary>KEYMAT of each direction: <see cref="EspSuite.KeyLength"/> bytes.</summary>
    public required SecretBytes Inbound { get; init; }

    public required SecretBytes Outbound { get; init; }

    public required ImmutableArray<TrafficSelector> Local { get; init; }

    public required ImmutableArray<TrafficSelector> Remote { get; init; }

    public required bool IsTransport { get; init; }

    /// <summary>Inbound SPI of the pair that it takes the place of; 0 for none.</summary>
    public required uint Replaces { get; init; }

    public required IkeLifetimes Lifetimes { get; init; }

    public void Dispose()
    {
        Inbound.Dispose();
        Outbound.Dispose();
    }
}
