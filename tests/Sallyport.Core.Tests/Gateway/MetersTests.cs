using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.OpenVpn;
using Sallyport.Core.Tests.Packets;
using static Sallyport.Core.Tests.Policy.Fleets;

namespace Sallyport.Core.Tests.Gateway;

public sealed class MetersTests
{
    private static readonly Instant Wall = Instant.FromUnixSeconds(1_800_000_000);

    [Fact]
    public void A_rate_is_kept_over_time_and_lets_a_burst_of_a_quarter_second_pass()
    {
        var (meters, limit, now, passed) = (new Meters(), new Limit { BitsPerSecond = 8_000_000 }, Wall, 0L);
        for (var i = 0; i < 40_000; i++)
        {
            passed += Take(meters, MeterKind.Rule, 7, limit, 1_000, now, Wall, out _) == DropReason.None ? 1_000 : 0;
            now += TimeSpan.FromMicroseconds(250);
        }

        // Ten seconds of a megabyte each, of four that were offered.
        passed.ShouldBeInRange(9_900_000, 10_300_000);
    }

    [Fact]
    public void A_packet_passes_even_where_the_rate_is_lower_than_a_packet_a_second()
    {
        var (meters, limit) = (new Meters(), new Limit { BitsPerSecond = 1_000 });
        Take(meters, MeterKind.Identity, 7, limit, 1_500, Wall, Wall, out _).ShouldBe(DropReason.None);
        Take(meters, MeterKind.Identity, 7, limit, 6_000, Wall, Wall, out _).ShouldBe(DropReason.RateLimited);
        Take(meters, MeterKind.Identity, 8, limit, 1_500, Wall, Wall, out _).ShouldBe(DropReason.None, "another's");
        Take(meters, MeterKind.Rule, 7, limit, 1_500, Wall, Wall, out _).ShouldBe(DropReason.None, "another's");
    }

    [Fact]
    public void A_rate_that_is_raised_holds_at_once()
    {
        var meters = new Meters();
        var narrow = new Limit { BitsPerSecond = 1_000, PacketsPerSecond = 1 };
        while (meters.TryTakeRate(MeterKind.Rule, 7, narrow, 1_500, Wall))
        {
        }

        // A second later the narrow one would still have to wait for ten; the wide one does not ask what it had promised.
        var later = Wall + TimeSpan.FromSeconds(1);
        meters.TryTakeRate(MeterKind.Rule, 7, narrow, 1_500, later).ShouldBeFalse();
        var wide = new Limit { BitsPerSecond = 1_000_000_000, PacketsPerSecond = 100_000 };
        meters.TryTakeRate(MeterKind.Rule, 7, wide, 1_500, later).ShouldBeTrue();
        meters.TryTakeRate(MeterKind.Rule, 7, narrow, 1_500, later).ShouldBeTrue("nothing is owed");
    }

    [Fact]
    public void What_a_rate_refuses_uses_up_no_volume_of_anybody()
    {
        var meters = new Meters();
        var rule = ForDevice(Gate.PumpRule, Gate.Pump, Gate.Historian) with { Limit = new Limit { VolumeBytes = 100_000 } };
        var model = Gate.Plant.With(Change(rule, Gate.Plant.Identity(Gate.Pump)! with { Limit = new Limit { PacketsPerSecond = 1 } }));
        var forwarder = new Forwarder(new FlowLimits(), new SeededEntropy(1), Gate.Start, meters: meters);
        forwarder.Adopt(model, Gate.Start);
        var refusal = new byte[Refusal.MaximumLength];
        var passed = 0L;
        for (var i = 0; i < 100; i++)
        {
            var packet = Gate.Out(TcpFlags.Syn);
            passed += forwarder.Handle(Gate.Pump, packet, Gate.Start, refusal).Kind == ForwardKind.Forward ? packet.Length : 0;
        }

        passed.ShouldBeGreaterThan(0);
        meters.Readings().ShouldHaveSingleItem().Bytes.ShouldBe(passed);
    }

