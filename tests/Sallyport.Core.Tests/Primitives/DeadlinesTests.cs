using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Primitives;

public class DeadlinesTests
{
    private static readonly Instant Start = Instant.FromUnixSeconds(1_800_000_000);

    private readonly Deadlines _deadlines = new();

    [Fact]
    public void The_earliest_wish_of_a_session_counts_and_each_is_due_once()
    {
        _deadlines.Want(1, After(9));
        _deadlines.Want(2, After(5));
        _deadlines.Want(1, After(3));
        _deadlines.Want(1, After(7));
        _deadlines.Want(3, Instant.Never);
        _deadlines.Next.ShouldBe(After(3));

        Due(After(2)).ShouldBeEmpty();
        Due(After(100)).ShouldBe([1, 2]);
        _deadlines.Next.ShouldBe(Instant.Never);
    }

    [Fact]
    public void Who_is_forgotten_is_not_due()
    {
        _deadlines.Want(1, After(1));
        _deadlines.Want(2, After(2));
        _deadlines.Forget(1);
        _deadlines.Forget(1);

        Due(After(3)).ShouldBe([2]);
    }

    [Fact]
    public void A_flood_of_sessions_that_come_and_go_leaves_next_to_nothing_behind()
    {
        _deadlines.Want(0, After(60));
        for (var i = 1; i < 100_000; i++)
        {
            _deadlines.Want(i, After(61));
            _deadlines.Forget(i);
            _deadlines.Entries.ShouldBeLessThan(2000);
        }

        Due(After(62)).ShouldBe([0]);
    }

    [Fact]
    public void One_session_that_changes_its_mind_without_end_leaves_next_to_nothing_behind()
    {
        for (var i = 100_000; i > 0; i--)
        {
            _deadlines.Want(1, After(i));
            _deadlines.Entries.ShouldBeLessThan(2000);
        }

        Due(After(200_000)).ShouldBe([1]);
    }

    private static Instant After(int seconds) => Start + TimeSpan.FromSeconds(seconds);

    private List<long> Due(Instant now)
    {
        List<long> due = [];
        while (_deadlines.TryTakeDue(now, out var number))
        {
            due.Add(number);
        }

        return due;
    }
}
