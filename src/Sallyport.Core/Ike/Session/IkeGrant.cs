using System.Collections.Immutable;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>How long keys last. Zero: without end.</summary>
public sealed record IkeLifetimes
{
    public TimeSpan IkeRekey { get; init; } = TimeSpan.FromHours(4);

    public TimeSpan ChildRekey { get; init; } = TimeSpan.FromHours(1);

    public long ChildRekeyBytes { get; init; }

    public long ChildRekeyPackets { get; init; }

    /// <summary>Peers prove who they are again after this time (RFC 4478).</summary>
    public TimeSpan Reauthenticate { get; init; }
}

/// <summary>What a peer that has proven who it is may have.</summary>
public sealed record IkeGrant
{
    /// <summary>What the owner knows it by.</summary>
    public required object Tag { get; init; }

    /// <summary>Addresses that it gets where it asks for them; null for none of that family.</summary>
    public IpAddress? AddressV4 { get; init; }

    public IpAddress? AddressV6 { get; init; }

    public ImmutableArray<IpAddress> DnsServers { get; init; } = [];

    public string? DnsDomain { get; init; }

    /// <summary>What lies on our side, and on the peer's: selectors are narrowed to these.</summary>
    public required ImmutableArray<TrafficSelector> Local { get; init; }

    public required ImmutableArray<TrafficSelector> Remote { get; init; }

    /// <summary>Accepted here, in order of preference. An IKE SA of another suite is not taken up, whatever was agreed before the peer's name was known.</summary>
    public required IReadOnlyList<Proposal> Ike { get; init; }

    public required IReadOnlyList<Proposal> Esp { get; init; }

    public IkeLifetimes Lifetimes { get; init; } = new();

    /// <summary>Transport mode is agreed to where the peer asks for it.</summary>
    public bool MayTransport { get; init; }

    /// <summary>Up to 255 bytes that come back in a claim by ticket, so that the owner knows whose it was.</summary>
    public byte[] TicketData { get; init; } = [];

    /// <summary>Each CHILD_SA carries one pair of selectors: peers that are used to IKEv1 have no other.</summary>
    public bool SinglePairs { get; init; }
}
