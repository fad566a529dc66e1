using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Dns;

namespace Sallyport.DataPlane.Tests.Dns;

/// <summary>What identities were told, and for how long it counts.</summary>
public sealed class NameTiesTests
{
    private static readonly Instant Now = Instant.FromUnixSeconds(1_800_000_000);
    private readonly NameTies _ties = new();

    [Fact]
    public void An_answer_counts_for_its_time_within_bounds_and_for_whom_it_was()
    {
        _ties.Put(1, "a.example", [(At(1), 0), (At(2), 600), (At(3), uint.MaxValue)], Now);
        _ties.Of(1).ToDictionary(tie => tie.Address, tie => (tie.Expires - Now).TotalSeconds)
            .ShouldBe(new Dictionary<IpAddress, double> { [At(1)] = 60, [At(2)] = 600, [At(3)] = 86_400 }, ignoreOrder: true);
        _ties.Of(2).ShouldBeEmpty();

        // A later answer that is shorter does not shorten what was told; what is too old goes.
        _ties.Put(1, "a.example", [(At(2), 60)], Now + TimeSpan.FromSeconds(100));
        _ties.Of(1).Single(tie => tie.Address == At(2)).Expires.ShouldBe(Now + TimeSpan.FromSeconds(600));
        _ties.Of(1).ShouldNotContain(tie => tie.Address == At(1));
    }

    [Fact]
    public void Neither_an_answer_nor_an_identity_nor_all_have_more_than_their_share()
    {
        _ties.Put(1, "a.example", Enumerable.Range(0, 1000).Select(i => (At(i), 600u)), Now);
        _ties.Of(1).Length.ShouldBe(DnsServiceLimits.TiesPerAnswerMax);
        for (var i = 0; i < 100; i++)
        {
            _ties.Put(1, $"n{i}.example", Enumerable.Range(0, 50).Select(n => (At(n), 600u)), Now + TimeSpan.FromSeconds(i));
        }

        _ties.Of(1).Length.ShouldBe(DnsServiceLimits.TiesPerIdentityMax);
        _ties.Of(1).ShouldContain(tie => tie.Name == "n99.example", "the newest stay");

        for (var id = 2; id < 10_000; id++)
        {
            _ties.Put(id, "a.example", Enumerable.Range(0, 64).Select(n => (At(n), 600u)), Now);
            _ties.Of(id).Length.ShouldBe(64, "a new name is never refused");
        }

        _ties.Count.ShouldBeInRange(DnsServiceLimits.TiesMax / 2, DnsServiceLimits.TiesMax);
        _ties.Sweeps.ShouldBeInRange(1, 20, "seldom");
    }

    [Fact]
    public void Who_is_told_more_than_fits_keeps_what_it_was_told_last()
    {
        for (var i = 0; i < 5; i++)
        {
            _ties.Put(1, $"long{i}.example", Enumerable.Range(0, 64).Select(n => (At(n), 86_400u)), Now);
        }

        _ties.Put(1, "short.example", [(At(1), 60), (At(2), 60)], Now);
        _ties.Of(1).Length.ShouldBe(DnsServiceLimits.TiesPerIdentityMax);
        _ties.Of(1).Count(tie => tie.Name == "short.example").ShouldBe(2, "it is about to connect there");
    }

    [Fact]
    public void Those_who_have_most_make_room_and_who_has_little_loses_nothing()
    {
        var ties = new NameTies(most: 4000);
        for (var id = 1; id <= 200; id++)
        {
            ties.Put(id, "modest.example", [(At(1), 60), (At(2), 60)], Now);
        }

        for (var round = 0; round < 50; round++)
        {
            for (var id = 1000; id < 1020; id++)
            {
                ties.Put(id, $"n{round}.example", Enumerable.Range(0, 64).Select(n => (At(n), 86_400u)), Now);
                ties.Count.ShouldBeLessThanOrEqualTo(4000);
                ties.Of(id).Count(tie => tie.Name == $"n{round}.example").ShouldBe(64);
            }
        }

        Enumerable.Range(1, 200).ShouldAllBe(id => ties.Of(id).Length == 2);
        ties.Sweeps.ShouldBeLessThan(50 * 20 * 64 / 400, "each makes room for an eighth");
    }

    [Fact]
    public void Where_everybody_has_one_those_that_are_too_old_soonest_go_and_too_old_ones_before_them()
    {
        var ties = new NameTies(most: 80);
        for (var id = 1; id <= 80; id++)
        {
            ties.Put(id, "a.example", [(At(1), 60 + (uint)id)], Now);
        }

        ties.Put(81, "a.example", [(At(1), 60)], Now);
        (ties.Count, ties.Sweeps).ShouldBe((70, 1));
        Enumerable.Range(1, 81).Where(id => ties.Of(id).Length == 0).ShouldBe(Enumerable.Range(1, 11));

        for (var id = 90; id < 101; id++)
        {
            ties.Put(id, "a.example", [(At(1), 600)], Now + TimeSpan.FromSeconds(100));
        }

        ties.Of(80).ShouldHaveSingleItem();
        Enumerable.Range(12, 28).ShouldAllBe(id => ties.Of(id).Length == 0, "too old by then");
    }

    [Fact]
    public void Whoever_is_told_something_is_another_version_of_himself()
    {
        _ties.VersionOf(1).ShouldBe(0);
        List<int> versions = [];
        for (var i = 0; i < 3; i++)
        {
            _ties.Put(1, "a.example", [(At(i), 60)], Now);
            versions.Add(_ties.VersionOf(1));
            _ties.Put(2, "a.example", [(At(i), 60)], Now);
            _ties.VersionOf(1).ShouldBe(versions[^1]);
        }

        versions.Distinct().Count().ShouldBe(3);
        versions.ShouldNotContain(0);
    }

    [Fact]
    public void A_name_is_one_string_however_many_were_told_it()
    {
        string Name() => new("updates.vendor.example".AsSpan());
        _ties.Put(1, Name(), [(At(1), 60)], Now);
        _ties.Put(2, Name(), [(At(1), 60)], Now);
        _ties.Of(1).Single().Name.ShouldBeSameAs(_ties.Of(2).Single().Name);
    }

    [Fact]
    public void Addresses_of_the_host_itself_and_of_groups_are_nobodys_name()
    {
        _ties.Put(1, "a.example", [(IpAddress.Parse("127.0.0.1"), 60), (IpAddress.Parse("0.0.0.0"), 60), (IpAddress.Parse("169.254.169.254"), 60), (IpAddress.Parse("224.0.0.1"), 60)], Now);
        _ties.Of(1).ShouldBeEmpty();
    }

    [Fact]
    public void Whom_the_host_asks_is_read_from_its_file()
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, "# nameserver 1.1.1.1\nsearch example\nnameserver 192.0.2.1\nnameserver\t2001:db8::1\nnameserver nonsense\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n");
            var resolvers = new HostResolvers(path);
            resolvers.Servers(Now).Select(server => server.ToString()).ShouldBe(["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.2:53"]);
            File.WriteAllText(path, "nameserver 192.0.2.9\n");
            resolvers.Servers(Now + TimeSpan.FromSeconds(1)).Length.ShouldBe(3);
            resolvers.Servers(Now + TimeSpan.FromSeconds(6)).Single().ToString().ShouldBe("192.0.2.9:53");
        }
        finally
        {
            File.Delete(path);
        }

        new HostResolvers(path).Servers(Now).ShouldBeEmpty();
    }

    private static IpAddress At(int n) => IpAddress.FromV4(0xcb00_7100u + (uint)n);
}
