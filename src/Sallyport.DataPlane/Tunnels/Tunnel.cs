using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Tunnels;

/// <summary>One authenticated session as the packet path sees it. Lives in the table's array; the default value is nobody's.</summary>
internal struct Tunnel
{
    public bool IsLive;

    /// <summary>
    /// Another session of the identity has taken its place. It carries nothing any more, but its keys are kept for a while: whoever still
    /// uses them is a second client with the same credential.
    /// </summary>
    public bool IsGhost;

    /// <summary>Ghost: since when, until when, and who took its place.</summary>
    public Instant ReplacedAt;
    public Instant GhostUntil;
    public OuterPath ReplacedBy;

    /// <summary>Unique in this process.</summary>
    public long Id;

    public int IdentityId;

    /// <summary>What proved the identity; when any of it is gone from the model, so is the tunnel.</summary>
    public TunnelProof Proof;

    /// <summary>The addresses that the peer was given; when they change it must fetch its configuration again.</summary>
    public IpAddress AddressV4;
    public IpAddress AddressV6;

    /// <summary>Which handshake thread has the session, and its number there.</summary>
    public int Handshaker;
    public long Session;

    public OuterPath Path;

    /// <summary>For the conditions of rules.</summary>
    public TunnelCipher Cipher;
    public TunnelKeys Keys;

    public Instant LastReceived;
    public Instant LastSent;

    /// <summary>A ping is sent after this long without a packet of ours.</summary>
    public TimeSpan PingAfter;

    /// <summary>The tunnel ends after this long without a genuine packet of the peer's.</summary>
    public TimeSpan DeadAfter;

    /// <summary>Heard of within this time, it counts as alive when another takes its place.</summary>
    public TimeSpan AliveWithin;

    /// <summary>Largest inner packet whose outer packet fits the usual path; TCP segments are clamped to it. Bytes.</summary>
    public int InnerMax;

    // Inner traffic.
    public long BytesIn;
    public long BytesOut;
    public long PacketsIn;
    public long PacketsOut;

    /// <summary>When counters were reported last, and how many packets they counted.</summary>
    public Instant ReportedAt;
    public long ReportedPackets;
}
