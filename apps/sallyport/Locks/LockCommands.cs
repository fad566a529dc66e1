using System.CommandLine;
using Sallyport.Api;
using Sallyport.Api.Locks;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;
using Sallyport.Cli.Rules;

namespace Sallyport.Cli.Locks;

internal static class LockCommands
{
    public static Command Build(Shell shell) =>
        Shell.Noun("lock", "Cut any subject off at once, with a reason and an end", Add(shell), List(shell), Show(shell), Remove(shell));

    private static Command Add(Shell shell)
    {
        var subject = Flag.Word(
            "SUBJECT", "device:NAME, site:NAME, network:NAME, application:NAME, rule:ID, credential:ID, group:NAME or label:KEY=VALUE[,KEY=VALUE]");
        var network = Flag.Text("--network", "Of a group or label: only in this network", "NETWORK");
        var reason = Flag.Reason();
        var end = new EndFlags();
        return shell.Verb(
            "add",
            "Cut a subject off at once, whatever rules and states say",
            async c =>
            {
                var made = await c.Client.AddLockAsync(
                    new LockCreate
                    {
                        Subject = c.Parse.GetValue(subject),
                        Network = c.Parse.GetValue(network),
                        Reason = c.Parse.GetValue(reason),
                        For = end.SpanOf(c.Parse),
                        Until = end.UntilOf(c.Parse),
                    },
                    c.Cancel);
                c.Printer.One(made, ApiJson.Default.LockInfo, l =>
                {
                    c.Printer.Line($"lock {l.Id} added: {l.Subject}{(l.Until is { } until ? $", until {Human.Time(until)}" : "")}");
                    if (l.Subjects == 0)
                    {
                        c.Printer.Remark("it speaks of nobody now; whoever joins is locked at once");
                    }
                });
                return CutText.PrintSideEffect(c.Printer, made.Cut);
            },
            [subject, network, reason, .. end.All]);
    }

    private static Command List(Shell shell)
    {
        var network = Flag.Text("--network", "Only of this network", "NETWORK");
        return shell.Verb(
            "list",
            "All locks",
            async c => c.Printer.Many(
                await CommandContext.AllAsync(
                    null, (limit, cursor) => c.Client.ListLocksAsync(c.Parse.GetValue(network), limit, cursor, c.Cancel)),
                ApiJson.Default.LockInfo,
                c.Empty("locks", "to cut somebody off for two hours: sallyport lock add device:NAME --for 2h --reason TEXT"),
                new("ID", l => $"{l.Id}") { Right = true },
                new("SUBJECT", l => l.Subject) { Network = l => l.Network },
                new("NETWORK", l => l.Network ?? "all") { Rank = 2 },
                new("SUBJECTS", l => $"{l.Subjects}") { Right = true, Rank = 1 },
                new("UNTIL", l => l.Until is { } until ? Human.Time(until) : "no end"),
                new("REASON", l => l.Reason ?? "") { Wraps = true },
                new("BY", l => l.CreatedBy) { Rank = 2 },
                new("SINCE", l => Human.Time(l.CreatedAt)) { Rank = 1 }),
            network);
    }

    private static Command Show(Shell shell)
    {
        var id = new Argument<int>("ID") { Description = "Number of the lock" };
        return shell.Verb(
            "show",
            "One lock",
            async c => c.Printer.One(
                await c.Client.GetLockAsync(c.Parse.GetValue(id), c.Cancel),
                ApiJson.Default.LockInfo,
                l => c.Printer.Facts(
                    ("id", $"{l.Id}"),
                    ("subject", l.Subject),
                    ("network", l.Network ?? "all"),
                    ("subjects", $"{l.Subjects} now"),
                    ("until", l.Until is { } until ? Human.Time(until) : "no end"),
                    ("reason", l.Reason ?? ""),
                    ("by", l.CreatedBy),
                    ("since", Human.Time(l.CreatedAt)))),
            id);
    }

    private static Command Remove(Shell shell)
    {
        var id = new Argument<int>("ID") { Description = "Number of the lock" };
        return shell.Verb(
            "remove",
            "Remove a lock; what it cut off may come again",
            async c =>
            {
                var which = c.Parse.GetValue(id);
                await c.Client.DeleteLockAsync(which, c.Cancel);
                c.Printer.Line($"lock {which} removed");
            },
            id);
    }
}
