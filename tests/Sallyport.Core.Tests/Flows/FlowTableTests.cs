using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Nat;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.OpenVpn;

namespace Sallyport.Core.Tests.Flows;

public sealed class FlowTableTests
{
    private static readonly Instant Start = Instant.FromUnixSeconds(1_800_000_000);

    [Fact]
    public void Agrees_with_a_dictionary_over_random_operations()
    {
        for (var seed = 0; seed < 10; seed++)
        {
            var random = new SeededEntropy((ulong)seed);
            var limits = new FlowLimits { Capacity = 64, DeniedCapacity = 32, EndedBacklog = 1000, AllowedPerIdentity = 40, DeniedPerIdentity = 20 };
            var table = new FlowTable(limits, new IdentityShares<IdentityShare>(), new TranslationTable(new SeededEntropy(9)), random, Start, shard: 3);
            var model = new Dictionary<FlowKey, Entry>();
            var byId = new Dictionary<long, Entry>();
            var now = Start;
            for (var step = 0; step < 2_000; step++)
            {
                var key = Key(random.Below(150));
                var index = table.Find(key);
                (index >= 0).ShouldBe(model.ContainsKey(key));
                switch (random.Below(8))
                {
                    case 0 or 1 or 2 when index < 0:
                        var allowed = random.Below(2) == 0;
                        index = table.Begin(key, openerIsLow: true, 1 + random.Below(4), 9, Verdict(allowed), now);
                        if (index >= 0)
                        {
                            var lifetime = TimeSpan.FromSeconds(1 + random.Below(900));
                            table.Touch(index, fromOpener: true, 100, lifetime, now);
                            var entry = new Entry { Deadline = now + lifetime, Allowed = allowed, Packets = 1 };
                            model[key] = entry;
                            byId[table[index].Id] = entry;
                        }

                        break;
                    case 3 or 4 when index >= 0:
                        var longer = TimeSpan.FromSeconds(1 + random.Below(900));
                        table.Touch(index, fromOpener: random.Below(2) == 0, 100, longer, now);
                        model[key].Deadline = now + longer;
                        model[key].Packets++;
                        break;
                    case 5 when index >= 0:
                        var next = !model[key].Allowed;
                        if (table.Judge(index, Verdict(next, step)))
                        {
                            model[key].Allowed = next;
                        }

                        break;
                    case 6 when index >= 0:
                        table.End(index);
                        break;
                    case 7:
                        now += TimeSpan.FromSeconds(random.Below(random.Below(20) == 0 ? 3000 : 20));
                        table.HandleTimeout(now);
                        break;
                    default:
                        break;
                }

                while (table.TryDequeue(out var record))
                {
                    record.FlowId.ShouldBeGreaterThan(3L << 48);
                    var entry = byId[record.FlowId];
                    (record.PacketsOut + record.PacketsBack).ShouldBe(entry.Packets);
                    record.Allowed.ShouldBe(entry.Allowed);
                    if (record.Ended)
                    {
                        // Ended by its time, by name, or to make room; never without a record.
                        byId.Remove(record.FlowId);
                        model.Remove(model.Single(pair => pair.Value == entry).Key);
                    }
                }

                model.Values.All(entry => entry.Deadline > now).ShouldBeTrue();
                table.AllowedCount.ShouldBe(model.Values.Count(entry => entry.Allowed));
                table.DeniedCount.ShouldBe(model.Values.Count(entry => !entry.Allowed));
                table.AllowedCount.ShouldBeLessThanOrEqualTo(64);
                (table.AllowedCount + table.DeniedCount).ShouldBeLessThanOrEqualTo(96);
                table.RecordsLost.ShouldBe(0);
            }
        }
    }

    [Fact]
    public void Records_that_nobody_fetches_merge_and_only_the_oldest_last_ones_are_given_up()
    {
        var limits = new FlowLimits { Capacity = 16, EndedBacklog = 5 };
        var table = new FlowTable(limits, new IdentityShares<IdentityShare>(), new TranslationTable(new SeededEntropy(9)), new SeededEntropy(1), Start, shard: 0);
        for (var flow = 0; flow < 1000; flow++)
        {
            var index = table.Begin(Key(flow), true, 1, 2, Verdict(true), Start);
            for (var packet = 0; packet <= flow % 7; packet++)
            {
                table.Touch(index, fromOpener: true, 10, limits.Udp, Start);
            }

            table.Judge(index, Verdict(false, epoch: 2));
            table.End(index);
        }

        table.RecordsLost.ShouldBe(995);
        table.Extent.ShouldBeLessThanOrEqualTo(limits.Capacity + limits.DeniedCapacity + limits.EndedBacklog + 1);
        var records = new List<FlowRecord>();
        while (table.TryDequeue(out var record))
        {
            records.Add(record);
        }

        records.Select(record => record.FlowId).ShouldBe([996, 997, 998, 999, 1000]);
        records.ShouldAllBe(record => record.Ended && !record.Allowed
            && record.Changes == (FlowChanges.Began | FlowChanges.VerdictChanged | FlowChanges.CountersMoved | FlowChanges.Ended)
            && record.PacketsOut == ((record.FlowId - 1) % 7) + 1);
    }

