using Sallyport.MicroBench.Works;

namespace Sallyport.MicroBench.Tests;

public sealed class AllocationBudgetTests
{
    private const int WarmUps = 50;
    private const int Runs = 100;

    /// <summary>
    /// A collection that another test causes adds what is left of this thread's allocation context to its count; what the work itself
    /// allocates, it allocates every time.
    /// </summary>
    private const int Attempts = 5;

    public static TheoryData<string> Names => [.. WorkList.All.Select(entry => entry.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_hot_path_stays_within_its_budget_of_allocations(string name)
    {
        var entry = WorkList.All.Single(one => one.Name == name);
        var work = entry.Make();
        for (var i = 0; i < WarmUps; i++)
        {
            work.Run().ShouldBeTrue();
        }

        Enumerable.Range(0, Attempts).Select(_ => Allocated(work)).Min().ShouldBe(entry.BytesAllowed * Runs);
    }

    private static long Allocated(IWork work)
    {
        var worked = true;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Runs; i++)
        {
            worked &= work.Run();
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        worked.ShouldBeTrue();
        return allocated;
    }
}
