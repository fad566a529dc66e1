using System.CommandLine;
using System.Text;
using Sallyport.Api;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Fleets;

/// <summary>The fleet as a file: what it would change, making it so, and the file of what is.</summary>
internal static class FleetCommands
{
    public static Command Plan(Shell shell)
    {
        var file = new FleetFileFlag();
        var prune = Prune();
        var exitCode = Flag.Switch("--exit-code", $"Answer {ExitCodes.Changes} where there is something to change");
        return shell.Verb(
            "plan",
            "What a fleet file would change, and whether its tests hold; changes nothing",
            c => file.WithPlacesAsync(c, async text =>
            {
                var plan = await c.Client.PlanFleetAsync(text, c.Parse.GetValue(prune), c.Cancel);
                c.Printer.One(plan, ApiJson.Default.FleetPlan, p => FleetText.Print(c.Printer, p));
                return plan.Tests.Any(test => !test.Passed) ? ExitCodes.Refused
                    : plan.Changes.Count > 0 && c.Parse.GetValue(exitCode) ? ExitCodes.Changes : ExitCodes.Ok;
            }),
            file.Option, prune, exitCode);
    }

    public static Command Apply(Shell shell)
    {
        var file = new FleetFileFlag();
        var prune = Prune();
        var planned = Flag.Text("--planned", "The version that plan told; refuse where somebody changed something since", "VERSION");
        return shell.Verb(
            "apply",
            "Make the fleet as a file says: as a whole, or not at all where anything is wrong or a test of the file fails",
            c => file.WithPlacesAsync(c, async text =>
            {
                var plan = await c.Client.ApplyFleetAsync(text, c.Parse.GetValue(prune), VersionOf(c.Parse.GetValue(planned)), c.Cancel);
                c.Printer.One(plan, ApiJson.Default.FleetPlan, p => FleetText.Print(c.Printer, p));
                return CutText.PrintSideEffect(c.Printer, plan.Cut);
            }),
            file.Option, prune, planned);
    }

    public static Command Export(Shell shell)
    {
        var network = Flag.Text("--network", "Only this network", "NETWORK");
        var to = Flag.Text("--to", "File; default: standard output", "FILE");
        var force = Flag.Switch("--force", "Replace the file if it exists");
        return shell.Verb(
            "export",
            "The fleet as a file for plan and apply; it holds no secrets",
            async c =>
            {
                var text = await c.Client.ExportFleetAsync(c.Parse.GetValue(network), c.Printer.Format == OutputFormat.Json, c.Cancel);
                if (c.Parse.GetValue(to) is not { } path || path == "-")
                {
                    c.Printer.Raw(text);
                    return;
                }

                using var kept = PrivateFile.Reserve(path, c.Parse.GetValue(force), "--to", "fleet.yaml");
                await kept.Stream.WriteAsync(Encoding.UTF8.GetBytes(text), c.Cancel);
                kept.Commit();
                c.Printer.Remark($"exported to {path}");
            },
            network, to, force);
    }

    private static Option<bool> Prune() =>
        Flag.Switch("--prune", "Remove rules, applications, and devices and sites without credentials, that the file's sections do not have");

    private static long? VersionOf(string? text) => text is null ? null
        : long.TryParse(text, out var version) ? version
        : throw new CliException(ExitCodes.Usage, $"\"{text}\" is no version", "--planned", "Write the number that plan told.");
}
