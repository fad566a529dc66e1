using System.Globalization;
using Sallyport.Core.Dns;

namespace Sallyport.Core.Tests.Dns;

public sealed class NamePoolTests
{
    [Fact]
    public void Equal_names_are_one_string_and_others_stay_what_they_are()
    {
        var pool = new NamePool();
        var first = pool.Share("updates.vendor.example");
        pool.Share("updates.vendor.example".ToCharArray()).ShouldBeSameAs(first);
        for (var i = 0; i < 100_000; i++)
        {
            var name = i.ToString(CultureInfo.InvariantCulture);
            pool.Share(name).ShouldBe(name);
        }

        // Somebody has its place by now; it is shared anew.
        var again = pool.Share("updates.vendor.example".ToCharArray());
        again.ShouldBe(first);
        pool.Share("updates.vendor.example".ToCharArray()).ShouldBeSameAs(again);
    }

    [Fact]
    public void What_is_there_costs_nothing()
    {
        var pool = new NamePool();
        _ = pool.Share("updates.vendor.example");
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            _ = pool.Share("updates.vendor.example");
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }
}
