using Sallyport.Control.Appearances;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Tests.Appearances;

public sealed class PrefixPoolTests
{
    [Fact]
    public void Gives_out_the_lowest_that_is_free_and_nothing_twice()
    {
        var pool = Pool(["198.18.0.0/24"], "198.18.0.2/32");
        Take(pool, 32, 28, 32, 25, 32).ShouldBe(["198.18.0.1/32", "198.18.0.16/28", "198.18.0.3/32", "198.18.0.128/25", "198.18.0.4/32"]);
    }

    [Fact]
    public void Goes_on_in_the_next_range_and_ends_with_the_last()
    {
        var pool = Pool(["198.18.0.0/29", "10.9.0.0/30"]);
        // Of each range the first and last address stay free.
        Take(pool, 32, 32, 32, 32, 32, 32, 32, 32, 32).ShouldBe(
        [
            "198.18.0.1/32", "198.18.0.2/32", "198.18.0.3/32", "198.18.0.4/32", "198.18.0.5/32", "198.18.0.6/32", "10.9.0.1/32", "10.9.0.2/32", "none",
        ]);
        pool.Take(isV4: true, length: 24).ShouldBeNull();
        pool.Take(isV4: false, length: 128).ShouldBeNull();
    }

    [Fact]
    public void A_whole_range_may_be_one_piece()
    {
        Take(Pool(["198.18.0.0/16"]), 16, 16).ShouldBe(["198.18.0.0/16", "none"]);
        Take(Pool(["198.18.0.7/32"]), 32).ShouldBe(["198.18.0.7/32"]);
    }

    [Fact]
    public void What_lies_around_a_range_takes_nothing_of_it()
    {
        Take(Pool(["198.18.0.0/24"], "0.0.0.0/0", "198.0.0.0/8", "198.18.0.0/16", "10.0.0.0/8", "198.18.0.1/32"), 32, 25).ShouldBe(["198.18.0.2/32", "198.18.0.128/25"]);
        Take(Pool(["10.9.0.0/30", "198.18.0.0/24"], "0.0.0.0/0", "10.9.0.0/30"), 32).ShouldBe(["198.18.0.1/32"]);
    }

    [Fact]
    public void What_lies_in_something_taken_hides_nothing_of_it()
    {
        Take(Pool(["198.18.0.0/24"], "198.18.0.0/32", "198.18.0.0/25", "198.18.0.5/32", "198.18.0.64/26"), 32, 32).ShouldBe(["198.18.0.128/32", "198.18.0.129/32"]);
        Take(Pool(["198.18.0.0/24"], "198.18.0.7/32", "198.18.0.0/25", "198.18.0.0/25"), 26).ShouldBe(["198.18.0.128/26"]);
    }

    [Fact]
    public void Over_many_random_wishes_nothing_overlaps_and_no_room_is_left_unused()
    {
        for (var round = 1u; round <= 50; round++)
        {
            var pool = Pool(["198.18.0.0/22"]);
            var given = new List<IpPrefix>();
            var wish = round;
            while (pool.Take(isV4: true, 24 + (int)((wish = (wish * 1_103_515_245) + 12_345) >> 16) % 7) is { } prefix)
            {
                given.ShouldAllBe(other => !other.Overlaps(prefix));
                IpPrefix.Parse("198.18.0.0/22").Contains(prefix).ShouldBeTrue();
                given.Add(prefix);
            }

            while (pool.Take(isV4: true, 30) is { } small)
            {
                given.ShouldAllBe(other => !other.Overlaps(small));
                given.Add(small);
            }

            given.Sum(prefix => 1 << (32 - prefix.Length)).ShouldBe(1024);
        }
    }

    private static PrefixPool Pool(string[] ranges, params string[] taken) =>
        new([.. ranges.Select(IpPrefix.Parse)], taken.Select(IpPrefix.Parse));

    private static IEnumerable<string> Take(PrefixPool pool, params int[] lengths) =>
        [.. lengths.Select(length => pool.Take(isV4: true, length)?.ToString() ?? "none")];
}
