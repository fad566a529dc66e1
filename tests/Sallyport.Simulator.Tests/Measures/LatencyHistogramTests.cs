using Sallyport.Simulator.Measures;

namespace Sallyport.Simulator.Tests.Measures;

public sealed class LatencyHistogramTests
{
    [Fact]
    public void Nothing_recorded_is_zero_everywhere()
    {
        var histogram = new LatencyHistogram();
        histogram.Percentile(99).ShouldBe(TimeSpan.Zero);
        histogram.Summary().ShouldBe(new LatencySummary(0, null, null, null, null, 0));
    }

    [Theory]
    [InlineData(50)]
    [InlineData(90)]
    [InlineData(99)]
    [InlineData(99.9)]
    [InlineData(100)]
    public void A_percentile_is_that_of_a_sorted_list_within_a_thirtieth(double percent)
    {
        // Ten microseconds to a second, denser below, without a generator of random numbers.
        var values = Enumerable.Range(1, 10_000).Select(i => 10_000L + ((long)i * i * 10)).ToArray();
        var histogram = new LatencyHistogram();
        foreach (var value in values.Reverse())
        {
            histogram.Record(value);
        }

        var exact = values[(int)Math.Ceiling(values.Length * percent / 100) - 1];
        var told = histogram.Percentile(percent).TotalNanoseconds;
        told.ShouldBeGreaterThanOrEqualTo(exact - 100);
        told.ShouldBeLessThanOrEqualTo(exact * 1.033);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(9, 1)]
    [InlineData(10, 2)]
    [InlineData(99, 2)]
    [InlineData(100, 3)]
    [InlineData(999, 3)]
    [InlineData(1000, 4)]
    public void A_percentile_that_could_only_be_the_longest_is_left_out(int count, int known)
    {
        var histogram = new LatencyHistogram();
        for (var i = 1; i <= count; i++)
        {
            histogram.Record(TimeSpan.FromMilliseconds(i));
        }

        var summary = histogram.Summary();
        double?[] percentiles = [summary.P50, summary.P90, summary.P99, summary.P999];
        percentiles.Select(value => value is not null).ShouldBe([known > 0, known > 1, known > 2, known > 3]);
        foreach (var word in (string[])["p50", "p90", "p99", "p99.9"])
        {
            summary.ToString().Contains(word + " ", StringComparison.Ordinal).ShouldBe(Array.IndexOf(["p50", "p90", "p99", "p99.9"], word) < known);
        }

        summary.ToString().ShouldEndWith($"max {count} ms ({count})");
    }

    [Fact]
    public void The_longest_is_exact()
    {
        var histogram = new LatencyHistogram();
        histogram.Record(TimeSpan.FromTicks(1_234_567));
        histogram.Record(TimeSpan.FromTicks(12));
        histogram.Max.ShouldBe(TimeSpan.FromTicks(1_234_567));
        histogram.Percentile(100).ShouldBe(TimeSpan.FromTicks(1_234_567));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(long.MaxValue)]
    public void Edges_of_buckets_and_the_greatest_value_have_a_place(long nanoseconds)
    {
        var histogram = new LatencyHistogram();
        histogram.Record(nanoseconds);
        histogram.Count.ShouldBe(1);
        histogram.Percentile(50).Ticks.ShouldBe(nanoseconds / TimeSpan.NanosecondsPerTick);
    }

    [Fact]
    public void A_clock_that_ran_backwards_counts_as_zero()
    {
        var histogram = new LatencyHistogram();
        histogram.Record(-5);
        histogram.Max.ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public void Two_together_are_as_one()
    {
        var (first, second, all) = (new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram());
        for (var i = 1; i <= 1000; i++)
        {
            (i % 2 == 0 ? first : second).Record(i * 1000);
            all.Record(i * 1000);
        }

        first.Add(second);
        first.Summary().ShouldBe(all.Summary());
    }
}
