using Sallyport.Core.Ike.Session;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Ike;

/// <summary>A session on its IKE thread, and what it has become on the packet path.</summary>
internal sealed class IkePeer
{
    /// <summary>Mutable: it notes what it is told.</summary>
    public PeerSilence Silence;

    public required IkeSession Session { get; init; }

    /// <summary>Set for a session that we began.</summary>
    public SiteCall? Call { get; init; }

    /// <summary>It has been called anew, to prove again who it is: what replaces this session is ours, and the peer need not delete it.</summary>
    public bool IsCalledAgain { get; set; }

    /// <summary>Null until the peer has proven who it is.</summary>
    public Admittance? Admitted { get; set; }

    public string Suite { get; set; } = "";

    public string Proof { get; set; } = "";

    /// <summary>Both decided when the peer is let in; the same for the life of the session.</summary>
    public int Slot { get; set; } = -1;

    public long TunnelId { get; set; }

    public int Shard { get; set; }

    /// <summary>The packet path has the tunnel, or is about to.</summary>
    public bool HasTunnel { get; set; }

    public bool TunnelWasOpened { get; set; }

    /// <summary>It gets its tunnel with its first CHILD_SA, or without one when no more is said.</summary>
    public bool IsWaiting { get; set; }

    /// <summary>When its newest CHILD_SA came up, where that has extended sequence numbers; null where it has none.</summary>
    public Instant? ExtendedSince { get; set; }

    /// <summary>When the keys of its IKE SA were made, and how often they were made anew.</summary>
    public Instant IkeSince { get; set; }

    public int IkeRekeys { get; set; }

    /// <summary>CHILD_SAs that were replaced by others.</summary>
    public int Rekeys { get; set; }
}

/// <summary>A call whose time has come.</summary>
/// <param name="RedirectedFrom">Where the site was called before, which sent us here (RFC 5685); null without.</param>
/// <param name="Ticket">With which it goes on where it was (RFC 5723); null without.</param>
internal sealed record DueCall(SiteCall Site, IkePath Path, IpAddress? RedirectedFrom, ResumptionTicket? Ticket);

/// <summary>Whom the gateway calls: an uplink of a site, and what we prove ourselves with.</summary>
internal sealed record SiteCall(int IdentityId, int Uplink, string Remote, Model.CredentialEntry Credential)
{
    /// <summary>Models are made anew with whatever changes; a credential is the same as long as its number is.</summary>
    public bool Equals(SiteCall? other) =>
        other is not null && (IdentityId, Uplink, Remote, Credential.Id) == (other.IdentityId, other.Uplink, other.Remote, other.Credential.Id);

    public override int GetHashCode() => HashCode.Combine(IdentityId, Uplink, Remote, Credential.Id);
}
