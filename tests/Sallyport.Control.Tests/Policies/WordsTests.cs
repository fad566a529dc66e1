using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Locks;
using Sallyport.Api.Networks;
using Sallyport.Api.Policy;
using Sallyport.Api.Rules;
using Sallyport.Api.Times;
using Sallyport.Control.Tests.Policies.Mud;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Policies;

/// <summary>Answers that say what is so, and questions that are read in one way alone.</summary>
public sealed class WordsTests
{
    [Theory]
    [InlineData("2027-06-05", "2027-06-05T00:00:00Z")]
    [InlineData("2027-06-05T17:00", "2027-06-05T17:00:00Z")]
    [InlineData("2027-06-05T17:00+01:00", "2027-06-05T16:00:00Z")]
    [InlineData("2027-06-05 17:00:00Z", "2027-06-05T17:00:00Z")]
    [InlineData("2027-06-05 17:00:00 UTC", "2027-06-05T17:00:00Z")]
    [InlineData("2027-06-05T17:00:00.1234567-02:30", "2027-06-05T19:30:00.1234567Z")]
    public void Times_are_read_as_they_are_shown(string text, string meant)
    {
        TimeText.TryRead(text, out var at).ShouldBeTrue();
        at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", System.Globalization.CultureInfo.InvariantCulture).ShouldBe(meant);
    }

    [Theory]
    [InlineData("05/06/2027")]
    [InlineData("5.6.2027 17:00")]
    [InlineData("June 5, 2027")]
    [InlineData("17:00")]
    [InlineData("2027-13-01")]
    [InlineData("2027/06/05")]
    [InlineData("")]
    [InlineData(null)]
    public void Nothing_else_is_a_time(string? text) => TimeText.TryRead(text, out _).ShouldBeFalse();

    [Fact]
    public async Task The_API_refuses_a_time_of_another_form_and_takes_one_without_an_offset_for_UTC()
    {
        await using var world = await WorldAsync();
        using var http = world.Http();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", world.Token);
        var asked = await http.GetAsync("/api/v1/policy/reach?from=device:pump-17&at=05/06/2027");
        asked.StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await asked.Content.ReadAsStringAsync()).ShouldContain("write it like 2026-12-01T17:00:00");
        (await http.GetAsync("/api/v1/policy/reach?from=device:pump-17&at=2027-06-05T17:00%2B01:00")).StatusCode.ShouldBe(HttpStatusCode.OK);

        var wrong = await PostAsync("05/06/2027");
        wrong.Status.ShouldBe(HttpStatusCode.BadRequest);
        wrong.Body.ShouldContain("\"field\":\"until\"");
        (await PostAsync("2127-06-05T17:00")).Status.ShouldBe(HttpStatusCode.Created);
        (await world.Client.ListRulesAsync()).Items.Single().Until.ShouldBe(new DateTimeOffset(2127, 6, 5, 17, 0, 0, TimeSpan.Zero));

