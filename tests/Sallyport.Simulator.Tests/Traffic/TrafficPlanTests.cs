using Sallyport.Core.Primitives;
using Sallyport.Simulator.Traffic;

namespace Sallyport.Simulator.Tests.Traffic;

public sealed class TrafficPlanTests
{
    private static readonly Instant Start = Instant.FromUnixSeconds(1000);

    [Fact]
    public void Telemetry_speaks_once_in_an_interval_from_its_own_place_in_it()
    {
        var profile = TrafficProfile.Telemetry;
        var plan = TrafficPlan.Start(profile, Start, phase: 0.25);
        plan.NextDue(profile).ShouldBe(Start + TimeSpan.FromSeconds(2.5));
        plan.Take(profile, Start + TimeSpan.FromSeconds(2.4)).ShouldBe(0);
        plan.Take(profile, Start + TimeSpan.FromSeconds(2.5)).ShouldBe(1);
        plan.Take(profile, Start + TimeSpan.FromSeconds(2.5)).ShouldBe(0);
        plan.NextDue(profile).ShouldBe(Start + TimeSpan.FromSeconds(12.5));
    }

    [Fact]
    public void A_camera_sends_its_picture_in_one_burst()
    {
        var profile = TrafficProfile.Camera;
        var plan = TrafficPlan.Start(profile, Start, phase: 0);
        plan.Take(profile, Start).ShouldBe(12);
        plan.NextDue(profile).ShouldBe(Start + TimeSpan.FromMilliseconds(40));
    }

    [Fact]
    public void After_a_long_delay_it_catches_up_with_little_and_goes_on_from_there()
    {
        var profile = TrafficProfile.Camera;
        var plan = TrafficPlan.Start(profile, Start, phase: 0);
        var late = Start + TimeSpan.FromSeconds(10);
        plan.Take(profile, late).ShouldBe(4 * 12);
        plan.NextDue(profile).ShouldBe(late + TimeSpan.FromMilliseconds(40));
    }

    [Fact]
    public void A_download_keeps_its_window_full()
    {
        var profile = TrafficProfile.Firmware;
        var plan = TrafficPlan.Start(profile, Start, phase: 0.9);
        plan.Take(profile, Start).ShouldBe(8);
        plan.Take(profile, Start).ShouldBe(0);
        plan.Answered(Start);
        plan.NextDue(profile).ShouldBeLessThanOrEqualTo(Start);
        plan.Take(profile, Start).ShouldBe(1);
        plan.Open.ShouldBe(8);
    }

    [Fact]
    public void Questions_that_nobody_answers_are_asked_again_after_a_second()
    {
        var profile = TrafficProfile.Firmware;
        var plan = TrafficPlan.Start(profile, Start, phase: 0);
        plan.Take(profile, Start);
        plan.NextDue(profile).ShouldBe(Start + TrafficPlan.AnswerPatience);
        plan.Take(profile, Start + TrafficPlan.AnswerPatience - TimeSpan.FromTicks(1)).ShouldBe(0);
        plan.Take(profile, Start + TrafficPlan.AnswerPatience).ShouldBe(8);
    }

    [Fact]
    public void Idle_never_speaks()
    {
        var plan = TrafficPlan.Start(TrafficProfile.Idle, Start, phase: 0);
        plan.NextDue(TrafficProfile.Idle).ShouldBe(Instant.Never);
        plan.Take(TrafficProfile.Idle, Start + TimeSpan.FromDays(1)).ShouldBe(0);
    }

    [Fact]
    public void A_rate_is_that_of_the_whole_fleet() =>
        TrafficProfile.Telemetry.AtRate(packetsPerSecond: 500, devices: 1000).Interval.ShouldBe(TimeSpan.FromSeconds(2));
}
