using System.Collections.Immutable;
using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>What all sessions of an endpoint do alike.</summary>
public sealed record IkeOptions
{
    /// <summary>Who we say we are.</summary>
    public required IkeIdentity Identity { get; init; }

    /// <summary>Accepted of peers whose names are not known yet: what any of them may use, in order of preference.</summary>
    public required IReadOnlyList<Proposal> Proposals { get; init; }

    /// <summary>Our port for ESP in UDP.</summary>
    public ushort NatPort { get; init; } = IkePath.NatPort;

    /// <summary>We cannot send or receive ESP without UDP around it: peers are told of a NAT that there is not.</summary>
    public bool ForceEncapsulation { get; init; }

    /// <summary>An IKE SA that is not up after this time is given up. 30 s is what stock peers have; a handshake over a bad cellular link takes ten.</summary>
    public TimeSpan HandshakeWindow { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>First pause before a request is repeated; each further one is 1.8 times as long.</summary>
    public TimeSpan RetransmitAfter { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A peer that has not answered for this long is dead.</summary>
    public TimeSpan DeadAfter { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>A silent peer is asked whether it lives; zero leaves that to the owner (<see cref="IkeSession.Probe"/>).</summary>
    public TimeSpan ProbeAfter { get; init; }

    public bool Mobike { get; init; } = true;

    public bool Fragmentation { get; init; } = true;

    /// <summary>Where new peers are sent instead (RFC 5685); null for nowhere.</summary>
    public string? Redirect { get; init; }

    /// <summary>32 bytes that seal tickets of resumption; empty: none are given.</summary>
    public ReadOnlyMemory<byte> TicketKey { get; init; }

    public TimeSpan TicketLifetime { get; init; } = TimeSpan.FromHours(24);
}

/// <summary>Whom we call, and as whom.</summary>
public sealed record IkeTarget
{
    /// <summary>What the owner knows it by.</summary>
    public required object Tag { get; init; }

    public required IkeIdentity Local { get; init; }

    /// <summary>Who must answer; null for whoever the owner accepts.</summary>
    public IkeIdentity? Remote { get; init; }

    /// <summary>What the certificate of who answers must be for.</summary>
    public ChainPurpose RemotePurpose { get; init; } = ChainPurpose.Server;

    /// <summary>Certificate (the owner's), PreSharedKey, EapTls or EapMschapV2.</summary>
    public required IkeProof Proof { get; init; }

    /// <summary>The pre-shared key.</summary>
    public byte[]? Psk { get; init; }

    /// <summary>Of EAP-MSCHAPv2.</summary>
    public string EapUser { get; init; } = "";

    public string EapPassword { get; init; } = "";

    public required IReadOnlyList<Proposal> Ike { get; init; }

    public required IReadOnlyList<Proposal> Esp { get; init; }

    /// <summary>What the first CHILD_SA is to carry; none of both: without one (RFC 6023).</summary>
    public ImmutableArray<TrafficSelector> LocalSelectors { get; init; } = [];

    public ImmutableArray<TrafficSelector> RemoteSelectors { get; init; } = [];

    /// <summary>We want addresses of the peer's pool; selectors of ours are then what it gives.</summary>
    public bool WantsAddress { get; init; }

    public bool WantsTransport { get; init; }

    /// <summary>We want to come back without a key exchange.</summary>
    public bool WantsTicket { get; init; }

    public ResumptionTicket? Ticket { get; init; }

    /// <summary>Another session with the same peer is up, which this one is to take the place of: the peer is not told to forget that one.</summary>
    public bool IsAgain { get; init; }

    /// <summary>A post-quantum pre-shared key and its id (RFC 8784).</summary>
    public byte[]? PpkId { get; init; }

    public byte[]? Ppk { get; init; }

    /// <summary>Without it nothing goes on; else it is done without where the peer has none.</summary>
    public bool PpkRequired { get; init; }

    /// <summary>Another gateway has sent us to this one (RFC 5685): where that was.</summary>
    public IpAddress? RedirectedFrom { get; init; }

    public IkeLifetimes Lifetimes { get; init; } = new();
}

/// <summary>What a peer got to come back with (RFC 5723).</summary>
/// <param name="Opaque">What only who gave it can read.</param>
/// <param name="Derivation">SK_d of the session that it continues.</param>
/// <param name="Agreed">The algorithms of its IKE SA.</param>
public sealed record ResumptionTicket(byte[] Opaque, byte[] Derivation, Proposal Agreed, IkeIdentity Remote, Instant Expires)
{
    public override string ToString() => "ticket";
}
