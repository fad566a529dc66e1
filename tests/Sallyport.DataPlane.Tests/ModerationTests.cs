using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Tests;

public sealed class ModerationTests
{
    private static readonly TimeSpan GatherTimeMax = TimeSpan.FromMicroseconds(300);

    private readonly Moderation _moderation = new(busyMessages: 20, enoughMessages: 60, GatherTimeMax);
    private Instant _now = Instant.FromUnixSeconds(1_800_000_000);
    private long _messages;

    [Fact]
    public void A_conversation_of_questions_and_answers_never_waits()
    {
        // One packet each way in a tenth of a millisecond: 20,000 a second would be twice as many.
        for (var i = 0; i < 1000; i++)
        {
            Turn(messages: 1, microseconds: 100).ShouldBe(TimeSpan.Zero);
        }
    }

    [Fact]
    public void A_stream_gathers_from_its_second_millisecond_on_and_no_longer_than_it_flows()
    {
        var pause = TimeSpan.Zero;
        for (var i = 0; i < 99; i++)
        {
            pause = Turn(messages: 1, microseconds: 10);
            pause.ShouldBe(TimeSpan.Zero);
        }

        // One in 10 µs as before: those that came in the pause before are there at the next look.
        Turn(messages: 1, microseconds: 10);
        for (var i = 0; i < 20; i++)
        {
            pause = Turn(messages: 1 + (int)(pause.TotalMicroseconds / 10), microseconds: 10);
            (pause > TimeSpan.Zero).ShouldBeTrue();
        }

        Turn(messages: 0, microseconds: 1000).ShouldBe(TimeSpan.Zero, "it is time for the next look");
        Turn(messages: 0, microseconds: 1000).ShouldBe(TimeSpan.Zero, "nothing came in the last millisecond");
        Turn(messages: 0, microseconds: 10).ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public void Looks_are_as_far_apart_as_messages_may_gather_however_long_the_turn_between_them_took()
    {
        MakeBusy();
        Turn(messages: 30, microseconds: 100).ShouldBe(GatherTimeMax - TimeSpan.FromMicroseconds(100));
        Turn(messages: 30, microseconds: 250).ShouldBe(GatherTimeMax - TimeSpan.FromMicroseconds(250));
    }

    [Theory]
    [InlineData(6, 300)]
    [InlineData(30, 200)]
    [InlineData(60, 100)]
    public void Looks_are_closer_together_the_faster_messages_come_so_that_each_finds_enough(int inTenthOfMillisecond, int apart)
    {
        MakeBusy(inTenthOfMillisecond);
        Turn(inTenthOfMillisecond, microseconds: 60).ShouldBe(TimeSpan.FromMicroseconds(apart - 60));
    }

    [Fact]
    public void Who_is_late_does_not_pause_and_does_not_make_up_for_it()
    {
        MakeBusy();
        Turn(messages: 90, microseconds: 900).ShouldBe(TimeSpan.Zero);
        Turn(messages: 30, microseconds: 50).ShouldBe(GatherTimeMax - TimeSpan.FromMicroseconds(50));
    }

    [Fact]
    public void A_burst_after_a_silence_does_not_wait()
    {
        Turn(messages: 1, microseconds: 10);
        Turn(messages: 64, microseconds: 5000).ShouldBe(TimeSpan.Zero);
    }

    /// <summary>Two milliseconds of a stream; the last look has just been.</summary>
    private void MakeBusy(int inTenthOfMillisecond = 10)
    {
        var pause = TimeSpan.Zero;
        for (var start = _now; _now - start < TimeSpan.FromMilliseconds(10);)
        {
            pause = Turn((int)(inTenthOfMillisecond * (1 + (pause / TimeSpan.FromMicroseconds(100)))), microseconds: 100);
        }
    }

    /// <summary>How long the shard pauses before it looks; the clock then stands at the look.</summary>
    private TimeSpan Turn(int messages, int microseconds)
    {
        _messages += messages;
        _now += TimeSpan.FromMicroseconds(microseconds);
        var pause = _moderation.PauseBefore(_messages, _now);
        _now += pause;
        return pause;
    }
}
