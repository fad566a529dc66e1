using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.OpenVpn.Door;

/// <summary>How often one credential may begin a session.</summary>
public class SessionLimitTests
{
    private static readonly Instant Start = DoorFixture.Start;

    [Fact]
    public void A_credential_begins_a_burst_and_then_one_each_interval()
    {
        var fixture = new DoorFixture();
        for (var i = 0; i < OpenVpnLimits.SessionBurst; i++)
        {
            ComeIn(fixture, Start).IsCounted.ShouldBeTrue();
        }

        fixture.ShouldDrop(fixture.Welcomed("v2").Control(), DropReason.SessionRateLimited);
        var later = Start + OpenVpnLimits.SessionInterval;
        ComeIn(fixture, later);
        fixture.ShouldDrop(fixture.Welcomed("v2", later).Control(), DropReason.SessionRateLimited, later);
    }

    [Fact]
    public void A_connection_counts_as_well_when_its_peer_has_answered()
    {
        var fixture = new DoorFixture();
        for (var i = 0; i < OpenVpnLimits.SessionBurst; i++)
        {
            using var admission = fixture.ShouldAdmit(fixture.Visit("v2").Reset(), isStream: true);
            fixture.Door.TryCount(admission.WrappedKeyId, Start).ShouldBeTrue();
        }

        fixture.Door.TryCount(DoorFixture.KnownId, Start).ShouldBeFalse();
        fixture.ShouldDrop(fixture.Welcomed("v2").Control(), DropReason.SessionRateLimited);
    }

    [Fact]
    public void Resets_alone_use_nothing_up()
    {
        var fixture = new DoorFixture();
        for (var i = 0; i < 10 * OpenVpnLimits.SessionBurst; i++)
        {
            fixture.Welcomed("v2");
        }

        ComeIn(fixture, Start);
    }

    [Fact]
    public void A_captured_reset_of_a_2_5_client_uses_nothing_up()
    {
        var fixture = new DoorFixture();
        var captured = fixture.Visit("v2 of 2.5").Reset();
        for (var i = 0; i < 10 * OpenVpnLimits.SessionBurst; i++)
        {
            using var admission = fixture.ShouldAdmit(captured, from: DoorFixture.Address with { Port = (ushort)(i + 1) });
            admission.IsCounted.ShouldBeFalse();
        }

        ComeIn(fixture, Start);
    }

    [Fact]
    public void A_captured_reset_over_TCP_uses_nothing_up()
    {
        var fixture = new DoorFixture();
        var captured = fixture.Visit("v2").Reset();
        for (var i = 0; i < 10 * OpenVpnLimits.SessionBurst; i++)
        {
            using var admission = fixture.ShouldAdmit(captured, isStream: true);
            admission.IsCounted.ShouldBeFalse();
        }

        ComeIn(fixture, Start);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(10)]
    public void A_device_that_flaps_for_hours_is_never_locked_out_longer_than_an_interval(int attemptsEach3Seconds)
    {
        var limiter = new SessionLimiter();
        var lastIn = Start;
        for (var now = Start; now - Start < TimeSpan.FromHours(2); now += TimeSpan.FromSeconds(3))
        {
            for (var i = 0; i < attemptsEach3Seconds; i++)
            {
                lastIn = limiter.TryTake(1, now) ? now : lastIn;
            }

            (now - lastIn).ShouldBe(TimeSpan.Zero, "one in three seconds always comes in");
        }
    }

    [Fact]
    public void A_fleet_that_restarts_together_comes_in_at_once()
    {
        var limiter = new SessionLimiter();
        for (var device = 0u; device < OpenVpnLimits.SessionBuckets; device++)
        {
            limiter.TryTake(device, Start).ShouldBeTrue();
        }
    }

    [Fact]
    public void Its_memory_is_bounded_and_forgets_the_idle_first()
    {
        var limiter = new SessionLimiter();
        var later = Start + (2 * OpenVpnLimits.SessionBurst * OpenVpnLimits.SessionInterval);
        for (var device = 0u; device < OpenVpnLimits.SessionBuckets - 1; device++)
        {
            limiter.TryTake(device, Start);
        }

        for (var i = 0; i < OpenVpnLimits.SessionBurst; i++)
        {
            limiter.TryTake(uint.MaxValue, later).ShouldBeTrue();
        }

        limiter.TryTake(uint.MaxValue - 1, later).ShouldBeTrue();
        limiter.Count.ShouldBe(2);
        limiter.TryTake(uint.MaxValue, later).ShouldBeFalse("it was not forgotten");
        for (var device = 0u; device < 3 * OpenVpnLimits.SessionBuckets; device++)
        {
            limiter.TryTake(device, later);
            limiter.Count.ShouldBeLessThanOrEqualTo(OpenVpnLimits.SessionBuckets);
        }
    }

    private static Admission ComeIn(DoorFixture fixture, Instant now)
    {
        var admission = fixture.ShouldAdmit(fixture.Welcomed("v2", now).Control(), now);
        admission.Dispose();
        return admission;
    }
}
