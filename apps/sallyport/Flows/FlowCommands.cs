using System.CommandLine;
using Sallyport.Api;
using Sallyport.Api.Flows;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Flows;

internal static class FlowCommands
{
    private const int DefaultLimit = 100;

    public static Command Build(Shell shell) =>
        Shell.Noun("flow", "Conversations: who with whom, allowed or denied, and why", List(shell), Tail(shell), AllowCommand.Build(shell));

    private static Command List(Shell shell)
    {
        var filter = new Filter();
        var limit = Flag.Number("--limit", $"At most so many ({DefaultLimit})", "COUNT");
        return shell.Verb(
            "list",
            "Flows, newest first",
            async c =>
            {
                var most = Flag.AtLeastOne(c.Parse, limit) ?? DefaultLimit;
                var flows = await CommandContext.AllAsync(most, (count, cursor) => c.Client.ListFlowsAsync(
                    c.Parse.GetValue(filter.Device), c.Parse.GetValue(filter.Site), c.Parse.GetValue(filter.Network), filter.VerdictOf(c.Parse), count, cursor,
                    c.Parse.GetValue(filter.Host), c.Parse.GetValue(filter.State), c.Cancel));
                if (c.Printer.Format != OutputFormat.Table || flows.Count == 0)
                {
                    c.Printer.Many(flows, ApiJson.Default.FlowInfo, c.Empty("flows"));
                    return;
                }

                // A device that keeps trying makes many lines; what would allow it is said once.
                var said = new HashSet<string>();
                foreach (var flow in flows)
                {
                    c.Printer.Sentence(FlowText.Line(flow), Human.TimeWidth + 2);
                    if (flow.AllowCommand is { } command && said.Add($"{command} {flow.Nearest?.RuleId}"))
                    {
                        foreach (var line in FlowText.AllowLines(flow))
                        {
                            c.Printer.Line(line);
                        }
                    }
                }

                if (flows.Count == most)
                {
                    c.Printer.Remark($"there may be more: --limit {most * 10}");
                }
            },
            [.. filter.All, limit]);
    }

    private static Command Tail(Shell shell)
    {
        var filter = new Filter();
        return shell.Verb(
            "tail",
            "Flows as they begin, change and end, until Ctrl-C",
            c => Following.RunAsync(
                c,
                opened => c.Client.TailFlowsAsync(
                    c.Parse.GetValue(filter.Device), c.Parse.GetValue(filter.Site), c.Parse.GetValue(filter.Network), filter.VerdictOf(c.Parse), opened,
                    c.Parse.GetValue(filter.Host), c.Parse.GetValue(filter.State), c.Cancel),
                flow => c.Printer.Next(flow, ApiJson.Default.FlowInfo, f => Print(c.Printer, f)),
                "sallyport flow list"),
            filter.All);
    }

    private static void Print(Printer printer, FlowInfo flow)
    {
        printer.Sentence(FlowText.Line(flow), Human.TimeWidth + 2);
        foreach (var line in FlowText.AllowLines(flow))
        {
            printer.Line(line);
        }
    }

    private sealed class Filter
    {
        private readonly Option<bool> denied = Flag.Switch("--denied", "Only denied ones");
        private readonly Option<bool> allowed = Flag.Switch("--allowed", "Only allowed ones");

        public Option<string?> Device { get; } = Flag.Text("--device", "Only of this device", "DEVICE");

        public Option<string?> Site { get; } = Flag.Text("--site", "Only of this site", "SITE");

        public Option<string?> Host { get; } = Flag.Text("--host", "Only of the gateway host in this network; internet for what lies beyond it", "NETWORK");

        public Option<string?> Network { get; } = Flag.Text("--network", "Only with an end in this network", "NETWORK");

        public Option<string?> State { get; } = Flag.Text(
            "--state", "Only those of which this came: denied, cut, opening, unanswered, unreachable, live or ended", "STATE");

        public Symbol[] All => [Device, Site, Host, Network, State, denied, allowed];

        public string? VerdictOf(ParseResult parse) => (parse.GetValue(denied), parse.GetValue(allowed)) switch
        {
            (true, false) => "denied",
            (false, true) => "allowed",
            (true, true) => throw new CliException(
                ExitCodes.Usage, "--denied and --allowed exclude each other", "--denied, --allowed", "Give one of them, or neither for all flows."),
            _ => null,
        };
    }
}
