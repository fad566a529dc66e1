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
        _watch.IsClone(1, wasAlive: true, _start).ShouldBeFalse();
        _watch.IsClone(1, wasAlive: true, _start + CloneWatch.Window).ShouldBeTrue();
    }

    [Fact]
    public void Replacements_far_apart_are_restarts()
    {
        _watch.IsClone(1, wasAlive: true, _start).ShouldBeFalse();
        _watch.IsClone(1, wasAlive: true, _start + CloneWatch.Window + TimeSpan.FromSeconds(1)).ShouldBeFalse();
    }

    [Fact]
    public void A_dead_tunnel_may_be_replaced_as_often_as_it_dies()
    {
        for (var i = 0; i < 5; i++)
        {
            _watch.IsClone(1, wasAlive: false, _start + TimeSpan.FromSeconds(i)).ShouldBeFalse();
        }

        _watch.IsClone(1, wasAlive: true, _start + TimeSpan.FromSeconds(6)).ShouldBeFalse();
    }

    [Fact]
    public void Identities_do_not_count_for_each_other()
    {
        _watch.IsClone(1, wasAlive: true, _start).ShouldBeFalse();
        _watch.IsClone(2, wasAlive: true, _start).ShouldBeFalse();
    }
}
