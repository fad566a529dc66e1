using Sallyport.Simulator.Measures;

namespace Sallyport.Simulator.Tests.Measures;

public sealed class ArrivalsTests
{
    [Theory]
    [InlineData("0 1 2 3", 0)]
    [InlineData("0 2 1 3", 1)]
    [InlineData("3 2 1 0", 3)]
    [InlineData("0 5 6", 0)]
    public void Those_behind_a_later_one_are_out_of_order_and_gaps_are_not(string sequence, int reordered)
    {
        var arrivals = default(Arrivals);
        foreach (var number in sequence.Split(' '))
        {
            arrivals.Record(uint.Parse(number));
        }

        arrivals.Reordered.ShouldBe(reordered);
        arrivals.Count.ShouldBe(sequence.Split(' ').Length);
    }
}