    [Fact]
    public void Who_is_over_his_own_limit_takes_nothing_of_the_rules_from_others()
    {
        var rule = ForGroup(Gate.PumpRule, "pumps", Gate.Historian) with { Limit = new Limit { PacketsPerSecond = 40 } };
        var suspect = Gate.Plant.Identity(Gate.Pump)! with { Groups = ["pumps"], Limit = new Limit { PacketsPerSecond = 1 } };
        var honest = Gate.Plant.Identity(Gate.Valve)! with { Groups = ["pumps"] };
        var forwarder = new Forwarder(new FlowLimits(), new SeededEntropy(1), Gate.Start);
        forwarder.Adopt(Gate.Plant.With(Change(rule, suspect, honest)), Gate.Start);
        var (refusal, now, passed) = (new byte[Refusal.MaximumLength], Gate.Start, 0);
        for (var second = 0; second < 20; second++)
        {
            now += TimeSpan.FromSeconds(1);
            for (var i = 0; i < 100; i++)
            {
                forwarder.Handle(Gate.Pump, Gate.Out(TcpFlags.Syn), now, refusal);
            }

            for (var i = 0; i < 3; i++)
            {
                passed += forwarder.Handle(Gate.Valve, Build.Udp("10.20.0.18", 5000, Gate.HistorianV4, 5683), now, refusal).Kind == ForwardKind.Forward ? 1 : 0;
            }
        }

        passed.ShouldBe(60);
    }

    [Fact]
    public void A_volume_is_used_up_once_and_begins_anew_with_its_period()
    {
        var (meters, limit) = (new Meters(), new Limit { VolumeBytes = 2_500 });
        foreach (var last in (bool[])[false, false, true])
        {
            Take(meters, MeterKind.Rule, 7, limit, 1_000, Wall, Wall, out var usedUp).ShouldBe(DropReason.None);
            usedUp.ShouldBe(last);
        }

        Take(meters, MeterKind.Rule, 7, limit, 1, Wall, Wall, out _).ShouldBe(DropReason.VolumeUsed);
        meters.IsUsedUp(MeterKind.Rule, 7, limit, Wall).ShouldBeTrue();
        meters.IsUsedUp(MeterKind.Rule, 7, limit with { VolumeBytes = 5_000 }, Wall).ShouldBeFalse("it was given more");
        meters.IsUsedUp(MeterKind.Rule, 7, limit, Wall + TimeSpan.FromDays(1)).ShouldBeFalse();
        var reading = meters.Readings().ShouldHaveSingleItem();
        (reading.Kind, reading.Id, reading.Bytes).ShouldBe((MeterKind.Rule, 7, 3_000));

        var restarted = new Meters();
        restarted.Restore(reading);
        restarted.Restore(reading with { Bytes = 10 });
        restarted.IsUsedUp(MeterKind.Rule, 7, limit, Wall).ShouldBeTrue("what an earlier process counted still counts");
        restarted.Restore(reading with { Period = reading.Period + 1, Bytes = 10 });
        restarted.IsUsedUp(MeterKind.Rule, 7, limit, Wall + TimeSpan.FromDays(1)).ShouldBeFalse();
    }

    [Fact]
    public void What_has_not_counted_since_it_was_read_is_no_news()
    {
        var (meters, limit) = (new Meters(), new Limit { VolumeBytes = 10_000 });
        meters.AddVolume(MeterKind.Rule, 7, limit, 100, Gate.Start);
        meters.AddVolume(MeterKind.Identity, 7, limit, 200, Gate.Start);
        meters.News().Select(reading => (reading.Kind, reading.Id, reading.Bytes)).ShouldBe([(MeterKind.Rule, 7, 100), (MeterKind.Identity, 7, 200)]);
        meters.News().ShouldBeEmpty();
        meters.AddVolume(MeterKind.Identity, 7, limit, 1, Gate.Start);
        meters.News().ShouldHaveSingleItem().Bytes.ShouldBe(201);
        meters.Readings().Count.ShouldBe(2);
        meters.News().ShouldBeEmpty();
    }

    [Fact]
    public void What_many_threads_take_together_is_no_more_than_the_limit()
    {
        var meters = new Meters();
        var limit = new Limit { PacketsPerSecond = 100_000, VolumeBytes = 1_000_000_000 };
        var (passed, usedUp) = (0L, 0);
        Parallel.For(0, 4, _ =>
        {
            for (var i = 0; i < 50_000; i++)
            {
                if (Take(meters, MeterKind.Rule, 7, limit, 100_000, Wall, Wall, out var isLast) == DropReason.None)
                {
                    Interlocked.Increment(ref passed);
                }

                Interlocked.Add(ref usedUp, isLast ? 1 : 0);
            }
        });

        // A quarter of a second's worth would be 25,000; the volume ends it before, after 10,000 packets.
        passed.ShouldBeInRange(10_000, 10_003);
        usedUp.ShouldBe(1);
    }

