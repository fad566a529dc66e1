using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Handshakes;

namespace Sallyport.DataPlane.Tests.Handshakes;

public sealed class FarewellTests
{
    private static readonly Instant Start = Instant.FromUnixSeconds(1_800_000_000);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(500)]
    [InlineData(20_000)]
    [InlineData(1_000_000)]
    public void Everybody_is_told_twice_in_order_and_in_time(int count)
    {
        var farewell = new Farewell(count, Start);
        List<int> told = [];
        List<int> toldAgain = [];
        var now = Start;
        while (!farewell.IsTimeOver(now))
        {
            while (farewell.TryTakeNext(now, out var who))
            {
                told.Add(who);
            }

            while (farewell.TryTakeAgain(now, out var who))
            {
                toldAgain.Add(who);
            }

            now += Farewell.Step;
        }

        farewell.AllAreTold.ShouldBeTrue();
        told.ShouldBe(Enumerable.Range(0, count));
        toldAgain.ShouldBe(told);
        (now - Start).ShouldBeLessThan(DataPlaneLimits.FarewellMax);
    }

    [Fact]
    public void A_crowd_is_spread_over_a_second_and_a_few_are_told_at_once()
    {
        Told(new Farewell(DataPlaneLimits.FarewellsPerStep, Start), Start).ShouldBe(DataPlaneLimits.FarewellsPerStep);

        var crowd = new Farewell(20_000, Start);
        Told(crowd, Start).ShouldBe(200);
        Told(crowd, Start + (DataPlaneLimits.FarewellSpread / 2)).ShouldBeInRange(9_500, 10_500);
    }

    private static int Told(Farewell farewell, Instant now)
    {
        var count = 0;
        while (farewell.TryTakeNext(now, out _))
        {
            count++;
        }

        return count;
    }
}
