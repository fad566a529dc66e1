using System.Net;
using Sallyport.Simulator.Fleets;

namespace Sallyport.Simulator.Tests.Devices;

public sealed class SourcePoolTests
{
    [Fact]
    public void No_source_comes_twice_before_all_ports_of_all_addresses_were_used()
    {
        var pool = SourcePool.Loopback(2);
        var seen = new HashSet<IPEndPoint>();
        for (var i = 0; i < 110_000; i++)
        {
            seen.Add(pool.Next()).ShouldBeTrue();
        }

        seen.Add(pool.Next()).ShouldBeFalse();
    }

    [Fact]
    public void A_large_fleet_on_the_loopback_net_has_several_addresses() =>
        Enumerable.Range(0, 110_000).Select(_ => 0).Aggregate(
            (Pool: SourcePool.For(IPAddress.Loopback, 50_000), Seen: new HashSet<IPAddress>()),
            (all, _) =>
            {
                all.Seen.Add(all.Pool.Next().Address);
                return all;
            }).Seen.Count.ShouldBeGreaterThan(1);
}
