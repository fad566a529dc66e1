using System.CommandLine;
using System.Globalization;
using System.Text;
using Sallyport.Api;
using Sallyport.Api.Policy;
using Sallyport.Api.Rules;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Fleets;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Policy;

/// <summary>What would have become of recorded flows under other rules.</summary>
internal static class ReplayCommand
{
    public static Command Build(Shell shell)
    {
        var days = Flag.Number("--days", "Flows of so many days (7)", "COUNT");
        var network = Flag.Text("--network", "Only flows of this network", "NETWORK");
        var add = Flag.List("--add-rule", "A rule that the draft has besides: \"group:pumps application:historian\"", "\"FROM TO\"");
        var deny = Flag.List("--deny-rule", "The same of one that denies", "\"FROM TO\"");
        var remove = Flag.List("--remove-rule", "A rule that the draft has not, by its number", "ID");
        var file = new FleetFileFlag(isRequired: false);
        var prune = Flag.Switch("--prune", "With --file: as in an apply that removes what the file leaves out");
        return shell.Verb(
            "replay",
            "Which recorded flows a draft would newly block or allow; changes nothing",
            c => file.IsGiven(c.Parse)
                ? file.WithPlacesAsync(c, async text =>
                {
                    var asked = RequestOf(c.Parse) with { File = Encoding.UTF8.GetString(text.Span), Prune = c.Parse.GetValue(prune) };
                    Print(c.Printer, await c.Client.ReplayAsync(asked, c.Cancel));
                    return ExitCodes.Ok;
                })
                : ReplayAsync(c, RequestOf(c.Parse)),
            days, network, file.Option, prune, add, deny, remove);

        ReplayRequest RequestOf(ParseResult parse) => new()
        {
            Days = Flag.AtLeastOne(parse, days),
            Network = parse.GetValue(network),
            AddRules =
            [
                .. (parse.GetValue(add) ?? []).Select(text => RuleOf(text, null, add)),
                .. (parse.GetValue(deny) ?? []).Select(text => RuleOf(text, "deny", deny)),
            ],
            RemoveRules = [.. (parse.GetValue(remove) ?? []).Select(text => NumberOf(text, remove))],
        };
    }

    private static async Task<int> ReplayAsync(CommandContext c, ReplayRequest request)
    {
        if (request.AddRules is not { Count: > 0 } && request.RemoveRules is not { Count: > 0 })
        {
            throw new CliException(
                ExitCodes.Usage, "the draft is the policy of today", "--file, --add-rule, --deny-rule, --remove-rule", "Say what it has otherwise.");
        }

        Print(c.Printer, await c.Client.ReplayAsync(request, c.Cancel));
        return ExitCodes.Ok;
    }

    private static void Print(Printer printer, ReplayReport report) => printer.One(report, ApiJson.Default.ReplayReport, r =>
    {
        printer.Line($"{Human.Count(r.Flows, "flow")} since {Human.Time(r.Since)}:");
        printer.Facts(
            ("newly blocked", $"{Human.Count(r.Blocked, "flow")} of {Human.Count(r.BlockedFrom, "sender")}"),
            ("newly allowed", $"{Human.Count(r.Allowed, "flow")} of {Human.Count(r.AllowedFrom, "sender")}"),
            ("as today", string.Create(CultureInfo.InvariantCulture, $"{r.StayAllowed} allowed, {r.StayDenied} denied")),
            ("decided otherwise when recorded", r.RecordedOtherwise == 0 ? null : $"{Human.Count(r.RecordedOtherwise, "flow")}: the policy has changed since"));
        foreach (var one in r.NotJudged)
        {
            printer.Sentence($"  not judged: {Human.Count(one.Flows, "flow")}: {one.Why}", 14);
        }

        if (r.Changes.Count == 0)
        {
            return;
        }

        printer.Line("");
        printer.Many(
            r.Changes,
            ApiJson.Default.ReplayChange,
            "",
            new("CHANGE", change => change.Change.ToUpperInvariant()),
            new("FROM", change => change.From) { Network = change => NetworkOf(change.From, change.Network) },
            new("NETWORK", change => change.Network) { Rank = 3 },
            new("TO", change => change.Application ?? change.To),
            new("SERVICE", change => $"{change.Service} {change.Destination}"),
            new("FLOWS", change => $"{change.Flows}") { Right = true },
            new("BYTES", change => Human.Bytes(change.Bytes)) { Right = true, Rank = 2 },
            new("LAST SEEN", change => Human.Time(change.LastSeen)) { Rank = 1 },
            new("WHY", Why) { Wraps = true });
        if (r.ChangesLeftOut > 0 || r.FlowsLeftOut > 0)
        {
            printer.Remark($"{Human.Count(r.ChangesLeftOut, "further change")} not shown; -o json with a narrower --network or fewer --days shows more");
        }
    });

    /// <summary>The host is called as its network.</summary>
    private static string? NetworkOf(string from, string network) => from.StartsWith("host:", StringComparison.Ordinal) ? null : network;

    private static string Why(ReplayChange change) => change.Change == "blocked"
        ? $"{change.Reason}; today rule {change.RuleId} allows it" : $"by {change.Rule}; today {change.Reason}";

    private static RuleCreate RuleOf(string text, string? effect, Option option) =>
        text.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var from, var to]
            ? new RuleCreate { From = from, To = to, Effect = effect }
            : throw new CliException(
                ExitCodes.Usage, $"\"{text}\" is no rule", option.Name, $"Write who and where: {option.Name} \"group:pumps application:historian\"");

    private static int NumberOf(string text, Option option) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
        ? id : throw new CliException(ExitCodes.Usage, $"\"{text}\" is no number of a rule", option.Name, "sallyport rule list shows the numbers.");
}
