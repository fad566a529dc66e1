using System.Diagnostics;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.OpenVpn;
using Xunit.Abstractions;
using static Sallyport.Core.Tests.Policy.Fleets;

namespace Sallyport.Core.Tests.Policy;

public sealed class ReachTests(ITestOutputHelper output)
{
    private static readonly Instant Noon = Instant.FromUnixSeconds(Zones.Unix("2026-07-06 10:00:00"));

    /// <summary>Every address that a random fleet speaks of, and some that it does not.</summary>
    private static readonly IpAddress[] Addresses =
    [
        .. Enumerable.Range(0, 10).Select(i => IpAddress.Parse($"10.20.0.{i}")),
        .. Enumerable.Range(0, 2).SelectMany(net => Enumerable.Range(0, 10).Select(i => IpAddress.Parse($"192.168.{net}.{i}"))),
        .. Enumerable.Range(0, 10).Select(i => IpAddress.Parse($"fd00::{i}")),
        .. Enumerable.Range(1, 16).SelectMany(n => Enumerable.Range(0, 8).Select(i => IpAddress.Parse(n % 4 == 3 ? $"fd18:{n:x}::{i}" : $"198.18.{n}.{i}"))),
        .. Enumerable.Range(1, 16).Select(n => IpAddress.Parse($"198.19.{n}.2")),
    ];

    [Fact]
    public void Who_reaches_what_is_what_the_gateways_decide_for_every_address_and_port()
    {
        var (allowed, later, across) = (0, 0, 0);
        for (var seed = 1; seed <= 600; seed++)
        {
            var random = new SeededEntropy((ulong)seed);
            var naive = new NaiveFleet();
            var fleet = new RandomFleet(random, naive);
            var model = FleetModel.Empty;
            for (var step = 0; step < 12; step++)
            {
                var change = fleet.Change(first: step == 0);
                naive.Apply(change);
                model = model.With(change, step == 0 ? Instant.FromUnixSeconds(0) : model.AsOf);
            }

            var map = new ReachMap(model);
            var questions = new ReachQuestions(model, map, _ => default);
            var now = questions.At(naive.Now);
            foreach (var from in model.Identities)
            {
                var reached = questions.ReachOf(from, naive.Now).ToList();
                allowed += Compare(model, map, now, from, reached.Where(reach => reach.Opens == naive.Now).ToList(), ref across);
                foreach (var reach in reached)
                {
                    later += reach.Opens > naive.Now ? 1 : 0;
                    KeepsItsTime(model, reach, naive.Now);
                }

                // The other way round: whoever the report names for an application is who that application names.
                foreach (var application in model.Applications)
                {
                    var one = questions.ReachOf(from, application, naive.Now).Where(reach => reach.Decision.ApplicationId == application.Id);
                    one.ShouldBe(reached.Where(reach => reach.Application.Id == application.Id));
                }
            }
        }

        output.WriteLine($"{allowed} points allowed, {across} of them in another network, {later} parts later");
        allowed.ShouldBeGreaterThan(2000);
        across.ShouldBeGreaterThan(100);
        later.ShouldBeGreaterThan(10);
    }

    [Fact]
    public void A_part_that_another_rule_takes_away_is_not_reached_and_the_rest_is()
    {
        var wide = Application(6, 1, 2, "192.168.50.0/24", Tcp(1, 100));
        var narrow = Application(7, 1, 2, "192.168.50.16/28", Tcp(80));
        var model = Of(
            Network(1, "10.20.0.0/16"), Device(17, 1, "10.20.0.17"), Site(2, 1, "10.20.0.2", "192.168.50.0/24"), wide, narrow, ForDevice(9, 17, 6),
            ForDevice(10, 17, 7) with { Effect = RuleEffect.Deny });
        var questions = new ReachQuestions(model, new ReachMap(model), _ => default);
        questions.ReachOf(model.Identity(17)!, Noon).Select(reach => $"{reach.Cell.Prefix} {reach.Cell.FromPort}-{reach.Cell.ToPort}").ShouldBe(
            ["192.168.50.16/28 1-79", "192.168.50.16/28 81-100", "192.168.50.0/24 1-100"], ignoreOrder: true);
    }

    [Fact]
    public void Addresses_inside_a_target_that_another_carries_are_not_the_applications()
    {
        var model = Of(
            Network(1, "10.20.0.0/16"), Device(17, 1, "10.20.0.17"), Site(2, 1, null, "192.168.50.0/30"), Device(3, 1, "192.168.50.0"),
            Device(4, 1, "192.168.50.1"), Site(5, 1, null, "192.168.50.2/31"), Application(6, 1, 2, "192.168.50.0/30", Tcp(1, 100)), ForDevice(9, 17, 6));
        var map = new ReachMap(model);
        map.CellsOf(model.Application(6)!).ShouldBeEmpty("all four addresses are somebody else's");
        new ReachMap(model.With(new FleetChange { RemovedIdentities = [4] })).CellsOf(model.Application(6)!)
            .ShouldHaveSingleItem().Example.ShouldBe(IpAddress.Parse("192.168.50.1"));
    }

