using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Ike;

namespace Sallyport.DataPlane.Tests.Ike;

public sealed class ReroutedTests
{
    private static readonly Instant Now = Instant.FromUnixSeconds(1_800_000_000);

    private readonly Rerouted _rerouted = new();

    [Fact]
    public void Who_was_sent_away_and_is_back_is_known_once()
    {
        _rerouted.Note(7, Now);
        _rerouted.TryTake(8, Now).ShouldBeFalse();
        _rerouted.TryTake(7, Now + Rerouted.BackWithin).ShouldBeTrue();
        _rerouted.TryTake(7, Now + Rerouted.BackWithin).ShouldBeFalse();
    }

    [Fact]
    public void Who_comes_much_later_comes_for_itself()
    {
        _rerouted.Note(7, Now);
        _rerouted.TryTake(7, Now + Rerouted.BackWithin + TimeSpan.FromSeconds(1)).ShouldBeFalse();
    }

    [Fact]
    public void It_remembers_so_many_and_no_more()
    {
        for (var i = 0; i <= Rerouted.RememberedMax; i++)
        {
            _rerouted.Note(i, Now);
        }

        _rerouted.TryTake(0, Now).ShouldBeFalse();
        _rerouted.TryTake(Rerouted.RememberedMax, Now).ShouldBeTrue();
    }
}
