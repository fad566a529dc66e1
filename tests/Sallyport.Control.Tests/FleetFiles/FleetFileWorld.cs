using System.Globalization;
using System.Text;
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

    /// <summary>Everything that a file can say, by the API.</summary>
    public static async Task<string> PictureAsync(ControlWorld world)
    {
        var text = new StringBuilder();
        foreach (var n in (await world.Client.ListNetworksAsync()).Items)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"network {n.Name} {Join(n.Prefixes)} {Join(n.Ciphers)} {n.AuthDigest} {n.Authentication} {Join(n.Wrappings)} {n.TlsAuthDirection} {n.MinimumTls} {n.TokenLifetime}");
        }

        foreach (var s in (await world.Client.ListSitesAsync()).Items)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"site {s.Name}.{s.Network} {Join(s.Subnets)} {Join(s.Addresses)} {Labels(s.Labels)} {Join(s.Groups.Order())} {s.State}");
        }

        foreach (var d in (await world.Client.ListDevicesAsync()).Items)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"device {d.Name}.{d.Network} {Join(d.Addresses)} {Labels(d.Labels)} {Join(d.Groups.Order())} {d.State}");
        }

        foreach (var a in (await world.Client.ListApplicationsAsync()).Items)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"application {a.Name}.{a.Network} {a.OwnerKind}:{a.Owner} {a.Target} {Join(a.Services)}");
        }

        foreach (var r in (await world.Client.ListRulesAsync()).Items)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"rule {r.From} {r.To}.{r.Network} {r.Effect} {r.Until:O} {Join(r.Windows)} {r.Subjects}");
        }

        return text.ToString();
    }

    private static string Join(IEnumerable<string> list) => $"[{string.Join(", ", list)}]";

    private static string Labels(IReadOnlyDictionary<string, string> labels) => Join(labels.Select(label => $"{label.Key}={label.Value}").Order());

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
