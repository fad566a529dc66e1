using Sallyport.Api.Nodes;
using Sallyport.DataPlane.Nodes;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Nodes;

public sealed class ReconnectTests : IDisposable
{
    private readonly TestFleet _fleet = new();

    [Fact]
    public void Pauses_grow_while_nobody_answers_and_begin_anew_with_every_link()
    {
        var pauses = new ReconnectPauses(() => 1);
        foreach (var milliseconds in new[] { 100, 200, 400, 800, 1600, 3000, 3000 })
        {
            pauses.AfterNoAnswer().ShouldBe(TimeSpan.FromMilliseconds(milliseconds));
        }

        pauses.AfterLink(TimeSpan.FromHours(1)).ShouldBe(TimeSpan.FromMilliseconds(100));
        pauses.AfterNoAnswer().ShouldBe(TimeSpan.FromMilliseconds(100));
    }

    [Fact]
    public void Links_that_end_soon_after_their_hello_make_the_pauses_longer_until_one_lives()
    {
        var pauses = new ReconnectPauses(() => 1);
        foreach (var milliseconds in new[] { 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000 })
        {
            pauses.AfterLink(ReconnectPauses.Soon - TimeSpan.FromMilliseconds(1)).ShouldBe(TimeSpan.FromMilliseconds(milliseconds));
        }

        pauses.AfterLink(ReconnectPauses.Soon).ShouldBe(TimeSpan.FromMilliseconds(100));
    }

    [Theory]
    [InlineData(0, 50)]
    [InlineData(0.5, 75)]
    [InlineData(1, 100)]
    public void Chance_keeps_gateways_out_of_step(double chance, int milliseconds) =>
        new ReconnectPauses(() => chance).AfterNoAnswer().ShouldBe(TimeSpan.FromMilliseconds(milliseconds));

    [Fact]
    public void A_control_that_ends_every_link_is_not_stormed()
    {
        using var gateway = new RunningGateway(_fleet);
        gateway.Control.Forget();
        gateway.Control.EndsLinks = true;
        gateway.Control.EndLink();
        Thread.Sleep(TimeSpan.FromSeconds(3));
        gateway.Control.Received<Hello>().Count.ShouldBeInRange(1, 8); // at 100 ms each it would be some thirty
        gateway.Control.EndsLinks = false;
        gateway.Control.WaitFor<Acknowledge>();
    }

    public void Dispose() => _fleet.Dispose();
}