    [Fact]
    public void Every_id_has_a_place_of_its_own_whoever_asks_first()
    {
        var situations = new Situations();
        int[] ids = [0, 1, 255, 256, 257, 511, 767, 768, 1_000, 65_535, 1_000_000, 16_777_216, int.MaxValue];
        Parallel.For(0, 4, _ =>
        {
            foreach (var id in ids)
            {
                situations.Set(id, 1, new Situation(TunnelProtocol.OpenVpnUdp, TunnelCipher.Aes256Gcm, new IpAddress((UInt128)id)));
                situations.Of(id).Source.Bits.ShouldBe((UInt128)id);
            }
        });
        foreach (var id in ids)
        {
            situations.Of(id).Source.Bits.ShouldBe((UInt128)id);
        }

        situations.Of(2).ShouldBe(default);
        situations.Of(-1).ShouldBe(default);
        var meters = new Meters();
        foreach (var id in ids)
        {
            Take(meters, MeterKind.Identity, id, new Limit { VolumeBytes = 1_000_000 }, 1 + ids.IndexOf(id), Wall, Wall, out _);
        }

        meters.Readings().Select(reading => (reading.Id, reading.Bytes)).ShouldBe(ids.Select((id, i) => (id, i + 1L)));
    }

    [Fact]
    public void A_reader_sees_one_situation_or_another_and_never_parts_of_two()
    {
        var situations = new Situations();
        var (stop, torn) = (false, 0);
        var writers = Enumerable.Range(1, 2).Select(n => new Thread(() =>
        {
            var own = new Situation((TunnelProtocol)n, (TunnelCipher)n, new IpAddress(n == 1 ? UInt128.MaxValue : 0));
            while (!Volatile.Read(ref stop))
            {
                situations.Set(7, 1, own);
            }
        })).ToList();
        writers.ForEach(writer => writer.Start());
        for (var i = 0; i < 200_000; i++)
        {
            var (protocol, cipher, source) = situations.Of(7);
            torn += (int)protocol != (int)cipher || (protocol == TunnelProtocol.OpenVpnUdp) != (source.Bits == UInt128.MaxValue) ? 1 : 0;
        }

        Volatile.Write(ref stop, true);
        writers.ForEach(writer => writer.Join());
        torn.ShouldBe(0);
    }

    [Fact]
    public void A_tunnel_that_another_one_has_replaced_says_nothing_any_more()
    {
        var situations = new Situations();
        var (old, young) = (Over(TunnelProtocol.OpenVpnUdp, "203.0.113.9"), Over(TunnelProtocol.OpenVpnTcp, "198.51.100.1"));
        situations.Set(7, 1, old).ShouldBeTrue();
        var version = situations.VersionOf(7);
        situations.Set(7, 1, old).ShouldBeFalse("nothing is new");
        situations.VersionOf(7).ShouldBe(version);
        situations.Set(7, 2, young).ShouldBeTrue();
        situations.VersionOf(7).ShouldNotBe(version);
        situations.Set(7, 1, old).ShouldBeFalse();
        situations.Of(7).ShouldBe(young);
        situations.Changes.ShouldBe(2);
        situations.Set(7, 2, Over(TunnelProtocol.OpenVpnTcp, "198.51.100.2")).ShouldBeTrue("it moves");
    }

    [Fact]
    public void The_next_packet_is_judged_by_where_its_peer_is_now_though_nobody_was_told()
    {
        var situations = new Situations();
        var shards = Enumerable.Range(0, 2).Select(shard =>
            new Forwarder(new FlowLimits(), new SeededEntropy(1), Gate.Start, (ushort)shard, 2, situations)).ToList();
        shards.ForEach(shard => shard.Adopt(FromOffice(), Gate.Start));
        situations.Set(Gate.Pump, 1, Over(TunnelProtocol.OpenVpnUdp, "203.0.113.9"));
        var refusal = new byte[Refusal.MaximumLength];
        shards[0].Handle(Gate.Pump, Gate.Out(TcpFlags.Syn), Gate.Start, refusal).Kind.ShouldBe(ForwardKind.Forward);
        shards[1].HandleHandedOver(Gate.Pump, Gate.Out(TcpFlags.Syn), Gate.Start).Kind.ShouldBe(ForwardKind.Forward);
        situations.Set(Gate.Pump, 1, Over(TunnelProtocol.OpenVpnUdp, "198.51.100.1"));
        shards[1].Handle(Gate.Hq, Gate.Back(TcpFlags.Syn | TcpFlags.Ack), Gate.Start, refusal).Reason.ShouldBe(DropReason.NoRule);
        shards[0].Handle(Gate.Pump, Gate.Out(TcpFlags.Ack), Gate.Start, refusal).Reason.ShouldBe(DropReason.NoRule);
        situations.Set(Gate.Pump, 1, Over(TunnelProtocol.OpenVpnUdp, "203.0.113.77"));
        shards[0].Handle(Gate.Pump, Gate.Out(TcpFlags.Ack), Gate.Start, refusal).Kind.ShouldBe(ForwardKind.Forward);
        shards[1].Handle(Gate.Hq, Gate.Back(TcpFlags.Ack), Gate.Start, refusal).Kind.ShouldBe(ForwardKind.Forward);
    }

