namespace Sallyport.DataPlane.Tests;

public sealed class ProbationTests
{
    [Fact]
    public void The_oldest_that_has_shown_nothing_is_the_first_to_go()
    {
        var probation = new Probation<string>(max: 3, perPrefixMax: 3);
        var first = probation.Add("first", 1);
        probation.Add("second", 2);
        probation.HasRoom(3).ShouldBeTrue();
        probation.Add("third", 3);
        probation.HasRoom(4).ShouldBeFalse();
        first.Show();

        probation.TryFindOldest(4, out var oldest).ShouldBeTrue();

        oldest.ShouldBe("second");
        (probation.Count, probation.Silent).ShouldBe((3, 2));
    }

    [Fact]
    public void A_prefix_that_has_its_share_makes_room_from_its_own()
    {
        var probation = new Probation<string>(max: 100, perPrefixMax: 2);
        probation.Add("elsewhere", 7);
        probation.Add("here", 1);
        probation.Add("here too", 1);

        probation.HasRoom(1).ShouldBeFalse();
        probation.HasRoom(7).ShouldBeTrue();
        probation.TryFindOldest(1, out var oldest).ShouldBeTrue();
        oldest.ShouldBe("here");
    }

    [Fact]
    public void Where_all_have_shown_something_nobody_goes()
    {
        var probation = new Probation<string>(max: 1, perPrefixMax: 1);
        probation.Add("one", 1).Show();

        probation.TryFindOldest(1, out _).ShouldBeFalse();
        probation.TryFindOldest(2, out _).ShouldBeFalse();
    }

    [Fact]
    public void A_place_is_given_back_once()
    {
        var probation = new Probation<string>(max: 2, perPrefixMax: 2);
        var place = probation.Add("one", 1);
        probation.Add("two", 1);
        place.Leave();
        place.Leave();
        place.Show();

        probation.Count.ShouldBe(1);
        probation.HasRoom(1).ShouldBeTrue();
        probation.TryFindOldest(1, out var oldest).ShouldBeTrue();
        oldest.ShouldBe("two");
    }
}
