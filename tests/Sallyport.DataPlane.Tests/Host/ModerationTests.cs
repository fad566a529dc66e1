using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Host;

namespace Sallyport.DataPlane.Tests.Host;

public sealed class ModerationTests
{
    private readonly Moderation _moderation = new();
    private Instant _now = Instant.FromUnixSeconds(1_800_000_000);
    private long _packets;

    [Fact]
    public void A_conversation_of_questions_and_answers_never_waits()
    {
        // One packet each way in a tenth of a millisecond: 20,000 a second would be twice as many.
        for (var i = 0; i < 1000; i++)
        {
            Turn(packets: 1, microseconds: 100).ShouldBeFalse();
        }
    }

    [Fact]
    public void A_stream_gathers_from_its_second_millisecond_on_and_no_longer_than_it_flows()
    {
        var turns = Enumerable.Range(0, 400).Select(_ => Turn(packets: 1, microseconds: 10)).ToList();
        turns[..99].ShouldAllBe(paused => !paused);
        turns[200..].ShouldAllBe(paused => paused);

        Turn(packets: 0, microseconds: 1000).ShouldBeTrue("the millisecond before was busy");
        Turn(packets: 0, microseconds: 1000).ShouldBeFalse();
    }

    [Fact]
    public void A_burst_after_a_silence_does_not_wait()
    {
        Turn(packets: 1, microseconds: 10);
        Turn(packets: 64, microseconds: 5000).ShouldBeFalse();
    }

    private bool Turn(int packets, int microseconds)
    {
        _packets += packets;
        _now += TimeSpan.FromMicroseconds(microseconds);
        return _moderation.MayGather(_packets, _now);
    }
}
