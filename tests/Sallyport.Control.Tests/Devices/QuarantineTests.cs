using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Nodes;
using Sallyport.Api.Rules;
using Sallyport.Api.Sites;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Devices;

public sealed class QuarantineTests
{
    [Theory]
    [InlineData("throttled", true, "throttled")]
    [InlineData("management", true, "management")]
    [InlineData("forensic", true, "forensic")]
    [InlineData("dark", false, "")]
    [InlineData(null, false, "")]
    public async Task A_degree_is_what_the_gateways_are_told_and_release_takes_it_back(string? degree, bool active, string told)
    {
        await using var world = await WorldAsync();
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        var shutting = world.Client.QuarantineDeviceToAsync(
            "pump-17", new QuarantineRequest { Degree = degree, Reason = "talks too much", Application = degree == "forensic" ? "historian" : null });
        var delta = await gateway.ReceiveAsync<Delta>();
        var model = delta.Identities.Single();
        (model.Active, model.Quarantine).ShouldBe((active, told));
        model.ForensicApplicationId.ShouldBe(degree == "forensic" ? 1 : 0);
        model.Limit?.BitsPerSecond.ShouldBe(64_000);
        (model.Limit is not null).ShouldBe(degree == "throttled");
        await gateway.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt + 2_000_000, delta.CommittedAt, active ? 0 : 1, 2));
        (await shutting).FlowsCut.ShouldBe(2);
        var pump = await world.Client.GetDeviceAsync("pump-17");
        (pump.State, pump.StateReason, pump.Quarantine!.Degree, pump.Quarantine.Until).ShouldBe(("quarantined", "talks too much", degree ?? "dark", null));
        (await world.Client.ListAuditAsync(action: "device.quarantine")).Items.Single().Summary!.ShouldStartWith($"device pump-17 quarantined: {degree ?? "dark"}");
        (await world.Client.ListAuditAsync(action: "device.quarantine.enforced")).Items.Single().Summary!.ShouldContain("2 flows");

        await world.Client.ReleaseDeviceAsync("pump-17", null);
        var released = (await gateway.ReceiveAsync<Delta>()).Identities.Single();
        (released.Active, released.Quarantine, released.Limit).ShouldBe((true, "", null));
        (await world.Client.GetDeviceAsync("pump-17")).Quarantine.ShouldBeNull();
    }

    [Fact]
    public async Task A_quarantine_ends_by_the_clock_and_may_be_deepened_before()
    {
        await using var world = await WorldAsync();
        await world.Client.QuarantineDeviceToAsync("pump-17", new QuarantineRequest { Degree = "throttled", Rate = "8kbit" });
        await world.Client.QuarantineDeviceToAsync("pump-17", new QuarantineRequest { Degree = "management", For = "1s" });
        (await world.Client.ListAuditAsync(action: "device.quarantine")).Items.Select(record => record.Summary!.Split(';')[0]).ShouldBe(
            ["device pump-17 quarantined: management", "device pump-17 quarantined: throttled"]);
        await ControlWorld.UntilAsync(async () => (await world.Client.GetDeviceAsync("pump-17")).State == "active");
        var released = (await world.Client.ListAuditAsync(action: "device.release")).Items.Single();
        (released.Actor, released.Summary).ShouldBe(("system", "device pump-17 released: the time of its quarantine is over"));
    }

    [Fact]
    public async Task Sites_are_shut_out_by_degrees_as_well_and_an_own_lower_rate_stays()
    {
        await using var world = await WorldAsync();
        await world.Client.UpdateSiteAsync("hq", new SiteUpdate { Limit = new LimitInput { Rate = "16kbit", Volume = "1GB/month" } });
        await world.Client.QuarantineSiteToAsync("hq", new QuarantineRequest { Degree = "throttled" });
        using var gateway = await FakeGateway.ConnectAsync(world);
        var limit = (await gateway.ReceiveAsync<Snapshot>()).Model.Identities.Single(identity => identity.Name == "hq").Limit!;
        (limit.BitsPerSecond, limit.VolumeBytes, limit.Period).ShouldBe((16_000, 1_000_000_000, "month"));
        (await world.Client.GetSiteAsync("hq")).Limit!.Text.ShouldBe("16kbit/s, 1GB/month");
    }

    [Theory]
    [InlineData("darkish", null, null, "degree")]
    [InlineData("forensic", null, null, "application")]
    [InlineData("management", "historian", null, "application")]
    [InlineData("management", null, "1mbit", "rate")]
    [InlineData("throttled", null, "none", "rate")]
    [InlineData("forensic", "histrian", null, "application")]
    public async Task What_makes_no_sense_is_named(string degree, string? application, string? rate, string field)
    {
        await using var world = await WorldAsync();
        var problem = await ControlWorld.ProblemOf(
            () => world.Client.QuarantineDeviceToAsync("pump-17", new QuarantineRequest { Degree = degree, Application = application, Rate = rate }));
        problem.Errors.ShouldHaveSingleItem().Field.ShouldBe(field);
        (await world.Client.GetDeviceAsync("pump-17")).State.ShouldBe("active");
    }

    [Fact]
    public async Task What_a_quarantine_leaves_is_explained_and_its_application_is_not_taken_away()
    {
        await using var world = await WorldAsync();
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian" });
        await world.Client.QuarantineDeviceToAsync("pump-17", new QuarantineRequest { Degree = "management" });
        var why = await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883);
        (why.Allowed, why.Reason).ShouldBe((false, "Quarantined"));
        why.Steps.ShouldContain($"Rule {rule.Id} would allow it, but the quarantine of device:pump-17 (management) does not leave it.");
        await world.Client.UpdateApplicationAsync("historian", new ApplicationUpdate { Management = true });
        (await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883)).Allowed.ShouldBeTrue();

        await world.Client.QuarantineDeviceToAsync("pump-17", new QuarantineRequest { Degree = "forensic", Application = "historian" });
        await world.Client.DeleteRuleAsync(rule.Id);
        (await ControlWorld.ProblemOf(() => world.Client.DeleteApplicationAsync("historian"))).Detail!.ShouldContain("the quarantine of device pump-17");
        await world.Client.RevokeDeviceAsync("pump-17", null);
        await world.Client.DeleteApplicationAsync("historian");
    }

    private static async Task<ControlWorld> WorldAsync()
    {
        var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.HqAsync(profile: true);
        await world.PumpAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.10", Services = ["tcp/8883"] });
        return world;
    }
}
