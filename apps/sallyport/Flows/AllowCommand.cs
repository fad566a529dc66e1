using System.CommandLine;
using Sallyport.Api;
using Sallyport.Api.Flows;
using Sallyport.Api.Policy;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;
using Sallyport.Cli.Rules;

namespace Sallyport.Cli.Flows;

/// <summary>From a denied flow to the narrowest rule that allows it.</summary>
internal static class AllowCommand
{
    public static Command Build(Shell shell)
    {
        var id = new Argument<long>("ID") { Description = "Number of the flow, as flow list shows it" };
        var end = new EndFlags();
        var yes = Flag.Switch("--yes", "Do not ask");
        return shell.Verb(
            "allow",
            "Add the narrowest rule that allows what a denied flow asked for",
            async c =>
            {
                var number = c.Parse.GetValue(id);
                var allow = new FlowAllow { For = end.SpanOf(c.Parse), Until = end.UntilOf(c.Parse) };
                if (!c.Parse.GetValue(yes) && !await AgreeAsync(c, number, allow))
                {
                    return ExitCodes.Refused;
                }

                var allowed = await c.Client.AllowFlowAsync(number, allow, c.Cancel);
                if (c.Parse.GetValue(yes) && allowed.Bypasses is { } bypassed)
                {
                    Warn(c, bypassed);
                }

                c.Printer.One(allowed, ApiJson.Default.FlowAllowed, a =>
                {
                    if (a.Application is { } made)
                    {
                        c.Printer.Line($"application {made.Name} added: {made.Target} {string.Join(", ", made.Services)} at {made.OwnerKind} {made.Owner}");
                    }

                    var time = TimeFlags.Describe(a.Rule.Until, a.Rule.Windows);
                    c.Printer.Line($"rule {a.Rule.Id} added: {a.Rule.From} may reach {a.Rule.To}{(time == "always" ? "" : $", {time}")}");
                });
                CutText.PrintReconnecting(c.Printer, allowed.Rule.TunnelsReconnecting);
                return ExitCodes.Ok;
            },
            [id, .. end.All, yes]);
    }

    private static void Warn(CommandContext c, NearestRule bypassed) =>
        c.Printer.Remark($"careful: rule {bypassed.RuleId} ({bypassed.Rule}) would allow it, but {bypassed.Why}; a rule for this flow alone goes around that");

    /// <summary>Nobody agrees to what he does not see: it was denied, but not for want of a rule.</summary>
    private static CliException NothingToShow(FlowInfo flow) => new(
        ExitCodes.Refused,
        flow.Verdict == "allowed" ? $"flow {flow.Id} was allowed: nothing is left to do"
            : $"no rule that could be added allows flow {flow.Id}: {flow.ReasonText ?? flow.Reason}{(flow.RuleId is { } rule ? $" (rule {rule}{(flow.Rule is null ? "" : $": {flow.Rule}")})" : "")}",
        "ID",
        flow.RuleId is { } denies && flow.Reason == "RuleDenies"
            ? $"See the rule that is in the way: sallyport rule show {denies}. Once it is gone: sallyport flow allow {flow.Id} --yes"
            : $"Once that is otherwise: sallyport flow allow {flow.Id} --yes");

    /// <summary>Shows what would be done, and asks whoever sits there.</summary>
    private static async Task<bool> AgreeAsync(CommandContext c, long id, FlowAllow allow)
    {
        var flow = await c.Client.GetFlowAsync(id, c.Cancel);
        c.Printer.Remark(FlowText.Line(flow));
        if (flow.Nearest is { } nearest)
        {
            Warn(c, nearest);
        }

        if (string.IsNullOrEmpty(flow.AllowCommand))
        {
            throw NothingToShow(flow);
        }

        foreach (var command in flow.AllowCommand.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            c.Printer.Remark($"  {command}");
        }

        if (Console.IsInputRedirected)
        {
            var until = allow.Until is { } at ? $" --until {at:O}" : "";
            var end = allow.For is { } span ? $" --for {span}" : until;
            throw new CliException(ExitCodes.Usage, "nobody is there to be asked", "--yes", $"Read what it would do, then: sallyport flow allow {id}{end} --yes");
        }

        c.Printer.Remark("Do this? [y/N]");
        return Console.ReadLine()?.Trim() is "y" or "Y" or "yes";
    }
}
