using Sallyport.Core.Esp;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Ike;

namespace Sallyport.DataPlane.Tests.Ike;

public sealed class PairKeeperTests
{
    private const long Site = 7;

    private static readonly TrafficSelector Here = Selector("10.20.0.0/16");
    private static readonly TrafficSelector Office = Selector("192.168.75.0/24");
    private static readonly TrafficSelector Plant = Selector("192.168.76.0/24");

    private readonly (TrafficSelector Local, TrafficSelector Remote)[] _wanted = [(Here, Office), (Here, Plant)];
    private readonly PairKeeper _keeper = new();
    private Instant _now = Instant.FromUnixSeconds(1_800_000_000);

    public PairKeeperTests()
    {
        _keeper.Watch(Site);
        _keeper.Came(Site, 1, [Here], [Office]);
        _keeper.Came(Site, 2, [Here], [Plant]);
    }

    [Fact]
    public void What_is_there_is_not_asked_for()
    {
        _keeper.NextDeadline.ShouldBe(Instant.Never);
        _keeper.TakeMissing(Site, _wanted, _now).ShouldBeEmpty();
    }

    [Fact]
    public void What_was_deleted_is_asked_for_after_a_pause()
    {
        _keeper.Left(Site, 2, _now);
        _keeper.TryTakeDue(_now, out _).ShouldBeFalse();
        _now += PairKeeper.FirstPause;
        _keeper.TryTakeDue(_now, out var session).ShouldBeTrue();
        session.ShouldBe(Site);
        _keeper.TakeMissing(Site, _wanted, _now).ShouldBe([(Here, Plant)]);
    }

    [Fact]
    public void What_new_keys_have_taken_the_place_of_is_not_missed()
    {
        _keeper.Came(Site, 3, [Here], [Plant]);
        _keeper.Left(Site, 2, _now);
        _now += PairKeeper.FirstPause;
        _keeper.TryTakeDue(_now, out _).ShouldBeTrue();
        _keeper.TakeMissing(Site, _wanted, _now).ShouldBeEmpty();
        _keeper.NextDeadline.ShouldBe(Instant.Never);
    }

    [Fact]
    public void A_router_that_agreed_to_less_has_that_pair()
    {
        _keeper.Left(Site, 2, _now);
        _keeper.Came(Site, 3, [Here], [Selector("192.168.76.128/25")]);
        _keeper.TakeMissing(Site, _wanted, _now).ShouldBeEmpty();
    }

    [Fact]
    public void What_is_refused_again_and_again_is_asked_for_ever_less_often_and_never_given_up()
    {
        _keeper.Left(Site, 2, _now);
        List<TimeSpan> pauses = [];
        for (var i = 0; i < 12; i++)
        {
            pauses.Add(_keeper.NextDeadline - _now);
            _now = _keeper.NextDeadline;
            _keeper.TryTakeDue(_now, out _).ShouldBeTrue();
            _keeper.TakeMissing(Site, _wanted, _now).ShouldHaveSingleItem();
            _keeper.Doubt(Site, _now);
        }

        pauses.Zip(pauses.Skip(1)).ShouldAllBe(pair => pair.First <= pair.Second);
        (pauses[0], pauses[^1]).ShouldBe((PairKeeper.FirstPause, PairKeeper.LongestPause));

        _keeper.Came(Site, 4, [Here], [Plant]);
        _keeper.TakeMissing(Site, _wanted, _now).ShouldBeEmpty();
        _keeper.Left(Site, 4, _now + PairKeeper.LongestPause);
        (_keeper.NextDeadline - _now).ShouldBeLessThanOrEqualTo(PairKeeper.LongestPause + PairKeeper.FirstPause);
    }

    [Fact]
    public void Sessions_that_are_gone_or_carry_all_in_one_are_nobody_s_business()
    {
        _keeper.Left(Site, 1, _now);
        _keeper.Forget(Site);
        _keeper.Came(8, 5, [Here], [Office]);
        _keeper.Left(8, 5, _now);
        _keeper.Doubt(8, _now);
        _keeper.TryTakeDue(_now + PairKeeper.LongestPause, out _).ShouldBeFalse();
        _keeper.TakeMissing(8, _wanted, _now).ShouldBeEmpty();
    }

    private static TrafficSelector Selector(string prefix) => TrafficSelector.Of(IpPrefix.Parse(prefix));
}
