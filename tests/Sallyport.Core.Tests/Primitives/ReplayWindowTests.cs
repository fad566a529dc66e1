using FsCheck;
using FsCheck.Fluent;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Primitives;

public sealed class ReplayWindowTests
{
    [Fact]
    public void It_is_at_least_1024_wide() => ReplayWindow.Width.ShouldBeGreaterThanOrEqualTo(1024);

    [Fact]
    public void Zero_is_never_fresh()
    {
        var window = default(ReplayWindow);
        window.IsFresh(0).ShouldBeFalse();
        window.Mark(1);
        window.IsFresh(0).ShouldBeFalse();
    }

    [Fact]
    public void Asking_moves_nothing()
    {
        var window = default(ReplayWindow);
        window.IsFresh(1_000_000).ShouldBeTrue();
        window.IsFresh(1).ShouldBeTrue();
        window.Highest.ShouldBe(0UL);
    }

    [Fact]
    public void The_edge_is_exact()
    {
        var window = default(ReplayWindow);
        window.Mark(100_000);
        window.IsFresh(100_000 - ReplayWindow.Width + 1).ShouldBeTrue();
        window.IsFresh(100_000 - ReplayWindow.Width).ShouldBeFalse();
        window.Mark(100_000 - ReplayWindow.Width);
        window.IsFresh(100_000 - ReplayWindow.Width + 1).ShouldBeTrue();
    }

    [Fact]
    public void A_jump_over_the_whole_ring_forgets_all()
    {
        var window = default(ReplayWindow);
        for (var id = 1UL; id <= 3000; id++)
        {
            window.Mark(id);
        }

        window.Mark(uint.MaxValue);
        for (var behind = 1UL; behind < ReplayWindow.Width; behind++)
        {
            window.IsFresh(uint.MaxValue - behind).ShouldBeTrue();
        }

        window.IsFresh(uint.MaxValue).ShouldBeFalse();
    }

    [Fact]
    public void The_end_of_the_numbers_is_no_edge()
    {
        var window = default(ReplayWindow);
        window.Mark(ulong.MaxValue);
        window.IsFresh(ulong.MaxValue).ShouldBeFalse();
        window.IsFresh(ulong.MaxValue - 1).ShouldBeTrue();
    }

    /// <summary>Steps of every size around words, ring and window, forward and back, against a set.</summary>
    [Fact]
    public void It_agrees_with_a_set_of_all_ids_seen() => Prop.ForAll(
        Gen.Choose(-(ReplayWindow.Width + 200), ReplayWindow.Width + 200).ListOf(400)
            .Or(Gen.Choose(-80, 80).ListOf(400)).Or(Gen.Elements(-1, 0, 1, 2, 63, 64, 65, -63, -64, 1023, 1024, 1983, 1984, 2047, 2048, 5000).ListOf(400)).ToArbitrary(),
        Agrees).Check(Config.QuickThrowOnFailure.WithMaxTest(300).WithReplay(1, 3));

    private static bool Agrees(IEnumerable<int> steps)
    {
        var window = default(ReplayWindow);
        var seen = new HashSet<long>();
        long at = 1;
        long highest = 0;
        foreach (var step in steps)
        {
            at = Math.Max(0, at + step);
            var fresh = at > 0 && !seen.Contains(at) && at > highest - ReplayWindow.Width;
            if (window.IsFresh((ulong)at) != fresh)
            {
                return false;
            }

            if (fresh)
            {
                window.Mark((ulong)at);
                seen.Add(at);
                highest = Math.Max(highest, at);
            }
        }

        return window.Highest == (ulong)highest;
    }
}
