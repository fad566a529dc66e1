using Sallyport.Control.FleetFiles;

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
        await using var world = await FleetFileWorld.StartAsync();
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
        await using var world = await FleetFileWorld.StartAsync();
        await world.Client.ApplyFleetAsync(File.ReadAllBytes(Path.Combine(FleetFileWorld.Examples, name)));
        var export = await world.Client.ExportFleetAsync();
        (await world.PlanAsync(await world.Client.ExportFleetAsync(asJson: true), prune: true)).Changes.ShouldBeEmpty("JSON of the same");
        var plan = await world.Client.PlanFleetAsync(FleetFileWorld.Bytes(export), prune: true);
        plan.Changes.ShouldBeEmpty(export);
        plan.Remarks.ShouldBeEmpty();

        await using var other = await FleetFileWorld.StartAsync();
        await other.Client.ApplyFleetAsync(FleetFileWorld.Bytes(export));
        (await FleetFileWorld.PictureAsync(other)).ShouldBe(await FleetFileWorld.PictureAsync(world));
        (await other.Client.ExportFleetAsync()).ShouldBe(export);
    }

    [Fact]
    public async Task Example_of_every_key_has_every_key_and_so_has_its_export()
    {
        var example = File.ReadAllText(Path.Combine(FleetFileWorld.Examples, "every-key.yaml"));
        Keys(example).ShouldBe(All.Order(), ignoreOrder: false, "a new key needs a line in docs/examples/every-key.yaml");
        await using var world = await FleetFileWorld.StartAsync();
        await world.ApplyAsync(example);
        // Who is in which group stands in its own section.
        Keys(await world.Client.ExportFleetAsync()).ShouldBe(All.Where(key => key is not ("sites.groups" or "devices.groups") && !key.StartsWith("tests.", StringComparison.Ordinal)).Order());
    }

    [Fact]
    public void Every_key_is_documented()
    {
        var lines = File.ReadAllLines(Path.Combine(FleetFileWorld.Examples, "..", "fleet-file.md"));
        All.Where(key => !lines.Single(line => line.StartsWith($"| `{key.Split('.')[0]}` |", StringComparison.Ordinal)).Contains($"`{key.Split('.')[1]}`", StringComparison.Ordinal))
            .ShouldBeEmpty("docs/fleet-file.md names every key");
    }

    private static IEnumerable<string> All =>
    [
        .. FileKeys.Network.Select(key => $"networks.{key.Name}"), .. FileKeys.Site.Select(key => $"sites.{key.Name}"), .. FileKeys.Device.Select(key => $"devices.{key.Name}"),
        .. FileKeys.Application.Select(key => $"applications.{key.Name}"), .. FileKeys.Rule.Select(key => $"rules.{key.Name}"), .. FleetFileReader.TestKeys.Select(key => $"tests.{key}"),
    ];

    /// <summary>"networks.prefixes": of each section those that any of its entries has.</summary>
    private static IReadOnlyList<string> Keys(string text)
    {
        var root = NodeReader.Read(text, new FileProblems()).ShouldBeOfType<FileMap>();
        return
        [
            .. root.Pairs.Where(pair => pair.Key.Value is not ("groups" or "prune"))
                .SelectMany(pair => (pair.Value is FileMap map ? map.Pairs.Select(entry => entry.Value) : ((FileList)pair.Value).Items).Cast<FileMap>()
                    .SelectMany(entry => entry.Pairs.Select(key => $"{pair.Key.Value}.{key.Key.Value}"))).Distinct().Order(),
        ];
    }
}
