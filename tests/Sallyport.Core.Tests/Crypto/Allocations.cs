namespace Sallyport.Core.Tests.Crypto;

internal static class Allocations
{
    /// <summary>
    /// A collection of garbage that another test causes adds what is left of this thread's allocation context to its count: what the work itself
    /// allocates, it allocates every time.
    /// </summary>
    private const int Attempts = 5;

    /// <summary>Bytes that this thread allocates over 100 calls, after the code has warmed up. The work says whether it did what it should.</summary>
    public static long Of(Func<bool> work)
    {
        for (var i = 0; i < 50; i++)
        {
            work().ShouldBeTrue();
        }

        var worked = true;
        var allocated = Least(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                worked &= work();
            }
        });
        worked.ShouldBeTrue();
        return allocated;
    }

    /// <summary>Bytes that this thread allocates when the work is done once; the least of several times.</summary>
    public static long Least(Action work)
    {
        var least = long.MaxValue;
        for (var i = 0; i < Attempts && least != 0; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