    /// <summary>One packet under one limit alone.</summary>
    private static DropReason Take(Meters meters, MeterKind kind, int id, Limit limit, int length, Instant now, Instant asOf, out bool usedUp)
    {
        usedUp = false;
        if (meters.IsUsedUp(kind, id, limit, asOf))
        {
            return DropReason.VolumeUsed;
        }

        if (!meters.TryTakeRate(kind, id, limit, length, now))
        {
            return DropReason.RateLimited;
        }

        usedUp = meters.AddVolume(kind, id, limit, length, asOf);
        return DropReason.None;
    }

    private static Situation Over(TunnelProtocol protocol, string source) => new(protocol, TunnelCipher.Aes256Gcm, IpAddress.Parse(source));

    private static FleetModel FromOffice() => Gate.Plant.With(ForDevice(Gate.PumpRule, Gate.Pump, Gate.Historian) with
    {
        Conditions = new RuleConditions { Sources = [IpPrefix.Parse("203.0.113.0/24")] },
    });

    [Fact]
    public void Forwarders_that_share_meters_and_situations_keep_one_limit_and_one_view()
    {
        var (meters, situations) = (new Meters(), new Situations());
        var model = Gate.Plant.With(ForDevice(Gate.PumpRule, Gate.Pump, Gate.Historian) with
        {
            Limit = new Limit { PacketsPerSecond = 1 },
            Conditions = new RuleConditions { Sources = [IpPrefix.Parse("203.0.113.0/24")] },
        });
        var shards = Enumerable.Range(0, 2).Select(shard =>
            new Forwarder(new FlowLimits(), new SeededEntropy(1), Gate.Start, (ushort)shard, 2, situations, meters)).ToList();
        shards.ForEach(shard => shard.Adopt(model, Gate.Start));
        var refusal = new byte[Refusal.MaximumLength];
        shards[0].Handle(Gate.Pump, Gate.Out(TcpFlags.Syn), Gate.Start, refusal).Reason.ShouldBe(DropReason.NoRule, "it has no tunnel");
        situations.Set(Gate.Pump, 1, new Situation(TunnelProtocol.OpenVpnUdp, TunnelCipher.Aes256Gcm, IpAddress.Parse("203.0.113.9"))).ShouldBeTrue();
        shards[0].Reconsider(Gate.Start);
        for (var i = 0; i < 4; i++)
        {
            shards[0].Handle(Gate.Pump, Gate.Out(TcpFlags.Syn), Gate.Start, refusal).Kind.ShouldBe(ForwardKind.Forward, $"packet {i}");
            shards[1].HandleHandedOver(Gate.Pump, Gate.Out(TcpFlags.Syn), Gate.Start).Kind.ShouldBe(ForwardKind.Forward, "what was counted is not counted again");
        }

        shards[1].Handle(Gate.Hq, Gate.Back(TcpFlags.Syn | TcpFlags.Ack), Gate.Start, refusal).Reason.ShouldBe(DropReason.RateLimited, "the other way is the same limit");
        situations.Set(Gate.Pump, 1, new Situation(TunnelProtocol.OpenVpnUdp, TunnelCipher.Aes256Gcm, IpAddress.Parse("198.51.100.1")));
        shards[0].Reconsider(Gate.Start).FlowsCut.ShouldBe(1);
        shards[1].Reconsider(Gate.Start).FlowsCut.ShouldBe(0, "its end of the conversation is told by the other");
        shards[1].Handle(Gate.Hq, Gate.Back(TcpFlags.Syn | TcpFlags.Ack), Gate.Start, refusal).Kind.ShouldNotBe(ForwardKind.Forward);
    }
}
