using System.Globalization;

namespace Sallyport.Simulator.Measures;

/// <summary>Percentiles in milliseconds; null where there were too few samples for it to be another one than the longest.</summary>
public sealed record LatencySummary(long Count, double? P50, double? P90, double? P99, double? P999, double Max)
{
    public override string ToString() => Count == 0
        ? "none"
        : $"{Known("p50", P50)}{Known("p90", P90)}{Known("p99", P99)}{Known("p99.9", P999)}"
            + string.Create(CultureInfo.InvariantCulture, $"max {Max:0.###} ms ({Count})");

    private static string Known(string name, double? value) =>
        value is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{name} {value:0.###}, ");
}
