namespace Sallyport.Simulation.Wire;

/// <summary>What a wire does to datagrams. Rates are chances per datagram, 0 to 1; delays in milliseconds.</summary>
public sealed record Fate
{
    public static Fate Clean { get; } = new();

    public double Lose { get; init; }

    public double Duplicate { get; init; }

    public double Corrupt { get; init; }

    /// <summary>Each datagram takes a time between these; a wide range reorders.</summary>
    public int DelayMinMs { get; init; } = 10;

    public int DelayMaxMs { get; init; } = 10;

    /// <summary>Longer datagrams vanish, as on a path that drops fragments.</summary>
    public int MtuMax { get; init; } = 1500;

    public override string ToString() =>
        $"lose {Lose}, duplicate {Duplicate}, corrupt {Corrupt}, {DelayMinMs}-{DelayMaxMs} ms, MTU {MtuMax}";
}
