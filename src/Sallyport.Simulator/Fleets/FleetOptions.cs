namespace Sallyport.Simulator.Fleets;

/// <summary>How a fleet lives on this machine.</summary>
public sealed record FleetOptions
{
    public int Threads { get; init; } = 1;

    /// <summary>Where the sockets come from.</summary>
    public SourcePool Sources { get; init; } = SourcePool.Anywhere();

    /// <summary>Runs first on each thread, such as to enter a network namespace, in which the sockets then are.</summary>
    public Action? EnterThread { get; init; }

    /// <summary>
    /// 0 to 19: how far the fleet stands back for others on the processor. A fleet is elsewhere in life, so that what it measures should
    /// have the machine first.
    /// </summary>
    public int Niceness { get; init; }

    /// <summary>
    /// Frees a device's TLS objects so long after it came online; it then cannot renegotiate, and reconnects where it is asked to.
    /// Null keeps them.
    /// </summary>
    public TimeSpan? FreesTlsAfter { get; init; }

    /// <summary>As of stock clients.</summary>
    public TimeSpan HandshakeWindow { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Whether a device that fails or loses its server tries again by itself, as stock clients do.</summary>
    public bool Reconnects { get; init; }
}
