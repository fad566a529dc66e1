namespace Sallyport.Simulator;

/// <summary>Bounds of a simulation, so that a slip of the finger does not take a machine down.</summary>
public static class SimulatorLimits
{
    /// <summary>Twice what one machine has been loaded with; each device takes a socket and a few KiB.</summary>
    public const int DevicesMax = 100_000;

    /// <summary>A day: what runs longer is no simulation.</summary>
    public static readonly TimeSpan DurationMax = TimeSpan.FromDays(1);

    /// <summary>Packets a second of a whole fleet; far above what one machine sends.</summary>
    public const int RateMax = 2_000_000;

    /// <summary>Devices that shake hands at a time, unless told otherwise: enough to keep two cores busy.</summary>
    public const int WidthUsual = 32;

    public const int ThreadsMax = 64;

    /// <summary>Devices of which arrivals are told apart.</summary>
    internal const uint SendersMax = 1 << 20;
}
