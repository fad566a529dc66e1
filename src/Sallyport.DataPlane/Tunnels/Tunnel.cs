using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Tunnels;

/// <summary>How a tunnel opens and seals.</summary>
internal enum TunnelKind : byte
{
    /// <summary>By <see cref="Tunnel.Keys"/>.</summary>
    OpenVpn,

    /// <summary>By its CHILD_SAs, from <see cref="Tunnel.FirstChild"/> on.</summary>
    Ipsec,
}

/// <summary>One authenticated session as the packet path sees it. Lives in the table's array; the default value is nobody's.</summary>
internal struct Tunnel
{
    public bool IsLive;
    public TunnelKind Kind;

    /// <summary>
    /// Another session of the identity has taken its place. It sends nothing any more, but its keys are kept for a while: of IPsec what was on its way still passes,
    /// and whoever goes on using them is a second client of the identity.
    /// </summary>
    public bool IsGhost;

    /// <summary>Ghost: since when, until when, and who took its place.</summary>
    public Instant ReplacedAt;
    public Instant GhostUntil;
    public OuterPath ReplacedBy;

    /// <summary>Who took its place came with the same credential.</summary>
    public bool SharesCredential;

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

    /// <summary>Where the peer is for the conditions of rules; another than its path's while it has not shown yet that it is there.</summary>
    public IpAddress ShownAt;

    /// <summary>Several tunnels of one identity have different ones, from 1 on: packets to it take the lowest that is well.</summary>
    public byte Uplink;

    /// <summary>Its peer was found silent, and is not given up: another uplink of the identity goes before it.</summary>
    public bool IsDemoted;

    /// <summary>Slot of the next tunnel of the identity on this shard; -1 behind the last.</summary>
    public int NextOfIdentity;

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

    // IPsec.

    /// <summary>Index of the first CHILD_SA in the shard's <see cref="EspTable"/>; -1 where there is none.</summary>
    public int FirstChild;

    /// <summary>Which there are, or which are used, is other than was reported.</summary>
    public bool HasOtherChildren;

    /// <summary>The peer is behind a NAT and says nothing of its moves: the newest packet shows where it is (RFC 7296 section 2.23).</summary>
    public bool FollowsPeer;

    /// <summary>We are behind a NAT, whose mapping we keep (RFC 3948 section 4).</summary>
    public bool KeepsNatAlive;

    /// <summary>The DSCP of inner packets goes out.</summary>
    public bool CopiesDscp;

    /// <summary>IKE is told after this long without a packet of the peer's, and as often.</summary>
    public TimeSpan SilentAfter;
    public Instant SilentFrom;

    /// <summary>Longest outer packet of the path, with its IP header, and when to ask again.</summary>
    public int OuterMtu;
    public Instant MeasureAt;

    // Inner traffic.
    public long BytesIn;
    public long BytesOut;
    public long PacketsIn;
    public long PacketsOut;

    /// <summary>When counters were reported last, and how many packets they counted.</summary>
    public Instant ReportedAt;
    public long ReportedPackets;
}
