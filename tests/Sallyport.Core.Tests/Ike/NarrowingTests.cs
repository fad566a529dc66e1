using System.Collections.Immutable;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Core.Tests.Ike;

public sealed class NarrowingTests
{
    /// <summary>Against the definition: a packet is in the result where it is in one that was proposed and in one that is granted.</summary>
    [Fact]
    public void What_is_narrowed_is_what_both_hold()
    {
        var random = new Chance(7);
        for (var round = 0; round < 2_000; round++)
        {
            var proposed = Some(random);
            var granted = Some(random);
            var narrowed = Narrowing.Narrow(proposed, granted, IkeLimits.SelectorsMax, out var isCut);
            isCut.ShouldBeFalse();
            foreach (var (protocol, port, address) in Packets())
            {
                bool In(ImmutableArray<TrafficSelector> selectors) => selectors.Any(selector => Holds(selector, protocol, port, address));
                In(narrowed).ShouldBe(In(proposed) && In(granted), $"{protocol}/{port} {address}: {Narrowing.Text(proposed)} and {Narrowing.Text(granted)} gave {Narrowing.Text(narrowed)}");
            }

            narrowed.ShouldAllBe(one => narrowed.Count(other => other.Contains(one)) == 1);
        }
    }

    [Fact]
    public void What_is_too_much_is_cut_and_said()
    {
        ImmutableArray<TrafficSelector> all = [Of("10.0.0.0/8")];
        var granted = Enumerable.Range(0, 5).Select(i => Of($"10.{i}.0.0/16")).ToImmutableArray();
        Narrowing.Narrow(all, granted, 3, out var isCut).ShouldBe(granted[..3]);
        isCut.ShouldBeTrue();
        Narrowing.Narrow(all, granted, 5, out isCut).ShouldBe(granted);
        isCut.ShouldBeFalse();
    }

    [Fact]
    public void One_pair_is_what_the_peer_wants_first() =>
        Narrowing.Narrow([Of("10.2.0.0/16"), Of("10.1.0.0/16")], [Of("10.1.0.0/16"), Of("10.2.0.0/24")], 1, out _).ShouldBe([Of("10.2.0.0/24")]);

    [Fact]
    public void Families_do_not_meet() =>
        Narrowing.Narrow([Of("0.0.0.0/0")], [Of("fd00::/8")], 9, out _).ShouldBeEmpty();

    [Theory]
    [InlineData(true, "10.0.0.1/32")]
    [InlineData(true, "10.0.0.1/32", "10.0.0.1/32")]
    [InlineData(false, "10.0.0.0/31")]
    [InlineData(false, "10.0.0.1/32", "10.0.0.2/32")]
    [InlineData(false)]
    public void One_host_is_one_address(bool isOne, params string[] prefixes) =>
        Narrowing.IsOneHost([.. prefixes.Select(Of)]).ShouldBe(isOne);

    private static TrafficSelector Of(string prefix) => TrafficSelector.Of(IpPrefix.Parse(prefix));

    private static ImmutableArray<TrafficSelector> Some(Chance random) =>
        [.. Enumerable.Range(0, 1 + random.Below(4)).Select(_ => Any(random))];

    private static TrafficSelector Any(Chance random)
    {
        var (a, b) = (random.Below(6), random.Below(6));
        var isPart = random.Below(3) == 0;
        var (p, q) = (random.Below(4), random.Below(4));
        return new TrafficSelector(
            (byte)(random.Below(3) switch { 0 => 6, 1 => 17, _ => 0 }), (ushort)(isPart ? Math.Min(p, q) : 0), isPart ? (ushort)Math.Max(p, q) : ushort.MaxValue, At(Math.Min(a, b)), At(Math.Max(a, b)));
    }

    private static IpAddress At(int number) => IpAddress.Parse($"10.0.0.{number}");

    private static IEnumerable<(byte Protocol, ushort Port, IpAddress Address)> Packets() =>
        from protocol in new byte[] { 1, 6, 17 }
        from port in new ushort[] { 0, 1, 2, 3, 9 }
        from number in Enumerable.Range(0, 7)
        select (protocol, port, At(number));

    private static bool Holds(TrafficSelector selector, byte protocol, ushort port, IpAddress address) =>
        (selector.Protocol == 0 || selector.Protocol == protocol) && selector.FirstPort <= port && port <= selector.LastPort && selector.First <= address && address <= selector.Last;
}
