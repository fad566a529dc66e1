using Sallyport.Api.Rules;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.FleetFiles;

/// <summary>What a name without a network means, and what is said of rules that are not in the file.</summary>
public class FileNamesTests
{
    private const string Plant = FleetFileWorld.Plant;
    private const string Tests = "tests:\n  - { from: \"device:pump-17\", to: \"application:historian\", must: reach }\n";

    [Fact]
    public async Task Name_means_the_one_of_the_file_where_another_network_has_it_too()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant.Replace("plant-a: { prefixes: [10.20.0.0/16] }", "plant-b: { prefixes: [10.21.0.0/16] }", StringComparison.Ordinal));
        (await world.ApplyAsync(Plant + Tests)).Tests.ShouldHaveSingleItem().Passed.ShouldBeTrue();
        (await world.Client.ListRulesAsync()).Items.Select(rule => rule.Network).ShouldBe(["plant-b", "plant-a"]);
        (await world.PlanAsync("rules:\n  - { from: \"device:pump-17.plant-a\", to: \"application:historian.plant-b\" }\n")).Changes.Count.ShouldBe(1, "what says its network means that");

        var problem = await ControlWorld.ProblemOf(() => world.PlanAsync("rules:\n  - { from: \"group:pumps\", to: \"application:historian\" }\n"));
        var error = problem.Errors.ShouldHaveSingleItem();
        (FleetFileWorld.PlaceOf(error), error.Message).ShouldBe(("2:32 rules[0].to", "2 networks have an application 'historian'"), "a file without a network of its own");
        error.Hint.ShouldBe("say which: historian.plant-a or historian.plant-b");
    }

    [Fact]
    public async Task Temporary_rule_is_named_with_its_end_and_the_command_and_one_that_is_over_counts_at_no_time()
    {
        var time = new MovedTime();
        await using var world = await ControlWorld.StartAsync(time: time);
        await world.ApplyAsync(Plant.Replace("rules:", "rules: []", StringComparison.Ordinal).Replace("  - { from: \"group:pumps\", to: \"application:historian\" }\n", "", StringComparison.Ordinal));
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", To = "application:historian", For = "8h" });
        var at = time.GetUtcNow().AddHours(1).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);
        var test = $"tests:\n  - {{ from: \"device:pump-17\", to: \"application:historian\", must: not reach, at: \"{at}\" }}\n";
        var failed = (await world.PlanAsync(test)).Tests.ShouldHaveSingleItem();
        failed.Passed.ShouldBeFalse();
        failed.Why.ShouldStartWith($"Rule {rule.Id}, which is temporary and not in the file (it ends at ");
        failed.Why.ShouldContain($"to end it now: sallyport rule remove {rule.Id}");

        time.By = TimeSpan.FromHours(9);
        (await world.PlanAsync(test)).Tests.ShouldHaveSingleItem().Passed.ShouldBeTrue("it is over, and does not come back");
    }

    [Fact]
    public async Task Pool_that_is_too_small_is_told_where_the_rule_stands_that_asks_for_it()
    {
        await using var world = await ControlWorld.StartAsync();
        var problem = await ControlWorld.ProblemOf(() => world.PlanAsync(
            """
            networks:
              plant-a: { prefixes: [10.20.0.0/16] }
              plant-b: { prefixes: [10.21.0.0/16], guests: each, guest_pools: [198.19.0.0/24] }
            sites:
              dc: { network: plant-b, subnets: [192.168.60.0/24] }
            applications:
              scada: { site: dc, target: 192.168.60.11, services: [tcp/443] }
            rules:
              - { from: "network:plant-b", to: "application:scada" }
              - { from: "network:plant-a", to: "application:scada" }
            """));
        var error = problem.Errors.ShouldHaveSingleItem();
        FleetFileWorld.PlaceOf(error).ShouldBe("10:5 rules[1]");
        error.Message.ShouldContain("198.19.0.0/24 has no room");
    }
}
