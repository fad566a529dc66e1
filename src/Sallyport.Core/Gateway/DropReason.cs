namespace Sallyport.Core.Gateway;

/// <summary>
/// Why a packet was not forwarded. Exhaustive: metric, flow record, trace and tests share these names, and no packet is dropped without one.
/// </summary>
public enum DropReason : byte
{
    None = 0,

    // Outside: before anything is decrypted.
    TooShort,
    TooLong,
    UnknownOpcode,
    UnknownPeer,
    UnknownKey,

    /// <summary>ESP under an SPI that no tunnel here has, or no longer.</summary>
    UnknownSpi,

    /// <summary>The single byte by which a peer keeps its NAT's mapping (RFC 3948 section 2.3): nothing is lost.</summary>
    NatKeepalive,
    WrongSourceAddress,

    // The control channel's wrapping and the stateless handshake.
    WrapInvalid,
    WrapReplayed,
    WrapNotAllowed,
    WrappedKeyInvalid,
    CredentialUnknown,
    CookieInvalid,
    ResetRateLimited,

    /// <summary>A credential or identity that begins sessions too often.</summary>
    SessionRateLimited,

    /// <summary>A peer that begins new keys too often.</summary>
    RenegotiationRateLimited,

    /// <summary>Not a packet: an unfinished handshake or an idle connection that made room for a newer one.</summary>
    MadeRoom,
    HandshakeQueueFull,

    /// <summary>The gateway is about to end and takes nobody in.</summary>
    GatewayStopping,
    ControlMalformed,

    // Opening a data packet.
    BadTag,
    Replayed,
    KeyExhausted,
    CompressedPayload,

    /// <summary>Genuine ESP whose padding is not 1, 2, 3 and so on (RFC 4303 section 2.4).</summary>
    PaddingInvalid,

    /// <summary>Genuine ESP that says to hold something else than it holds.</summary>
    NextHeaderInvalid,

    /// <summary>ESP that hides how much there is to say, and says nothing (RFC 4303 section 2.6).</summary>
    DummyPacket,

    /// <summary>A router marked congestion on a packet whose sender would not understand the mark, where it had to drop it (RFC 6040 section 4.2).</summary>
    CongestionMarked,

    // Inside: the packet itself.
    NotIp,
    IpMalformed,
    IpExtensionHeader,
    IpFragment,

    /// <summary>Loose or strict source routing: the destination that policy judged would not be where the packet ends (RFC 7126 section 4.3).</summary>
    IpSourceRoute,
    ProtocolNotSupported,
    TransportMalformed,

    // Who may send what to whom.
    IdentityNotActive,
    SpoofedSource,

    /// <summary>Not among the addresses, protocols and ports that the SA was negotiated for; from the peer, or to it (RFC 4301 section 5).</summary>
    OutsideSelectors,

    /// <summary>From or to an address that means something on one link only: the neighbour discovery of a stock client, for example.</summary>
    LinkLocal,

    /// <summary>Multicast or broadcast; nothing here is a group.</summary>
    NotUnicast,

    /// <summary>The sender carries the destination itself.</summary>
    ToItself,
    NotRouted,
    NoApplication,
    NoRule,
    RuleDenies,
    ApplicationLocked,

    /// <summary>To an application that has names, at an address that the gateway did not tell the sender for one of them, or too long ago.</summary>
    NameNotAsked,

    /// <summary>A rule allows it, and the quarantine of one of the two does not leave it.</summary>
    Quarantined,

    /// <summary>What a rule or an identity may carry in a day or a month has been carried.</summary>
    VolumeUsed,

    /// <summary>More at once than a rule or an identity may carry; the flow goes on.</summary>
    RateLimited,
    NotRequested,

    /// <summary>To an application of another network, in which there is no address for the sender, or none of its ports is free.</summary>
    NoGuestAddress,
    InvalidTcpState,
    PeerOffline,
    FlowTableFull,

    // Questions for names.
    DnsMalformed,
    DnsRateLimited,

    /// <summary>As many questions wait for other servers as may, of this identity or of all.</summary>
    DnsQueueFull,

    // The way out.
    PacketTooBig,

    /// <summary>The packet thread that has the destination's tunnel does not keep up.</summary>
    ShardQueueFull,
    SendQueueFull,
    SendFailed,
}
