using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.OpenVpn;

namespace Sallyport.Core.Tests.Policy;

public sealed class TimeWindowTests
{
    private const int Hour = 3600;
    private const WeekDays WorkingDays = WeekDays.Monday | WeekDays.Tuesday | WeekDays.Wednesday | WeekDays.Thursday | WeekDays.Friday;

    [Theory]
    [InlineData("2026-01-05 06:59:59", false)] // a Monday, 07:59:59 in Vienna
    [InlineData("2026-01-05 07:00:00", true)]
    [InlineData("2026-01-05 15:59:59", true)]
    [InlineData("2026-01-05 16:00:00", false)]
    [InlineData("2026-07-06 06:00:00", true)] // the same hours in summer are an hour earlier
    [InlineData("2026-07-06 15:00:00", false)]
    [InlineData("2026-01-10 10:00:00", false)] // a Saturday
    [InlineData("1969-12-31 10:00:00", true)] // a Wednesday before time began
    public void Hours_are_those_of_the_wall_clock(string utc, bool isOpen)
    {
        var window = Vienna(WorkingDays, 8 * Hour, 17 * Hour);
        window.IsOpenAt(Zones.Unix(utc)).ShouldBe(isOpen);
    }

    [Fact]
    public void A_night_belongs_to_the_day_on_which_it_begins()
    {
        var window = Vienna(WeekDays.Friday, 22 * Hour, 6 * Hour);
        window.IsOpenAt(Zones.Unix("2026-01-09 20:59:59")).ShouldBeFalse();
        window.IsOpenAt(Zones.Unix("2026-01-09 21:00:00")).ShouldBeTrue();
        window.IsOpenAt(Zones.Unix("2026-01-10 04:59:59")).ShouldBeTrue();
        window.IsOpenAt(Zones.Unix("2026-01-10 05:00:00")).ShouldBeFalse();
        window.IsOpenAt(Zones.Unix("2026-01-09 02:00:00")).ShouldBeFalse("that night began on Thursday");
    }

    [Fact]
    public void Where_the_clocks_skip_a_boundary_it_counts_at_that_moment()
    {
        // 29 March 2026: 02:00 is 03:00 in Vienna.
        var opens = Vienna(WeekDays.All, (2 * Hour) + 1800, 5 * Hour);
        opens.NextChange(Zones.Unix("2026-03-29 00:00:00")).ShouldBe(Zones.Unix("2026-03-29 01:00:00"));
        var closes = Vienna(WeekDays.All, Hour, (2 * Hour) + 1800);
        closes.NextChange(Zones.Unix("2026-03-29 00:30:00")).ShouldBe(Zones.Unix("2026-03-29 01:00:00"));
    }

    [Fact]
    public void Hours_that_the_clocks_skip_whole_come_a_week_later()
    {
        var window = Vienna(WeekDays.Sunday, 2 * Hour, 3 * Hour);
        window.NextChange(Zones.Unix("2026-03-22 02:00:00")).ShouldBe(Zones.Unix("2026-04-05 00:00:00"));
    }

    [Fact]
    public void An_hour_that_comes_twice_counts_twice()
    {
        // 25 October 2026: 03:00 is 02:00 in Vienna, at 01:00 UTC.
        var window = Vienna(WeekDays.Sunday, Hour, (2 * Hour) + 1800);
        var at = Zones.Unix("2026-10-24 23:30:00");
        window.IsOpenAt(at).ShouldBeTrue();
        foreach (var next in new[] { "2026-10-25 00:30:00", "2026-10-25 01:00:00", "2026-10-25 01:30:00", "2026-11-01 00:00:00" })
        {
            at = window.NextChange(at);
            at.ShouldBe(Zones.Unix(next));
        }
    }

    [Fact]
    public void What_is_always_open_or_never_has_no_next_change()
    {
        var now = Zones.Unix("2026-03-28 12:00:00");
        Vienna(WeekDays.All, 5 * Hour, 5 * Hour).NextChange(now).ShouldBe(long.MaxValue);
        Vienna(WeekDays.All, 0, 24 * Hour).NextChange(now).ShouldBe(long.MaxValue);
        Vienna(WeekDays.None, 0, 5 * Hour).NextChange(now).ShouldBe(long.MaxValue);
    }