    [Fact]
    public void Counters_are_reported_five_seconds_after_the_first_packet_that_was_not()
    {
        var limits = new FlowLimits();
        var table = new FlowTable(limits, new IdentityShares<IdentityShare>(), new TranslationTable(new SeededEntropy(9)), new SeededEntropy(1), Start, shard: 0);
        var index = table.Begin(Key(1), true, 1, 2, Verdict(true), Start);
        table.Touch(index, fromOpener: true, 10, limits.Udp, Start);
        table.TryDequeue(out var began).ShouldBeTrue();
        (began.Changes & FlowChanges.Began, began.PacketsOut).ShouldBe((FlowChanges.Began, 1));
        var now = Start + TimeSpan.FromSeconds(1);
        table.Touch(index, fromOpener: false, 30, limits.Udp, now);
        table.NextDeadline.ShouldBe(now + limits.ReportEvery);
        table.Touch(index, fromOpener: false, 30, limits.Udp, now + TimeSpan.FromSeconds(3));
        table.HandleTimeout(now + limits.ReportEvery - TimeSpan.FromMicroseconds(1));
        table.TryDequeue(out _).ShouldBeFalse();
        table.HandleTimeout(now + limits.ReportEvery);
        table.TryDequeue(out var moved).ShouldBeTrue();
        (moved.Changes, moved.PacketsBack, moved.BytesBack).ShouldBe((FlowChanges.CountersMoved, 2, 60));
        table.TryDequeue(out _).ShouldBeFalse();
        table.HandleTimeout(now + TimeSpan.FromSeconds(60));
        table.TryDequeue(out _).ShouldBeFalse();
    }

    [Fact]
    public void The_timer_keeps_to_its_budget_and_says_that_there_is_more()
    {
        var limits = new FlowLimits { Capacity = 1000, AllowedPerIdentity = 1000, TimerBudget = 100 };
        var table = new FlowTable(limits, new IdentityShares<IdentityShare>(), new TranslationTable(new SeededEntropy(9)), new SeededEntropy(1), Start, shard: 0);
        for (var flow = 0; flow < 1000; flow++)
        {
            table.Touch(table.Begin(Key(flow), true, 1, 2, Verdict(true), Start), true, 10, TimeSpan.FromSeconds(7), Start);
        }

        table.HandleTimeout(Start + TimeSpan.FromSeconds(6.9));
        table.AllowedCount.ShouldBe(1000);
        var now = Start + TimeSpan.FromSeconds(7);
        for (var left = 900; left >= 0; left -= 100)
        {
            table.NextDeadline.ShouldBeLessThanOrEqualTo(now);
            table.HandleTimeout(now);
            table.AllowedCount.ShouldBe(left);
        }
    }

    [Fact]
    public void A_deadline_beyond_the_wheel_is_kept()
    {
        var table = new FlowTable(new FlowLimits(), new IdentityShares<IdentityShare>(), new TranslationTable(new SeededEntropy(9)), new SeededEntropy(1), Start, shard: 0);
        var index = table.Begin(Key(1), true, 1, 2, Verdict(true), Start);
        table.Touch(index, true, 10, TimeSpan.FromHours(2), Start);
        for (var at = Start; at < Start + TimeSpan.FromHours(2);)
        {
            table.HandleTimeout(at);
            table.AllowedCount.ShouldBe(1);
            while (table.TryDequeue(out _))
            {
            }

            table.NextDeadline.ShouldBeGreaterThan(at);
            at = table.NextDeadline;
        }

        table.HandleTimeout(Start + TimeSpan.FromHours(2));
        table.AllowedCount.ShouldBe(0);
        table.NextDeadline.ShouldBe(Instant.Never);
    }

    [Fact]
    public void Limits_that_make_no_sense_are_a_bug_of_the_caller() =>
        Should.Throw<InvariantException>(() => new FlowTable(
            new FlowLimits { Capacity = 0 }, new IdentityShares<IdentityShare>(), new TranslationTable(new SeededEntropy(9)), new SeededEntropy(1), Start, shard: 0));

    private static FlowKey Key(int number) =>
        new(1 + (number % 2), IpProtocol.Udp, IpAddress.FromV4(10), IpAddress.FromV4(20), (uint)number, 53);

    private static Judgement Verdict(bool allowed, int epoch = 1) =>
        new(allowed ? Decision.Allow(5, 6) : Decision.Deny(DropReason.NoRule, 6), new Standing(epoch, 0));

    private sealed class Entry
    {
        public Instant Deadline { get; set; }

        public bool Allowed { get; set; }

        public long Packets { get; set; }
    }
}
