using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Ike;

namespace Sallyport.DataPlane.Tests.Ike;

public class DeparturesTests
{
    private const string There = "198.51.100.7";

    private static readonly Instant Start = Instant.FromUnixSeconds(1_800_000_000);

    private readonly Departures _departures = new();

    [Fact]
    public void Everybody_who_is_here_leaves_once_and_one_after_the_other()
    {
        _departures.NextDeadline.ShouldBe(Instant.Never);
        _departures.Send([1, 2, 3], There, Start);
        List<(long Session, TimeSpan After)> left = [];
        for (var now = Start; _departures.NextDeadline != Instant.Never; now += TimeSpan.FromMilliseconds(1))
        {
            while (_departures.TryTakeDue(now, out var session))
            {
                left.Add((session, now - Start));
            }

            _departures.TryTakeOutcome(now, out _);
        }

        left.ShouldBe([(1, TimeSpan.Zero), (2, Departures.Between), (3, 2 * Departures.Between)]);
        _departures.Send([4], There, Start + TimeSpan.FromHours(1));
        _departures.TryTakeDue(Start + TimeSpan.FromHours(1), out _).ShouldBeFalse("nothing new was said");
    }

    [Fact]
    public void Who_has_not_left_stays_when_nobody_is_sent_away_any_more()
    {
        _departures.Send([1, 2], There, Start);
        _departures.TryTakeDue(Start, out _).ShouldBeTrue();
        _departures.Send([2], null, Start);
        _departures.TryTakeDue(Start + TimeSpan.FromHours(1), out _).ShouldBeFalse();
        _departures.Gateway.ShouldBeNull();
    }

    [Fact]
    public void What_came_of_it_is_said_once_when_all_have_gone()
    {
        _departures.Send([1, 2, 3], There, Start);
        var now = TakeAll(session => session != 3);
        _departures.Left(1);
        _departures.Left(3);
        _departures.TryTakeOutcome(now, out _).ShouldBeFalse("one is still to go");
        _departures.Left(2);
        _departures.TryTakeOutcome(now, out var outcome).ShouldBeTrue();
        outcome.ShouldBe("sent to 198.51.100.7: 2 gone, 0 told and still here, 1 staying (they do not know of redirection, RFC 5685, or are sites that the gateway calls)");
        _departures.NextDeadline.ShouldBe(Instant.Never);
        _departures.TryTakeOutcome(now + TimeSpan.FromHours(1), out _).ShouldBeFalse();
    }

    [Fact]
    public void Who_does_not_go_is_not_waited_for_without_end()
    {
        _departures.Send([1, 2], There, Start);
        var now = TakeAll(_ => true);
        _departures.Left(2);
        _departures.NextDeadline.ShouldBe(now + Departures.Patience);
        _departures.TryTakeOutcome(now + Departures.Patience - TimeSpan.FromTicks(1), out _).ShouldBeFalse();
        _departures.TryTakeOutcome(now + Departures.Patience, out var outcome).ShouldBeTrue();
        outcome.ShouldBe("sent to 198.51.100.7: 1 gone, 1 told and still here, 0 staying");
    }

    [Fact]
    public void Where_nobody_is_here_that_is_said_and_nothing_where_it_is_taken_back()
    {
        _departures.Send([], There, Start);
        _departures.NextDeadline.ShouldBe(Start);
        _departures.TryTakeOutcome(Start, out var outcome).ShouldBeTrue();
        outcome.ShouldBe("sent to 198.51.100.7: 0 gone, 0 told and still here, 0 staying");
        _departures.Send([1], "198.51.100.8", Start);
        _departures.Send([1], null, Start);
        _departures.NextDeadline.ShouldBe(Instant.Never);
        _departures.TryTakeOutcome(Start + TimeSpan.FromHours(1), out _).ShouldBeFalse();
    }

    /// <summary>Everybody's turn has come; answers the last moment.</summary>
    private Instant TakeAll(Func<long, bool> isTold)
    {
        var (now, last) = (Start, Start);
        for (; now < Start + TimeSpan.FromSeconds(1); now += TimeSpan.FromMilliseconds(1))
        {
            while (_departures.TryTakeDue(now, out var session))
            {
                _departures.Note(session, isTold(session), now);
                last = now;
            }
        }

        return last;
    }
}
