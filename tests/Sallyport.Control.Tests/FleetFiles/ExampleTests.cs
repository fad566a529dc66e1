using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.FleetFiles;

/// <summary>The policies of docs/examples are what they say.</summary>
public class ExampleTests
{
    public static TheoryData<string> Examples => [.. Directory.GetFiles(FleetFileWorld.Examples, "*.yaml").Select(path => Path.GetFileName(path))];

    [Fact]
    public void There_are_examples() => Examples.Count.ShouldBeGreaterThanOrEqualTo(4);

    [Theory]
    [MemberData(nameof(Examples))]
    public async Task Example_applies_its_tests_hold_and_a_second_time_nothing_changes(string name)
    {
        await using var world = await ControlWorld.StartAsync();
        var file = File.ReadAllBytes(Path.Combine(FleetFileWorld.Examples, name));
        var plan = await world.Client.PlanFleetAsync(file);
        plan.Tests.Where(test => !test.Passed).Select(test => $"{test.Line}: {test.Test}: {test.Why}").ShouldBeEmpty();
        plan.Tests.Count.ShouldBeGreaterThanOrEqualTo(5);
        plan.Applied.ShouldBeFalse();
        (await world.Client.ListNetworksAsync()).Items.ShouldBeEmpty("a plan changes nothing");

        var applied = await world.Client.ApplyFleetAsync(file, version: plan.Version);
        applied.Applied.ShouldBeTrue();
        applied.Changes.Select(change => change.Subject).ShouldBe(plan.Changes.Select(change => change.Subject));
        applied.Changes.ShouldAllBe(change => change.Action == "add" && change.Line > 0);
        applied.Version.ShouldBeGreaterThan(plan.Version);

        var again = await world.Client.ApplyFleetAsync(file);
        again.Changes.ShouldBeEmpty();
        again.Unchanged.ShouldBe(applied.Changes.Count);
        (again.Applied, again.Version).ShouldBe((false, applied.Version));
        (await world.Client.PlanFleetAsync(file, prune: true)).Changes.ShouldBeEmpty();
        (await world.Client.VerifyAuditAsync()).Valid.ShouldBeTrue();
    }

    [Theory]
    [MemberData(nameof(Examples))]
    public async Task Export_changes_nothing_where_it_came_from_and_makes_the_same_elsewhere(string name)
    {
        await using var world = await ControlWorld.StartAsync();
        await world.Client.ApplyFleetAsync(File.ReadAllBytes(Path.Combine(FleetFileWorld.Examples, name)));
        var export = await world.Client.ExportFleetAsync();
        var plan = await world.Client.PlanFleetAsync(FleetFileWorld.Bytes(export), prune: true);
        plan.Changes.ShouldBeEmpty(export);
        plan.Remarks.ShouldBeEmpty();

        await using var other = await ControlWorld.StartAsync();
        await other.Client.ApplyFleetAsync(FleetFileWorld.Bytes(export));
        (await FleetFileWorld.PictureAsync(other)).ShouldBe(await FleetFileWorld.PictureAsync(world));
        (await other.Client.ExportFleetAsync()).ShouldBe(export);
    }
}
