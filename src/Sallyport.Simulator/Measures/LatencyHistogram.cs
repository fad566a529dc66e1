using System.Numerics;

namespace Sallyport.Simulator.Measures;

/// <summary>
/// Durations counted in buckets whose width grows with the value: 32 to each power of two, so a percentile is at most 3 % too high.
/// A fixed size, whatever is recorded; the longest is exact.
/// </summary>
public sealed class LatencyHistogram
{
    private const int SubBits = 5;
    private const int SubBuckets = 1 << SubBits;
    private readonly long[] counts = new long[(64 - SubBits) * SubBuckets];

    public long Count { get; private set; }

    public TimeSpan Max => TimeSpan.FromTicks(LongestNanoseconds / TimeSpan.NanosecondsPerTick);

    private long LongestNanoseconds { get; set; }

    public void Record(long nanoseconds)
    {
        // A clock that two cores read may seem to run backwards by some nanoseconds.
        var value = Math.Max(nanoseconds, 0);
        counts[BucketOf(value)]++;
        Count++;
        LongestNanoseconds = Math.Max(LongestNanoseconds, value);
    }

    public void Record(TimeSpan duration) => Record(duration.Ticks * TimeSpan.NanosecondsPerTick);

    public void Add(LatencyHistogram other)
    {
        for (var i = 0; i < counts.Length; i++)
        {
            counts[i] += other.counts[i];
        }

        Count += other.Count;
        LongestNanoseconds = Math.Max(LongestNanoseconds, other.LongestNanoseconds);
    }

    /// <summary>The least value that so many percent do not exceed; zero where nothing was recorded.</summary>
    public TimeSpan Percentile(double percent)
    {
        var rank = RankOf(percent);
        for (var i = 0; i < counts.Length && Count > 0; i++)
        {
            rank -= counts[i];
            if (rank <= 0 && counts[i] > 0)
            {
                return TimeSpan.FromTicks(Math.Min(UpperEnd(i), LongestNanoseconds) / TimeSpan.NanosecondsPerTick);
            }
        }

        return Max;
    }

    public LatencySummary Summary() =>
        new(Count, Milliseconds(50), Milliseconds(90), Milliseconds(99), Milliseconds(99.9), Max.TotalMilliseconds);

    /// <summary>Null where the rank is that of the longest.</summary>
    private double? Milliseconds(double percent) =>
        RankOf(percent) >= Count ? null : Percentile(percent).TotalMilliseconds;

    private long RankOf(double percent) => (long)Math.Ceiling(Count * percent / 100);

    private static int BucketOf(long value)
    {
        var magnitude = Math.Max(BitOperations.Log2((ulong)value | 1) - SubBits, 0);
        return (magnitude * SubBuckets) + (int)(value >> magnitude);
    }

    private static long UpperEnd(int bucket)
    {
        // Values below two rounds of sub-buckets have buckets of their own.
        var magnitude = Math.Max((bucket / SubBuckets) - 1, 0);
        return ((bucket - (magnitude * SubBuckets) + 1L) << magnitude) - 1;
    }
}
