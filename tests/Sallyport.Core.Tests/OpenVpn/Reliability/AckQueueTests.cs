using Sallyport.Core.OpenVpn.Reliability;
using Sallyport.Core.OpenVpn.Wire;

namespace Sallyport.Core.Tests.OpenVpn.Reliability;

public class AckQueueTests
{
    [Fact]
    public void Acknowledgements_leave_in_the_order_of_arrival_up_to_the_room()
    {
        var queue = default(AckQueue);
        queue.IsEmpty.ShouldBeTrue();
        foreach (var id in (uint[])[5, 6, 5, 7, 8, 9])
        {
            queue.Add(id);
        }

        Take(ref queue, 4).ShouldBe([5u, 6, 7, 8]);
        queue.IsEmpty.ShouldBeFalse();
        Take(ref queue, 4).ShouldBe([9u, 8, 7, 6]);
        queue.IsEmpty.ShouldBeTrue();
    }

    [Fact]
    public void Spare_room_repeats_what_was_acknowledged_latest()
    {
        var queue = default(AckQueue);
        Take(ref queue, 8).ShouldBe([]);
        queue.Add(0);
        Take(ref queue, 8).ShouldBe([0u]);
        queue.Add(1);
        Take(ref queue, 8).ShouldBe([1u, 0]);
        queue.Add(0);
        Take(ref queue, 8).ShouldBe([0u, 1]);
        for (var id = 2u; id < 12; id++)
        {
            queue.Add(id);
        }

        Take(ref queue, 8).ShouldBe([2u, 3, 4, 5, 6, 7, 8, 9]);
        Take(ref queue, 8).ShouldBe([10u, 11, 9, 8]);
        Take(ref queue, 2).ShouldBe([11u, 10]);
    }

    [Fact]
    public void Flood_of_duplicates_keeps_the_latest_and_grows_nothing()
    {
        var queue = default(AckQueue);
        for (var id = 0u; id < 1000; id++)
        {
            queue.Add(id);
        }

        var taken = new List<uint>();
        while (!queue.IsEmpty)
        {
            taken.AddRange(Take(ref queue, OpenVpnLimits.MaxAcks));
        }

        taken.ShouldBe(Enumerable.Range(1000 - OpenVpnLimits.PendingAcks, OpenVpnLimits.PendingAcks).Select(i => (uint)i));
    }

    private static uint[] Take(ref AckQueue queue, int room)
    {
        Span<uint> ids = stackalloc uint[room];
        return ids[..queue.Take(ids)].ToArray();
    }
}
