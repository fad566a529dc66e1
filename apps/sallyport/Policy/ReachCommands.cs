using System.CommandLine;
using System.Runtime.CompilerServices;
using Sallyport.Api;
using Sallyport.Api.Policy;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Policy;

/// <summary>Who can reach what.</summary>
internal static class ReachCommands
{
    private const int PageSize = 1_000;
    private const int DefaultLimit = 1_000; // rows of a table; the other forms have all

    public static Command WhoCanReach(Shell shell)
    {
        var to = Flag.Word("APPLICATION", "application:NAME");
        var service = Flag.Text("--service", "Only this service of it, such as tcp/8883", "SERVICE");
        var at = At();
        return shell.Verb(
            "who-can-reach",
            "Everybody who may reach an application, by which rule and until when",
            c => PrintAsync(
                c,
                (limit, cursor) => c.Client.WhoCanReachAsync(c.Parse.GetValue(to)!, c.Parse.GetValue(service), AtOf(c, at), limit, cursor, c.Cancel),
                null,
                "nobody"),
            to, service, at);
    }

    public static Command Reach(Shell shell)
    {
        var from = Flag.Word("WHO", "device:NAME, site:NAME or host:NETWORK");
        var at = At();
        return shell.Verb(
            "reach",
            "Everything that a device or site may reach, by which rule and until when",
            c => PrintAsync(
                c, (limit, cursor) => c.Client.ReachOfAsync(c.Parse.GetValue(from)!, AtOf(c, at), limit, cursor, c.Cancel), null, "nothing"),
            from, at);
    }

    public static Command Access(Shell shell)
    {
        var network = Flag.Text("--network", "Only of this network", "NETWORK");
        var limit = Flag.Number("--limit", $"At most so many rows; default {DefaultLimit} in a table, else all", "COUNT");
        var at = At();
        return shell.WithCsv(shell.Verb(
            "access",
            "The effective access of everybody, as a report: -o table, json, yaml or csv",
            async c =>
            {
                if (c.Printer.Format == OutputFormat.Csv)
                {
                    await using var output = Console.OpenStandardOutput();
                    await c.Client.ExportAccessAsync(output, c.Parse.GetValue(network), AtOf(c, at), c.Cancel);
                    return;
                }

                await PrintAsync(
                    c,
                    (count, cursor) => c.Client.ListAccessAsync(c.Parse.GetValue(network), AtOf(c, at), count, cursor, c.Cancel),
                    Flag.AtLeastOne(c.Parse, limit),
                    "nobody may reach anything");
            },
            network, at, limit));
    }

    private static async Task PrintAsync(CommandContext c, Func<int, string?, Task<ReachPage>> readPage, int? most, string nobody)
    {
        var notes = new List<string>();
        if (c.Printer.Format != OutputFormat.Table)
        {
            await c.Printer.StreamAsync(RowsAsync(readPage, most ?? int.MaxValue, notes, c.Cancel), ApiJson.Default.ReachInfo);
            return;
        }

        var rows = new List<ReachInfo>();
        await foreach (var row in RowsAsync(readPage, (most ?? DefaultLimit) + 1, notes, c.Cancel))
        {
            rows.Add(row);
        }

        var more = rows.Count > (most ?? DefaultLimit);
        c.Printer.Many(
            more ? rows[..^1] : rows,
            ApiJson.Default.ReachInfo,
            nobody,
            new("FROM", r => r.From) { Network = r => r.From.StartsWith("host:", StringComparison.Ordinal) ? null : r.Network },
            new("NETWORK", r => r.Network) { Rank = 2 },
            new("APPLICATION", r => r.ApplicationNetwork == r.Network ? r.Application : $"{r.Application}.{r.ApplicationNetwork}"),
            new("SERVICES", r => string.Join(", ", r.Services)) { Wraps = true },
            new("WHERE", Where) { Rank = 1, Wraps = true },
            new("NOW", When),
            new("RULE", r => $"{r.RuleId}: {r.Rule}{(r.Via is null ? "" : $", by application {r.Via}")}") { Wraps = true });
        notes.ForEach(c.Printer.Remark);
        if (more)
        {
            c.Printer.Remark($"there is more: --limit {(most ?? DefaultLimit) * 10L}, or -o json or csv for all");
        }
    }

    private static async IAsyncEnumerable<ReachInfo> RowsAsync(
        Func<int, string?, Task<ReachPage>> readPage, int most, List<string> notes, [EnumeratorCancellation] CancellationToken cancel)
    {
        string? cursor = null;
        var shown = 0;
        do
        {
            cancel.ThrowIfCancellationRequested();
            var page = await readPage(Math.Min(PageSize, most - shown), cursor);
            notes.AddRange(page.Notes);
            foreach (var row in page.Items.Take(most - shown))
            {
                shown++;
                yield return row;
            }

            cursor = page.Next;
        }
        while (cursor is not null && shown < most);
    }

    private static string Where(ReachInfo row) => row.Names.Count > 0 ? string.Join(", ", row.Names)
        : string.Join(", ", row.Destinations) + (row.Except.Count == 0 ? "" : $" without {string.Join(", ", row.Except)}");

    private static string When(ReachInfo row) => (row.Now, row.Opens, row.Closes) switch
    {
        (true, _, null) => "yes",
        (true, _, { } closes) => $"until {Human.Time(closes)}",
        (false, { } opens, { } closes) => $"no; {Human.Time(opens)} to {Human.Time(closes)}",
        (false, { } opens, null) => $"no; from {Human.Time(opens)}",
        _ => "no",
    };

    internal static Option<string?> At() => Flag.Text("--at", "As of this time instead of now: 2026-12-01T17:00+01:00; without an offset in UTC", "TIME");

    internal static DateTimeOffset? AtOf(CommandContext c, Option<string?> option) => Flag.Time(c.Parse, option);
}
