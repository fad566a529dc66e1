namespace Sallyport.DataPlane.Tunnels;

internal enum TunnelNoticeKind : byte
{
    Opened,
    Moved,

    /// <summary>A key wears out: the session should begin the next one. Of IPsec the CHILD_SA of <see cref="TunnelNotice.Spi"/>.</summary>
    NeedsKey,

    /// <summary>IPsec: nothing of the peer's has come for a while. Said again and again, until something comes.</summary>
    Silent,

    /// <summary>Routes changed: the peer should fetch its configuration again. It may go on until it does.</summary>
    NeedsConfiguration,
    Ended,

    /// <summary>The client whose tunnel was replaced is alive beside the one that replaced it: there are two.</summary>
    Cloned,
}

/// <summary>Why a tunnel ended, and with it what its session still says to the peer.</summary>
internal enum TunnelEnd : byte
{
    None,

    /// <summary>explicit-exit-notify.</summary>
    PeerExit,
    Silent,
    ConnectionClosed,

    /// <summary>A newer session of the same identity took its place.</summary>
    Replaced,

    /// <summary>The identity or its credential is gone: the peer is told HALT.</summary>
    Revoked,

    /// <summary>The identity may not pass for now: nothing is said.</summary>
    NotActive,

    /// <summary>The peer must fetch a new configuration: RESTART.</summary>
    ConfigurationChanged,

    /// <summary>An operator asked for it: RESTART.</summary>
    Disconnected,

    /// <summary>The session ended on its own, for example by EXIT.</summary>
    SessionEnded,
    GatewayStopping,
}

internal static class TunnelEnds
{
    /// <summary>For operators.</summary>
    public static string Text(this TunnelEnd end) => end switch
    {
        TunnelEnd.None => "",
        TunnelEnd.PeerExit => "the client left",
        TunnelEnd.Silent => "nothing heard for too long",
        TunnelEnd.ConnectionClosed => "the connection was closed",
        TunnelEnd.Replaced => "replaced by a newer session",
        TunnelEnd.Revoked => "revoked",
        TunnelEnd.NotActive => "no longer active",
        TunnelEnd.ConfigurationChanged => "its configuration changed",
        TunnelEnd.Disconnected => "disconnected by an operator",
        TunnelEnd.SessionEnded => "the session ended",
        TunnelEnd.GatewayStopping => "the gateway stopped",
    };
}

/// <summary>What happened to a tunnel on the packet path, for its session and for control. Counters are those at that moment.</summary>
internal readonly record struct TunnelNotice
{
    public required TunnelNoticeKind Kind { get; init; }

    public required int Slot { get; init; }

    public required long TunnelId { get; init; }

    public required int IdentityId { get; init; }

    public required int Handshaker { get; init; }

    public required long Session { get; init; }

    public required OuterPath Path { get; init; }

    /// <summary>The session is one of IKE; <see cref="Handshaker"/> is one of its threads.</summary>
    public bool IsIpsec { get; init; }

    /// <summary>NeedsKey of IPsec: our SPI of the SA.</summary>
    public uint Spi { get; init; }

    /// <summary>Moved: where the peer was. Replaced and Cloned: where the one is that took its place.</summary>
    public OuterPath From { get; init; }

    /// <summary>Replaced and Cloned: whoever took its place came with the same credential.</summary>
    public bool SharesCredential { get; init; }

    /// <summary>Ended: the peer had been heard of within two ping periods.</summary>
    public bool WasAlive { get; init; }

    public TunnelEnd End { get; init; }

    public TunnelCounters Counters { get; init; }
}

/// <summary>Traffic of one tunnel at one moment; times in nanoseconds since the Unix epoch.</summary>
internal readonly record struct TunnelCounters(
    long TunnelId, long LastSeen, long BytesIn, long BytesOut, long PacketsIn, long PacketsOut)
{
    public static TunnelCounters Of(in Tunnel tunnel) => new(
        tunnel.Id, tunnel.LastReceived.Nanoseconds, tunnel.BytesIn, tunnel.BytesOut, tunnel.PacketsIn, tunnel.PacketsOut);
}