    [Fact]
    public void Hours_and_ends_say_from_when_and_until_when()
    {
        var vienna = Zones.Clock("Europe/Vienna");
        var hours = new TimeWindow(WeekDays.All, 13 * 3600, 14 * 3600, vienna);
        var model = FleetModel.Empty.With(
            Change(
                Network(1, "10.20.0.0/16"), Device(17, 1, "10.20.0.17"), Device(18, 1, "10.20.0.18"), Site(2, 1, "10.20.0.2", "192.168.50.0/24"),
                Application(5, 1, 2, "192.168.50.10", Tcp(8883)),
                ForDevice(9, 17, 5) with { Time = new RuleTime(Instant.Never, [hours]) },
                ForDevice(10, 18, 5) with { Time = new RuleTime(Noon + TimeSpan.FromDays(40), []) }),
            Instant.FromUnixSeconds(0));
        var questions = new ReachQuestions(model, new ReachMap(model), _ => default);
        var waiting = questions.ReachOf(model.Identity(17)!, Noon).ShouldHaveSingleItem();
        (waiting.Opens, waiting.Closes, waiting.Decision.RuleId).ShouldBe((Noon + TimeSpan.FromHours(1), Noon + TimeSpan.FromHours(2), 9));
        var ending = questions.ReachOf(model.Identity(18)!, Noon).ShouldHaveSingleItem();
        (ending.Opens, ending.Closes).ShouldBe((Noon, Noon + TimeSpan.FromDays(40)));
        questions.ReachOf(model.Identity(18)!, Noon + TimeSpan.FromDays(40)).ShouldBeEmpty();
    }

    [Fact]
    public void A_hundred_thousand_devices_are_asked_in_seconds()
    {
        var records = new List<object> { Network(1, "10.0.0.0/8"), Site(100_001, 1, null, "192.168.0.0/16") };
        for (var id = 1; id <= 100_000; id++)
        {
            records.Add(Device(id, 1, groups: [$"g{id % 500}"]) with { AddressV4 = IpAddress.FromV4(0x0a000000u + (uint)id) });
        }

        for (var id = 1; id <= 1_000; id++)
        {
            records.Add(Application(id, 1, 100_001, $"192.168.{id / 200}.{id % 200}", Tcp(8883)));
            records.Add(ForGroup(id, $"g{id % 500}", id));
        }

        var model = Of([.. records]);
        var watch = Stopwatch.StartNew();
        var questions = new ReachQuestions(model, new ReachMap(model), _ => default);
        var rows = model.Identities.Sum(from => questions.ReachOf(from, Noon).Count());
        output.WriteLine($"{rows} rows in {watch.ElapsedMilliseconds} ms");
        rows.ShouldBe(200_000);
        watch.Elapsed.TotalSeconds.ShouldBeLessThan(60, "every device asked about every application would be more");
    }

    /// <summary>Every point is reached exactly where the model allows it, by the rule that the model names.</summary>
    private static int Compare(FleetModel model, ReachMap map, FleetModel now, Identity from, IReadOnlyList<Reach> reached, ref int across)
    {
        var allowed = 0;
        foreach (var (address, protocol, port) in Points())
        {
            var (to, inside) = model.Resolve(from.NetworkId, address);
            var decision = now.Decide(from, to, inside, protocol, port, default);
            across += decision.Allowed && to!.NetworkId != from.NetworkId ? 1 : 0;
            // Of the parts of an application the narrowest around an address is the one that it lies in.
            var found = reached.Where(reach => to is not null && reach.Application.OwnerId == to.Id && reach.Cell.Prefix.Contains(inside))
                .Where(reach => reach.Cell.Protocol == protocol && port >= reach.Cell.FromPort && (port <= reach.Cell.ToPort || protocol is IpProtocol.Icmp or IpProtocol.IcmpV6))
                .Where(reach => map.CellsOf(reach.Application).Where(cell => cell.Prefix.Contains(inside)).MaxBy(cell => cell.Prefix.Length).Prefix == reach.Cell.Prefix)
                .ToList();
            if (decision.Allowed)
            {
                allowed++;
                found.ShouldHaveSingleItem($"{from.Id} to {address} {protocol} {port}").Decision.ShouldBe(decision);
            }
            else
            {
                found.ShouldBeEmpty($"{from.Id} to {address} {protocol} {port}: {decision}");
            }
        }

        return allowed;
    }

    private static void KeepsItsTime(FleetModel model, Reach reach, Instant now)
    {
        Allowed(reach.Opens).ShouldBeTrue();
        if (reach.Opens > now)
        {
            Allowed(now).ShouldBeFalse();
            Allowed(reach.Opens - TimeSpan.FromSeconds(1)).ShouldBeFalse();
        }

        if (reach.Closes != Instant.Never)
        {
            Allowed(reach.Closes - TimeSpan.FromTicks(1)).ShouldBeTrue();
            Allowed(reach.Closes).ShouldBeFalse();
        }

        bool Allowed(Instant at) => ReachQuestions.Decide(new FleetTimeline(model).At(at), reach.From, default, reach.Application, reach.Cell).Allowed;
    }

    private static IEnumerable<(IpAddress Address, IpProtocol Protocol, ushort Port)> Points() =>
        from address in Addresses
        from service in ((IpProtocol Protocol, int Ports)[])[(address.IsV4 ? IpProtocol.Icmp : IpProtocol.IcmpV6, 1), (IpProtocol.Tcp, 8), (IpProtocol.Udp, 8)]
        from port in Enumerable.Range(0, service.Ports)
        select (address, service.Protocol, (ushort)port);
}
