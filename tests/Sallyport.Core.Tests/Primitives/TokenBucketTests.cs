using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Primitives;

public class TokenBucketTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly Instant Start = Instant.FromUnixSeconds(1_800_000_000);

    [Fact]
    public void A_full_one_gives_its_burst_and_then_one_each_interval()
    {
        var bucket = new TokenBucket();
        bucket.IsFull(Start).ShouldBeTrue();
        Taken(ref bucket, Start).ShouldBe(5);
        Taken(ref bucket, Start + (0.9 * Second)).ShouldBe(0);
        Taken(ref bucket, Start + Second).ShouldBe(1);
        Taken(ref bucket, Start + (3 * Second)).ShouldBe(2);
    }

    [Fact]
    public void It_never_holds_more_than_its_burst()
    {
        var bucket = new TokenBucket();
        Taken(ref bucket, Start);
        bucket.IsFull(Start + (4.9 * Second)).ShouldBeFalse();
        bucket.IsFull(Start + (5 * Second)).ShouldBeTrue();
        Taken(ref bucket, Start + (3600 * Second)).ShouldBe(5);
    }

    private static int Taken(ref TokenBucket bucket, Instant now)
    {
        var taken = 0;
        while (bucket.TryTake(5, Second, now))
        {
            taken++;
        }

        return taken;
    }
}
