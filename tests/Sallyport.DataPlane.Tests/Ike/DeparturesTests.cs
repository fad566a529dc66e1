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
}