        async Task<(HttpStatusCode Status, string Body)> PostAsync(string until)
        {
            var answer = await http.PostAsync("/api/v1/rules", new StringContent(
                $$"""{"from":"device:pump-17","to":"application:historian","until":"{{until}}"}""", Encoding.UTF8, "application/json"));
            return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task Whois_says_the_state_and_not_only_whether_something_passes()
    {
        await using var world = await WorldAsync();
        var address = (await world.Client.GetDeviceAsync("pump-17")).Addresses[0];
        await world.Client.QuarantineDeviceToAsync("pump-17", new QuarantineRequest { Degree = "management" });
        var partly = await world.Client.WhoisAsync(address, "plant-a");
        (partly.Active, partly.State, partly.Quarantine!.Degree).ShouldBe((true, "quarantined", "management"));
        var made = await world.Client.AddLockAsync(new LockCreate { Subject = "device:pump-17" });
        var locked = await world.Client.WhoisAsync(address, "plant-a");
        (locked.Active, locked.State).ShouldBe((false, "quarantined"));
        locked.Locks.ShouldBe([made.Id]);
        await world.Client.DeleteLockAsync(made.Id);
        await world.Client.RevokeDeviceAsync("pump-17", null);
        var gone = await world.Client.WhoisAsync(address, "plant-a");
        (gone.Active, gone.State, gone.Quarantine).ShouldBe((false, "retired", null));
    }

    [Fact]
    public async Task An_application_of_names_appears_elsewhere_by_these()
    {
        await using var world = await WorldAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "updates", Host = "internet", Names = ["*.vendor.example"], Services = ["tcp/443"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:updates" });
        (await world.Client.GetApplicationAsync("updates")).AppearsAt.ShouldBe(["plant-a by its names"]);
    }

    [Fact]
    public async Task What_was_allowed_for_a_while_is_learned_as_such()
    {
        await using var world = await WorldAsync();
        var (network, pump, hq) = (await world.Client.GetNetworkAsync("plant-a"), await world.Client.GetDeviceAsync("pump-17"), await world.Client.GetSiteAsync("hq"));
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "all", Site = "hq", Target = "192.168.50.0/24", Services = ["tcp/1-65535"] });
        var wide = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:all", For = "7d" });
        await world.RecordAsync(
            Traffic.Flow(network.Id, pump.Id, hq.Id, "192.168.50.11", 443).AllowedBy(wide.Id, 2) with { PacketsBack = 5 },
            Traffic.Flow(network.Id, pump.Id, hq.Id, "192.168.50.10", 8883).AllowedBy(wide.Id, 2) with { PacketsBack = 5 });
        var plan = await world.Client.LearnAsync("device:pump-17");
        plan.Rules.Count.ShouldBe(2);
        plan.Rules.ShouldAllBe(rule => rule.Existing == null && rule.Temporary.Single() == wide.Id);

        // The very rule is there and ends: it is not made a second time, which would be refused.
        var own = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian", For = "8h" });
        var again = (await world.Client.LearnAsync("device:pump-17")).Rules.Single(rule => rule.To == "application:historian");
        (again.Existing, again.Until).ShouldBe((own.Id, own.Until));

        var always = await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200", To = "application:historian" });
        var kept = (await world.Client.LearnAsync("device:pump-17")).Rules.Single(rule => rule.To == "application:historian");
        (kept.Existing, kept.Until).ShouldBe((always.Id, null));
        kept.Temporary.ShouldBeEmpty();
    }

    [Fact]
    public async Task Who_is_gone_is_not_who_is_there()
    {
        await using var world = await WorldAsync();
        var (network, pump, hq) = (await world.Client.GetNetworkAsync("plant-a"), await world.Client.GetDeviceAsync("pump-17"), await world.Client.GetSiteAsync("hq"));
        await world.RecordAsync(Traffic.Flow(network.Id, pump.Id, hq.Id, "192.168.50.10", 8883));
        await world.Client.DeleteApplicationAsync("historian");
        await world.Client.DeleteSiteAsync("hq");
        (await WhyAsync()).ShouldBe("who opened it or carried its destination is gone (site:hq)");
        await world.HqAsync();
        (await WhyAsync()).ShouldBe("who opened it or carried its destination is gone (an earlier site:hq)");

        async Task<string> WhyAsync() => (await world.Client.ReplayAsync(new ReplayRequest { AddRules = [] })).NotJudged.Single().Why;
    }

    [Fact]
    public async Task Names_that_two_networks_have_are_told_with_their_network_in_what_rules_say()
    {
        await using var world = await WorldAsync();
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian" });
        (await RuleAsync()).ShouldBe("device:pump-17 to application:historian");
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-b", Prefixes = ["10.20.0.0/16"] });
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "pump-17", Network = "plant-b" });
        (await RuleAsync()).ShouldBe("device:pump-17.plant-a to application:historian");

        async Task<string?> RuleAsync() => (await world.Client.ExplainAsync("device:pump-17.plant-a", "192.168.50.10", "tcp", 8883)).Rule;
    }

    [Theory]
    [InlineData("label:model=P1,manufacturer=vendor")]
    [InlineData("label:manufacturer=vendor,model=P1")]
    public async Task A_class_of_several_labels_finds_its_rule_in_any_order(string who)
    {
        await using var world = await MudText.WorldAsync();
        await world.Client.UpdateDeviceAsync("pump", new DeviceUpdate { Labels = new Dictionary<string, string> { ["model"] = "P1", ["manufacturer"] = "vendor" } });
        var file = MudText.Of([], ["a \"mud\":{\"my-controller\":[null]},\"tcp\":{\"direction-initiated\":\"to-device\",\"destination-port\":{\"operator\":\"eq\",\"port\":443}}"]);
        var request = MudText.For("device:cam-1", file) with { MyController = [who] };
        var plan = await world.Client.PlanMudAsync(request);
        plan.Rules.Single().From.ShouldBe("label:manufacturer=vendor,model=P1");
        await world.Client.ApplyFleetAsync(Encoding.UTF8.GetBytes(plan.FleetFile));
        (await world.Client.PlanMudAsync(request)).Rules.Single().Existing.ShouldNotBeNull();
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
