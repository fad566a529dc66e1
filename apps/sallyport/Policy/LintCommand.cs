using System.CommandLine;
using Sallyport.Api;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Policy;

/// <summary>What is wrong with the rules, or could be narrower.</summary>
internal static class LintCommand
{
    public static Command Build(Shell shell)
    {
        var network = Flag.Text("--network", "Only of this network", "NETWORK");
        var days = Flag.Number("--days", "What rules were used for in so many days (30)", "COUNT");
        return shell.Verb(
            "lint",
            "Rules that decide nothing, speak of nobody, or allow more than was used, each with the command that mends it",
            async c =>
            {
                var report = await c.Client.LintAsync(c.Parse.GetValue(network), Flag.AtLeastOne(c.Parse, days), c.Cancel);
                c.Printer.One(report, ApiJson.Default.LintReport, r =>
                {
                    foreach (var finding in r.Findings)
                    {
                        c.Printer.Line($"{finding.Kind.ToUpperInvariant()}  {(finding.RuleId is { } id ? $"rule {id}: " : "")}{finding.What}{(r.Findings.Any(one => one.Network != finding.Network) ? $" in {finding.Network}" : "")}");
                        c.Printer.Sentence($"    {finding.Why}", 4);
                        c.Printer.Line($"    to mend it: {finding.Fix}");
                    }

                    c.Printer.Line($"{Human.Count(r.Findings.Count, "finding")} on {Human.Count(r.Rules, "rule")}, from {Human.Count(r.Flows, "flow")} since {Human.Time(r.ObservedSince ?? r.Since)}");
                    foreach (var note in r.Notes)
                    {
                        c.Printer.Remark(note);
                    }
                });
            },
            network, days);
    }
}
