using System.Globalization;

namespace Sallyport.Simulator.Measures;

/// <summary>Percentiles in milliseconds.</summary>
public sealed record LatencySummary(long Count, double P50, double P90, double P99, double P999, double Max)
{
    public override string ToString() => Count == 0
        ? "none"
        : string.Create(CultureInfo.InvariantCulture, $"p50 {P50:0.###} ms, p90 {P90:0.###}, p99 {P99:0.###}, p99.9 {P999:0.###}, max {Max:0.###} ({Count})");
}
