using Sallyport.Core.Flows;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.OpenVpn;

namespace Sallyport.Core.Tests.Flows;

public sealed class FragmentTableTests
{
    private static readonly Instant Start = Instant.FromUnixSeconds(1_800_000_000);

    [Fact]
    public void Remembers_until_it_expires_or_is_removed()
    {
        var table = new FragmentTable(64, new SeededEntropy(1));
        table.TryPut(First(1, 7, Start + TimeSpan.FromSeconds(30)), Start).ShouldBeTrue();
        table.TryGet(Key(1), Start + TimeSpan.FromSeconds(29), out var first).ShouldBeTrue();
        first.Flow.ShouldBe(7);
        table.TryGet(Key(1), Start + TimeSpan.FromSeconds(30), out _).ShouldBeFalse();
        table.TryGet(Key(2), Start, out _).ShouldBeFalse();
        table.TryPut(First(1, 8, Start + TimeSpan.FromSeconds(30)), Start).ShouldBeTrue();
        table.TryGet(Key(1), Start, out first).ShouldBeTrue();
        first.Flow.ShouldBe(8);
    }

    [Fact]
    public void Holds_no_more_than_its_bound_and_forgets_the_oldest()
    {
        var table = new FragmentTable(64, new SeededEntropy(1));
        for (var id = 0; id < 10_000; id++)
        {
            var now = Start + TimeSpan.FromMilliseconds(id);
            table.TryPut(First(id, id, now + TimeSpan.FromSeconds(30)), now).ShouldBeTrue();
            table.TryGet(Key(id), now, out var first).ShouldBeTrue();
            first.Flow.ShouldBe(id);
        }

        var end = Start + TimeSpan.FromSeconds(10);
        Enumerable.Range(0, 10_000).Count(id => table.TryGet(Key(id), end, out _)).ShouldBeLessThanOrEqualTo(64);
    }

    [Fact]
    public void One_that_was_refused_takes_a_free_place_or_its_own_and_nobody_elses()
    {
        var table = new FragmentTable(4, new SeededEntropy(1));
        var expires = Start + TimeSpan.FromSeconds(30);
        for (var id = 0; id < 3; id++)
        {
            table.TryPut(First(id, id, expires), Start).ShouldBeTrue();
        }

        table.TryPut(First(50, FirstFragment.Refused, expires), Start).ShouldBeTrue("a place is free");
        table.TryPut(First(51, FirstFragment.Refused, expires), Start).ShouldBeFalse();
        table.TryPut(First(2, FirstFragment.Refused, expires), Start).ShouldBeTrue("the same datagram");
        table.TryGet(Key(0), Start, out _).ShouldBeTrue();
        table.TryGet(Key(1), Start, out _).ShouldBeTrue();
        table.TryGet(Key(51), Start, out _).ShouldBeFalse();
        table.TryPut(First(52, FirstFragment.Refused, expires + TimeSpan.FromSeconds(30)), expires).ShouldBeTrue("the others have expired");
    }

    private static FirstFragment First(int id, int flow, Instant expires) => new() { Key = Key(id), Flow = flow, Expires = expires };

    private static FragmentKey Key(int id) => new(1, IpAddress.FromV4(1), IpAddress.FromV4(2), (ushort)id, IpProtocol.Udp);
}
