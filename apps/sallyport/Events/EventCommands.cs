using System.CommandLine;
using Sallyport.Api;
using Sallyport.Api.Events;
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
                    Math.Max(1, c.Parse.GetValue(limit) ?? DefaultLimit),
                    (count, cursor) => c.Client.ListEventsAsync(c.Parse.GetValue(kind), count, cursor, c.Cancel)),
                ApiJson.Default.EventInfo,
                "no events yet",
                new("TIME", e => Human.Time(e.At)),
                new("KIND", e => e.Kind),
                new("SUBJECT", e => e.Subject),
                new("FROM", e => e.OuterAddress),
                new("DETAIL", e => e.Detail)),
            kind, limit);
    }

    private static Command Tail(Shell shell) => shell.Verb("tail", "Events as they happen, until Ctrl-C", async c =>
    {
        await foreach (var item in c.Client.TailEventsAsync(c.Cancel))
        {
            c.Printer.Next(item, ApiJson.Default.EventInfo, e => c.Printer.Line(Text(e)));
        }
    });

    private static string Text(EventInfo e) =>
        $"{Human.Time(e.At)}  {e.Kind}  {e.Subject ?? "-"}  {e.OuterAddress}{(e.OuterAddress is null ? "" : "  ")}{e.Detail}";
}
