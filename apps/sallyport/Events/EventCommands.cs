using System.CommandLine;
using Sallyport.Api;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Events;

internal static class EventCommands
{
    private const int DefaultLimit = 100;

    public static Command Build(Shell shell) =>
        Shell.Noun("event", "What happened: handshakes that failed, tunnels, cloned keys, changes", List(shell), Tail(shell));

    private static Command List(Shell shell)
    {
        var kind = Flag.Text("--kind", "Only of this kind, such as handshake.failed", "KIND");
        var limit = Flag.Number("--limit", $"At most so many ({DefaultLimit})", "COUNT");
        return shell.Verb(
            "list",
            "Events, newest first",
            async c => c.Printer.Many(
                await CommandContext.AllAsync(
                    Flag.AtLeastOne(c.Parse, limit) ?? DefaultLimit,
                    (count, cursor) => c.Client.ListEventsAsync(c.Parse.GetValue(kind), count, cursor, c.Cancel)),
                ApiJson.Default.EventInfo,
                c.Empty("events"),
                new("TIME", e => Human.Time(e.At)),
                new("KIND", e => e.Kind),
                new("WHAT", EventText.What) { Wraps = true }),
            kind, limit);
    }

    private static Command Tail(Shell shell) => shell.Verb("tail", "Events as they happen, until Ctrl-C", c => Following.RunAsync(
        c,
        opened => c.Client.TailEventsAsync(opened, c.Cancel),
        item => c.Printer.Next(item, ApiJson.Default.EventInfo, e => c.Printer.Sentence(EventText.Line(e), Human.TimeWidth + 2)),
        "sallyport event list"));
}
