using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Handshakes;

namespace Sallyport.DataPlane.Tests.Handshakes;

public sealed class CloneWatchTests
{
    private readonly CloneWatch _watch = new();
    private readonly Instant _start = Instant.FromUnixSeconds(1_800_000_000);

    [Fact]
    public void One_replacement_of_a_live_tunnel_is_a_restart_and_a_second_one_soon_is_a_clone()
    {
        _watch.IsClone(1, wasAlive: true, elsewhere: true, _start).ShouldBeFalse();
        _watch.IsClone(1, wasAlive: true, elsewhere: true, _start + CloneWatch.Window).ShouldBeTrue();
    }

    [Fact]
    public void Replacements_far_apart_are_restarts()
    {
        _watch.IsClone(1, wasAlive: true, elsewhere: true, _start).ShouldBeFalse();
        _watch.IsClone(1, wasAlive: true, elsewhere: true, _start + CloneWatch.Window + TimeSpan.FromSeconds(1)).ShouldBeFalse();
    }

    [Fact]
    public void A_dead_tunnel_may_be_replaced_as_often_as_it_dies()
    {
        for (var i = 0; i < 5; i++)
        {
            _watch.IsClone(1, wasAlive: false, elsewhere: true, _start + TimeSpan.FromSeconds(i)).ShouldBeFalse();
        }

        _watch.IsClone(1, wasAlive: true, elsewhere: true, _start + TimeSpan.FromSeconds(6)).ShouldBeFalse();
    }

    [Fact]
    public void A_client_that_restarts_where_it_is_may_do_so_as_often_as_it_likes()
    {
        for (var i = 0; i < 5; i++)
        {
            _watch.IsClone(1, wasAlive: true, elsewhere: false, _start + TimeSpan.FromSeconds(i)).ShouldBeFalse();
        }
    }

    [Fact]
    public void The_same_clone_is_told_of_once_a_minute()
    {
        _watch.MayTell(1, _start).ShouldBeTrue();
        _watch.MayTell(1, _start + CloneWatch.TellAgain - TimeSpan.FromSeconds(1)).ShouldBeFalse();
        _watch.MayTell(2, _start).ShouldBeTrue();
        _watch.MayTell(1, _start + CloneWatch.TellAgain).ShouldBeTrue();
    }

    [Fact]
    public void Identities_do_not_count_for_each_other()
    {
        _watch.IsClone(1, wasAlive: true, elsewhere: true, _start).ShouldBeFalse();
        _watch.IsClone(2, wasAlive: true, elsewhere: true, _start).ShouldBeFalse();
    }
}
