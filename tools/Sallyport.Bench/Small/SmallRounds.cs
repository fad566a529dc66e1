using Sallyport.Bench.Measures;
using Sallyport.Bench.Streams;

namespace Sallyport.Bench.Small;

internal sealed record SmallRounds
{
    public List<StreamRound> StockSaturated { get; } = [];

    public List<StreamRound> OursSaturated { get; } = [];

    public List<StreamRound> StockLow { get; } = [];

    public List<StreamRound> OursLow { get; } = [];

    public double Ratio => PerCpuSecond(OursSaturated) / PerCpuSecond(StockSaturated);

    public double LowRatio => PerCpuSecond(OursLow) / PerCpuSecond(StockLow);

    public SuiteReport AddTo(SuiteReport report) => report
        .Add("small_packet_ratio", "packets per server CPU-second, saturated, ours / stock", "0.00", Ratio)
        .Add("packets_per_cpu_second", "  ours", "0", OursSaturated.Select(one => one.PacketsPerCpuSecond))
        .Add("packets_per_cpu_second_stock", "  stock", "0", StockSaturated.Select(one => one.PacketsPerCpuSecond))
        .Add("packets_per_second", "packets per second, ours", "0", OursSaturated.Select(one => one.PacketsPerSecond))
        .Add("packets_per_second_stock", "packets per second, stock", "0", StockSaturated.Select(one => one.PacketsPerSecond))
        .Add("small_packet_low_rate_ratio", $"packets per server CPU-second, {StreamKinds.LowRate} a second, ours / stock", "0.00", LowRatio)
        .Add("packets_per_cpu_second_low_rate", "  ours", "0", OursLow.Select(one => one.PacketsPerCpuSecond))
        .Add("packets_per_cpu_second_low_rate_stock", "  stock", "0", StockLow.Select(one => one.PacketsPerCpuSecond));

    private static double PerCpuSecond(List<StreamRound> rounds) => Median.Of(rounds.Select(one => one.PacketsPerCpuSecond));
}
