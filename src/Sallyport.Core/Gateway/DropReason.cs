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
    WrongSourceAddress,

    // The control channel's wrapping and the stateless handshake.
    WrapInvalid,
    WrapReplayed,
    WrapNotAllowed,
    WrappedKeyInvalid,
    CredentialUnknown,
    CookieInvalid,
    ResetRateLimited,
    HandshakeQueueFull,
    ControlMalformed,

    // Opening a data packet.
    BadTag,
    Replayed,
    KeyExhausted,
    CompressedPayload,

    // Inside: the packet itself.
    NotIp,
    IpMalformed,
    IpExtensionHeader,
    IpFragment,
    ProtocolNotSupported,
    TransportMalformed,

    // Who may send what to whom.
    IdentityNotActive,
    SpoofedSource,
    NotRouted,
    NoApplication,
    NoRule,
    NotRequested,
    InvalidTcpState,
    PeerOffline,
    FlowTableFull,

    // The way out.
    PacketTooBig,
    SendQueueFull,
    SendFailed,
}
