using System.Globalization;
using Sallyport.Bench.Measures;

namespace Sallyport.Bench.Storm;

internal sealed record StormRound(
    int Back, int FailedAttempts, double SecondsFromKill, double SecondsFromReady, double ReconnectP50, double ReconnectP99,
    double CalmP99, double StormP99, double UnansweredPercent, double CpuSeconds, GcReading Collections)
{
    public string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Back} back {SecondsFromKill:0.0} s after the kill, {FailedAttempts} attempts failed; p99 of those connected {CalmP99:0.000} ms before, {StormP99:0.000} ms during; "
        + $"collections {Collections.TotalMilliseconds:0} ms, longest {Collections.LongestMilliseconds:0}");
}
