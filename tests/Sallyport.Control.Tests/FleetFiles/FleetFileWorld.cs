using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Sallyport.Api;
using Sallyport.Api.Fleets;
using Sallyport.Api.Problems;
using Sallyport.Control.FleetFiles;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.FleetFiles;

/// <summary>What tests of fleet files have in common.</summary>
internal static class FleetFileWorld
{
    public const string Plant =
        """
        networks:
          plant-a: { prefixes: [10.20.0.0/16] }
        sites:
          hq: { subnets: [192.168.50.0/24] }
        devices:
          pump-17: { labels: { model: P200 } }
          pump-3: { labels: { model: P100 } }
        groups:
          pumps: [pump-17, pump-3]
        applications:
          historian: { site: hq, target: 192.168.50.11, services: [tcp/8883] }
        rules:
          - { from: "group:pumps", to: "application:historian" }

        """;

    public static string Examples { get; } = Path.Combine(Root(), "docs", "examples");

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static Task<FleetPlan> PlanAsync(this ControlWorld world, string text, bool prune = false) => world.Client.PlanFleetAsync(Bytes(text), prune);

    public static Task<FleetPlan> ApplyAsync(this ControlWorld world, string text, bool prune = false, long? version = null) =>
        world.Client.ApplyFleetAsync(Bytes(text), prune, version);

    /// <summary>What is wrong with the text, each as "line:column path: message".</summary>
    public static IReadOnlyList<FieldProblem> Read(ReadOnlySpan<byte> bytes)
    {
        var problems = new FileProblems();
        var file = FleetFileReader.Read(bytes, problems);
        (file is not null || problems.Any).ShouldBeTrue("nothing is refused without a reason");
        foreach (var problem in problems.Sorted)
        {
            ShouldBeOfUse(problem);
        }

        return problems.Sorted;
    }

    public static void ShouldBeOfUse(FieldProblem problem)
    {
        problem.Field.ShouldNotBeNullOrEmpty();
        problem.Message.ShouldNotBeNullOrEmpty();
        problem.Hint.ShouldNotBeNullOrEmpty();
        problem.Line.ShouldNotBeNull().ShouldBeGreaterThan(0);
        problem.Column.ShouldNotBeNull().ShouldBeGreaterThan(0);
        problem.Message.Length.ShouldBeLessThan(1000);
        problem.Hint.Length.ShouldBeLessThan(2000);
    }

    /// <summary>The place of the only problem.</summary>
    public static string PlaceOf(FieldProblem problem) => string.Create(CultureInfo.InvariantCulture, $"{problem.Line}:{problem.Column} {problem.Field}");

    /// <summary>With a table of countries, as an example asks for one.</summary>
    public static Task<ControlWorld> StartAsync() => ControlWorld.StartAsync(change: options =>
    {
        var table = Path.Combine(options.DataDirectory, "countries.csv");
        File.WriteAllText(table, "203.0.113.0/24,AT\n198.51.100.0/24,DE\n");
        return options with { CountryTable = table };
    });

    /// <summary>Everything that the API tells of the fleet, but for what is of this installation, of this moment, or in no file (docs/fleet-file.md).</summary>
    public static async Task<string> PictureAsync(ControlWorld world)
    {
        var client = world.Client;
        return string.Join('\n',
        [
            .. Lines("network", (await client.ListNetworksAsync()).Items, ApiJson.Default.NetworkInfo), .. Lines("site", (await client.ListSitesAsync()).Items, ApiJson.Default.SiteInfo),
            .. Lines("device", (await client.ListDevicesAsync()).Items, ApiJson.Default.DeviceInfo),
            .. Lines("application", (await client.ListApplicationsAsync()).Items, ApiJson.Default.ApplicationInfo),
            .. Lines("rule", (await client.ListRulesAsync()).Items, ApiJson.Default.RuleInfo),
        ]);
    }

    private static IEnumerable<string> Lines<T>(string kind, IReadOnlyList<T> items, JsonTypeInfo<T> type) => items.Select(item =>
    {
        var node = JsonSerializer.SerializeToNode(item, type)!.AsObject();
        foreach (var ours in (string[])["id", "createdAt", "revision", "stateSince", "presence", "nextChange"])
        {
            node.Remove(ours);
        }

        if (node["groups"] is JsonArray groups)
        {
            node["groups"] = new JsonArray([.. groups.Select(group => (string)group!).Order(StringComparer.Ordinal).Select(group => (JsonNode)group)]);
        }

        return $"{kind} {node.ToJsonString()}";
    }).Order(StringComparer.Ordinal);

    private static string Root()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Sallyport.slnx")))
            {
                return at.FullName;
            }
        }

        throw new DirectoryNotFoundException("no repository above " + AppContext.BaseDirectory);
    }
}
