using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;

namespace Sallyport.Core.OpenVpn.Session;

/// <summary>What a session tells its owner. Drained with TryDequeueEvent after every call that may change it.</summary>
public abstract record SessionEvent;

/// <summary>
/// Server role: the peer has finished TLS and the key method 2 exchange, and waits for <see cref="ServerSession.Accept"/> or
/// <see cref="ServerSession.Reject"/>. Raised again at every renegotiation.
/// </summary>
public sealed record AuthenticationRequired(AuthenticationRequest Request) : SessionEvent;

/// <summary>
/// Keys for one key id; the receiver owns and disposes <paramref name="Keys"/>. They open packets at once. They seal at once
/// where they are the session's first, otherwise once the peer shows that it has them or the hand-over time has passed.
/// </summary>
public sealed record KeysReady(int KeyId, KeyMaterial Keys, DataFormat Format, bool IsFirst) : SessionEvent;

/// <summary>Server role: the configuration has been sent; the session is up. Client role: it has arrived.</summary>
public sealed record Established(PushOptions? Options) : SessionEvent;

/// <summary>A later key negotiation has come to its end on both sides.</summary>
public sealed record Renegotiated(int KeyId) : SessionEvent;

/// <summary>A control message that the session itself has no use for (RESTART, HALT, INFO, …).</summary>
public sealed record MessageReceived(ControlMessage Message) : SessionEvent;

/// <summary>The session is over; it may still have datagrams to send for a few seconds. Raised once.</summary>
public sealed record SessionEnded(SessionEnd Reason, string Detail) : SessionEvent;

/// <summary>Why a session ended. <see cref="SessionEnded.Detail"/> says more, for people.</summary>
public enum SessionEnd : byte
{
    /// <summary>The peer said goodbye (EXIT).</summary>
    PeerExit,

    /// <summary>Closed by its owner.</summary>
    Closed,

    /// <summary>TLS did not come about: certificate, version, cipher or alert; the detail says which.</summary>
    TlsFailed,

    /// <summary>The negotiation did not end within its window.</summary>
    HandshakeTimeout,

    /// <summary>The key method 2 message could not be read.</summary>
    KeyExchangeMalformed,

    /// <summary>No data cipher that both ends have.</summary>
    NoSharedCipher,

    /// <summary>The peer makes us answer and acknowledges nothing.</summary>
    OutputNotTaken,

    /// <summary>Too many negotiations of a later key came to nothing in a row.</summary>
    RenegotiationFailed,

    /// <summary>The owner said no (server), or the peer did (client).</summary>
    AuthenticationFailed,

    /// <summary>The configuration of the server cannot be used (client role).</summary>
    ConfigurationRefused,
}
