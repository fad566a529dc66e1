using System.CommandLine;
using Sallyport.Api;
using Sallyport.Api.Policy;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Fleets;

namespace Sallyport.Cli.Policy;

internal static class PolicyCommands
{
    public static Command Build(Shell shell) => Shell.Noun(
        "policy",
        "What the rules together mean",
        Explain(shell),
        ReachCommands.WhoCanReach(shell),
        ReachCommands.Reach(shell),
        ReachCommands.Access(shell),
        ReplayCommand.Build(shell),
        LearnCommand.Build(shell),
        MudCommand.Build(shell),
        LintCommand.Build(shell),
        FleetCommands.Plan(shell),
        FleetCommands.Apply(shell),
        FleetCommands.Export(shell));

    private static Command Explain(Shell shell)
    {
        var from = Flag.Text("--from", "device:NAME or site:NAME", "WHO", required: true);
        var to = Flag.Text("--to", "An address, application:NAME, device:NAME or site:NAME", "WHERE", required: true);
        var service = new PortFlags();
        var at = ReachCommands.At();
        return shell.Verb(
            "explain",
            "Would it pass, by which rule, or what is missing?",
            async c =>
            {
                var (protocol, port) = service.Of(c.Parse);
                var explanation = await c.Client.ExplainAsync(c.Parse.GetValue(from)!, c.Parse.GetValue(to)!, protocol, port, ReachCommands.AtOf(c, at), c.Cancel);
                c.Printer.One(explanation, ApiJson.Default.PolicyExplanation, e =>
                {
                    var what = e.Protocol == "icmp" ? $"icmp {e.Destination}" : $"{e.Protocol} {e.Destination}:{e.Port}";
                    var offline = e.Allowed ? Offline(e) : "";
                    var application = e.Application is null ? "" : $" ({e.Application})";
                    c.Printer.Line($"{(e.Allowed ? "ALLOWED" : "DENIED")}{(e.DependsOnNames ? " unless told a name" : "")} {e.From} to {what}{application}{(e.RuleId is { } rule ? $": rule {rule}, {e.Rule}" : "")}{offline}");
                    foreach (var step in e.Steps)
                    {
                        c.Printer.Sentence($"  - {step}", 4);
                    }

                    if (e.Nearest is { Fix: { } fix } nearest)
                    {
                        c.Printer.Line($"  by rule {nearest.RuleId}: {fix}");
                    }

                    if (e.AllowCommands.Count > 0)
                    {
                        c.Printer.Line("  to allow it:");
                        foreach (var line in e.AllowCommands)
                        {
                            c.Printer.Line($"    {line}");
                        }
                    }
                });
            },
            [from, to, .. service.All, at]);
    }

    private static string Offline(PolicyExplanation e)
    {
        string?[] away = [e.FromPresence == "offline" ? e.From : null, e.CarrierPresence == "offline" ? e.Carrier : null];
        var names = string.Join(" and ", away.OfType<string>());
        return names.Length == 0 ? "" : $"; but {names} {(away.All(name => name is not null) ? "are" : "is")} offline";
    }
}
