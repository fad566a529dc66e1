using System.Diagnostics;
using Sallyport.Core.Primitives;

namespace Sallyport.Simulator.Measures;

/// <summary>
/// The clock of the whole machine: what one process stamps another can read. Sessions are told wall time at the start plus what has
/// passed on it.
/// </summary>
internal sealed class Monotonic
{
    private readonly long began = Stopwatch.GetTimestamp();
    private readonly Instant epoch = Instant.FromUnixSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());

    public static long Nanoseconds => (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));

    public Instant Now => epoch + Stopwatch.GetElapsedTime(began);
}
