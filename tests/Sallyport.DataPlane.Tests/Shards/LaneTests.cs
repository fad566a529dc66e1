using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Shards;

namespace Sallyport.DataPlane.Tests.Shards;

public sealed class LaneTests : IDisposable
{
    private const int Slots = 16;

    private readonly PacketMemory _memory = new(1, Slots);

    [Fact]
    public void Places_come_back_only_when_they_are_released()
    {
        var lane = new Lane(_memory, 0, Slots);
        for (var i = 0; i < Slots; i++)
        {
            Put(lane, i).ShouldBeTrue();
        }

        Put(lane, 99).ShouldBeFalse();
        lane.TryTake(out var head, out var packet).ShouldBeTrue();
        head.FromIdentityId.ShouldBe(0);
        _memory.Packet(packet).ToArray().ShouldBe(BitConverter.GetBytes(0));
        Put(lane, 99).ShouldBeFalse("what was taken may still be referred to");
        lane.Release();
        Put(lane, 99).ShouldBeTrue();
        Put(lane, 100).ShouldBeFalse();
    }

    [Fact]
    public void What_nobody_has_opened_leaves_half_of_the_places_to_what_was()
    {
        var lane = new Lane(_memory, 0, Slots);
        var outer = 0;
        while (lane.TryPut(new HandedOver(HandedOverKind.Outer, 0, default), [1]))
        {
            outer++;
        }

        outer.ShouldBe(Slots / 2);
        Put(lane, 1).ShouldBeTrue();
    }

    [Fact]
    public async Task Two_threads_see_every_packet_once_in_order_and_whole()
    {
        const int Packets = 200_000;
        var lane = new Lane(_memory, 0, Slots);
        var taker = Task.Run(() =>
        {
            for (var expected = 0; expected < Packets;)
            {
                if (!lane.TryTake(out var head, out var packet))
                {
                    Thread.Yield();
                    continue;
                }

                if (head.FromIdentityId != expected || BitConverter.ToInt32(_memory.Packet(packet)) != expected)
                {
                    return (expected, head.FromIdentityId);
                }

                expected++;
                lane.Release();
            }

            return (Packets, Packets);
        });
        for (var i = 0; i < Packets && !taker.IsCompleted;)
        {
            if (Put(lane, i))
            {
                i++;
            }
            else
            {
                Thread.Yield();
            }
        }

        (await taker).ShouldBe((Packets, Packets));
        lane.IsEmpty.ShouldBeTrue();
    }

    public void Dispose() => _memory.Dispose();

    private static bool Put(Lane lane, int number) =>
        lane.TryPut(new HandedOver(HandedOverKind.Inner, number, default), BitConverter.GetBytes(number));
}
