using Sallyport.Core.Esp;
using Sallyport.DataPlane.Tests.Fixtures;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Tests.Tunnels;

public sealed class EspSpisTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(64)]
    public void Every_spi_says_shard_and_place_and_is_none_of_the_reserved(int shards)
    {
        for (var shard = 0; shard < shards; shard += Math.Max(1, shards / 3))
        {
            var spis = new EspSpis(shard, shards, 5000, new TestEntropy((ulong)shard + 1));
            var seen = new HashSet<uint>();
            for (var i = 0; i < 5000; i++)
            {
                spis.TryAllot(out var spi).ShouldBeTrue();
                spi.ShouldBeGreaterThan(EspLimits.ReservedSpis);
                (spi % shards).ShouldBe(shard);
                spis.Place(spi).ShouldBe(i);
                seen.Add(spi).ShouldBeTrue();
            }

            spis.TryAllot(out _).ShouldBeFalse("every place is taken");
            var other = new EspSpis(shard, shards, 5000, new TestEntropy(99));
            other.TryAllot(out var first).ShouldBeTrue();
            first.ShouldNotBe(seen.Min());
        }
    }

    [Fact]
    public void Another_shards_spi_has_no_place_here()
    {
        var spis = new EspSpis(1, 4, 100, new TestEntropy(1));
        spis.TryAllot(out var spi);
        spis.Place(spi).ShouldBe(0);
        spis.Place(spi + 1).ShouldBe(-1);
    }

    [Fact]
    public void The_whole_table_of_a_gateway_fits()
    {
        foreach (var shards in new[] { 1, 2, 3, 64 })
        {
            var capacity = DataPlaneLimits.ChildrenPerTunnel * DataPlaneLimits.TunnelsMax / shards;
            var spis = new EspSpis(shards - 1, shards, capacity, new TestEntropy(5));
            spis.TryAllot(out var spi).ShouldBeTrue();
            spis.Place(spi).ShouldBe(0);
        }
    }

    [Fact]
    public void A_place_rests_and_comes_back_under_another_spi()
    {
        var spis = new EspSpis(0, 1, 10_000, new TestEntropy(3));
        spis.TryAllot(out var first);
        spis.Return(first);
        List<uint> later = [];
        for (var i = 0; i < 256; i++)
        {
            spis.TryAllot(out var next);
            spis.Place(next).ShouldNotBe(0);
            later.Add(next);
        }

        later.ForEach(spis.Return);
        spis.TryAllot(out var again);
        spis.Place(again).ShouldBe(0);
        again.ShouldNotBe(first);
    }
}
