namespace Sallyport.Core.Tests.Crypto;

internal static class Allocations
{
    /// <summary>Bytes that this thread allocates over 100 calls, after the code has warmed up. The work says whether it did what it should.</summary>
    public static long Of(Func<bool> work)
    {
        for (var i = 0; i < 50; i++)
        {
            work().ShouldBeTrue();
        }

        var worked = true;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            worked &= work();
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        worked.ShouldBeTrue();
        return allocated;
    }
}