    [Fact]
    public void Any_window_of_any_zone_is_open_when_the_calendar_says_so_and_changes_when_it_says_it_will()
    {
        var random = new SeededEntropy(11);
        var begin = Zones.Unix("2011-06-01 00:00:00");
        for (var round = 0; round < 2000; round++)
        {
            var window = Any(random);
            var now = begin + random.Below(20 * 365 * 86_400);
            var open = window.IsOpenAt(now);
            open.ShouldBe(Zones.IsOpen(window, now), $"{window} at {now}");
            var next = window.NextChange(now);
            var last = Math.Min(next, now + (16 * 86_400));

            // All boundaries here are on quarters of an hour.
            for (var at = now - (now % 900) + 900; at < last; at += 900)
            {
                Zones.IsOpen(window, at).ShouldBe(open, $"{window} at {now}, next {next}");
            }

            if (next != long.MaxValue)
            {
                Zones.IsOpen(window, next).ShouldBe(!open, $"{window} at {now}");
                Zones.IsOpen(window, next - 1).ShouldBe(open, $"{window} at {now}");
            }
        }
    }

    [Fact]
    public void Where_one_window_follows_another_nothing_changes()
    {
        var weekend = new RuleTime(Instant.Never, [Vienna(WeekDays.Friday, 22 * Hour, 24 * Hour), Vienna(WeekDays.Saturday, 0, 6 * Hour)]);
        weekend.NextChange(At("2026-01-09 22:00:00")).ShouldBe(At("2026-01-10 05:00:00"));
        var inside = new RuleTime(Instant.Never, [Vienna(WeekDays.All, 8 * Hour, 17 * Hour), Vienna(WeekDays.Saturday, 9 * Hour, 10 * Hour)]);
        inside.NextChange(At("2026-01-10 07:30:00")).ShouldBe(At("2026-01-10 16:00:00"));
        var always = new RuleTime(At("2026-02-01 00:00:00"), [Vienna(WeekDays.All, 0, 12 * Hour), Vienna(WeekDays.All, 12 * Hour, 24 * Hour)]);
        always.NextChange(At("2026-01-10 07:30:00")).ShouldBe(At("2026-02-01 00:00:00"));
        var late = new RuleTime(At("2026-01-10 07:00:00"), [Vienna(WeekDays.Sunday, 0, 12 * Hour)]);
        late.NextChange(At("2026-01-09 07:00:00")).ShouldBe(At("2026-01-10 07:00:00"), "it ends before its hours come");
    }

    [Fact]
    public void A_rule_is_in_force_until_its_end_and_only_in_its_hours()
    {
        var (morning, evening) = (Vienna(WeekDays.All, 6 * Hour, 8 * Hour), Vienna(WeekDays.All, 18 * Hour, 20 * Hour));
        var time = new RuleTime(At("2026-01-06 06:30:00"), [morning, evening]);
        time.IsInForce(At("2026-01-05 05:30:00")).ShouldBeTrue();
        time.IsInForce(At("2026-01-05 08:00:00")).ShouldBeFalse();
        time.NextChange(At("2026-01-05 08:00:00")).ShouldBe(At("2026-01-05 17:00:00"));
        time.IsInForce(At("2026-01-05 17:00:00")).ShouldBeTrue();
        time.NextChange(At("2026-01-06 05:10:00")).ShouldBe(At("2026-01-06 06:30:00"), "before the window closes");
        time.IsInForce(At("2026-01-06 06:30:00")).ShouldBeFalse();
        time.NextChange(At("2026-01-06 06:30:00")).ShouldBe(Instant.Never);
        RuleTime.Always.NextChange(At("2026-01-06 06:30:00")).ShouldBe(Instant.Never);
    }

    internal static TimeWindow Any(SeededEntropy random) => new(
        (WeekDays)random.Below(128), random.Below(96) * 900, random.Below(97) * 900, Zones.Clock(Zones.Names[random.Below(Zones.Names.Length)]));

    private static Instant At(string utc) => Instant.FromUnixSeconds(Zones.Unix(utc));

    private static TimeWindow Vienna(WeekDays days, int from, int to) => new(days, from, to, Zones.Clock("Europe/Vienna"));
}
