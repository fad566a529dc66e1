using System.CommandLine;
using System.Globalization;
using Sallyport.Api;
using Sallyport.Api.Rules;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Rules;

internal static class RuleCommands
{
    private const string GroupPrefix = "application-group:";

    public static Command Build(Shell shell) =>
        Shell.Noun("rule", "Who may reach what; nothing is allowed without one", Add(shell), List(shell), Show(shell), Update(shell), Remove(shell));

    private static Command Add(Shell shell)
    {
        var from = Flag.Text(
            "--from", "device:NAME, site:NAME, group:NAME, label:KEY=VALUE, label:KEY=VALUE,KEY=VALUE for who has both, or network:NAME", "SUBJECT", required: true);
        var to = Flag.Text("--to", "application:NAME or application-group:NAME", "APPLICATION", required: true);
        var fromNetwork = Flag.Text("--from-network", "The network whose group or label is meant; default: the application's", "NETWORK");
        var deny = Flag.Switch("--deny", "Deny it instead, whatever else allows it");
        var time = new TimeFlags();
        var conditions = new ConditionFlags();
        var limit = new LimitFlags();
        return shell.Verb(
            "add",
            "Allow subjects to open flows to an application, or deny it to them",
            async c =>
            {
                var rule = await c.Client.AddRuleAsync(
                    new RuleCreate
                    {
                        From = c.Parse.GetValue(from),
                        To = c.Parse.GetValue(to),
                        FromNetwork = c.Parse.GetValue(fromNetwork),
                        Effect = c.Parse.GetValue(deny) ? "deny" : null,
                        For = time.End.SpanOf(c.Parse),
                        Until = time.End.UntilOf(c.Parse),
                        Windows = time.WindowsOf(c.Parse),
                        Conditions = conditions.Of(c.Parse),
                        Limit = limit.Of(c.Parse),
                    },
                    c.Cancel);
                var there = await AppearanceOf(c, rule);
                c.Printer.One(rule, ApiJson.Default.RuleInfo, r =>
                {
                    c.Printer.Line($"rule {r.Id} added: {FromOf(r)} {(r.Effect == "deny" ? "may not" : "may")} reach {r.To}{WhenOf(r)}{MoreOf(r)}");
                    if (there is not null)
                    {
                        c.Printer.Remark(there);
                    }

                    if (r.Subjects == 0)
                    {
                        c.Printer.Remark($"{Nobody(r.From)}: {Remedy(r.From)}");
                    }

                    if (r.Applications == 0 && r.To.StartsWith(GroupPrefix, StringComparison.Ordinal))
                    {
                        var group = r.To[GroupPrefix.Length..];
                        c.Printer.Remark($"no application is in the group {group}: sallyport application update NAME.{r.Network} --group {group}");
                    }
                });
                CutText.PrintReconnecting(c.Printer, rule.TunnelsReconnecting);
                return CutText.PrintSideEffect(c.Printer, rule.Cut);
            },
            [from, to, fromNetwork, deny, .. time.All, .. conditions.All, .. limit.All]);
    }

    /// <summary>"group:pumps of network plant-a" where that is not the application's.</summary>
    private static string FromOf(RuleInfo rule) =>
        rule.FromNetwork == rule.Network || rule.From.StartsWith("network:", StringComparison.Ordinal) ? rule.From : $"{rule.From} of network {rule.FromNetwork}";

    /// <summary>"application-group:scada (3 applications)": how many it leads to now.</summary>
    private static string ToOf(RuleInfo rule) =>
        rule.To.StartsWith(GroupPrefix, StringComparison.Ordinal) ? $"{rule.To} ({Human.Count(rule.Applications, "application")})" : rule.To;

    private const string Everything = "0.0.0.0/0";

    /// <summary>Where the subjects of another network reach the application, as a sentence; null within one, and for a group of applications.</summary>
    private static async Task<string?> AppearanceOf(CommandContext c, RuleInfo rule)
    {
        const string Prefix = "application:";
        if (rule.Effect == "deny" || rule.FromNetwork == rule.Network || !rule.To.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        var application = await c.Client.GetApplicationAsync($"{rule.To[Prefix.Length..]}.{rule.Network}", c.Cancel);
        var way = application.Target == Everything && !(await c.Client.GetNetworkAsync(rule.FromNetwork, c.Cancel)).DefaultRoute
            ? $". No route leads to all addresses: sallyport network update {rule.FromNetwork} --default-route on, or let the device have one of its own" : "";
        if (application.Names.Count > 0)
        {
            return $"it is reached by its names alone ({string.Join(", ", application.Names)}), at the addresses that the gateway answers for them in network {rule.FromNetwork}{way}";
        }

        if (application.Target == Everything)
        {
            return $"it is everything beyond the gateway host{way}";
        }

        var place = application.AppearsAt.FirstOrDefault(one => one.StartsWith(rule.FromNetwork + " ", StringComparison.Ordinal))?[(rule.FromNetwork.Length + 1)..];
        return place is null ? null : $"in network {rule.FromNetwork} it is at {(place.EndsWith("/32", StringComparison.Ordinal) ? place[..^3] : place)}";
    }

    /// <summary>", until …", and whether that is now; empty for a rule that is always in force.</summary>
    private static string WhenOf(RuleInfo rule)
    {
        var time = TimeFlags.Describe(rule.Until, rule.Windows);
        var next = rule.NextChange is { } at && rule.State == "waiting" ? $" from {Human.Time(at)}" : "";
        return time == "always" ? "" : $", {time}{(rule.State == "in force" ? "" : $" (now: {rule.State}{next})")}";
    }

    /// <summary>Under what conditions, and how much; empty for none.</summary>
    private static string MoreOf(RuleInfo rule) =>
        (rule.Conditions.Text.Length > 0 ? $", {rule.Conditions.Text}" : "") + (rule.Limit is { } limit ? $", at most {limit.Text}" : "");

    private static Command List(Shell shell)
    {
        var network = Flag.Text("--network", "Only of this network", "NETWORK");
        return shell.Verb(
            "list",
            "All rules",
            async c => c.Printer.Many(
                await AllAsync(c, c.Parse.GetValue(network)),
                ApiJson.Default.RuleInfo,
                c.Empty("rules", "everything is denied; allow something: sallyport rule add --from device:pump-17 --to application:historian"),
                new("ID", r => $"{r.Id}") { Right = true },
                new("NETWORK", r => r.Network) { Rank = 2 },
                new("FROM", FromOf) { Network = r => r.From.Split(':')[0] is "device" or "site" && r.FromNetwork == r.Network ? r.FromNetwork : null },
                new("TO", ToOf) { Network = r => r.To.StartsWith(GroupPrefix, StringComparison.Ordinal) ? null : r.Network },
                new("EFFECT", r => r.Effect),
                new("WHEN", r => TimeFlags.Describe(r.Until, r.Windows)) { Wraps = true },
                new("IF", r => r.Conditions.Text) { Wraps = true, Rank = 3 },
                new("AT MOST", r => r.Limit?.Text) { Wraps = true, Rank = 4 },
                new("STATE", r => r.State),
                new("SUBJECTS", r => $"{r.Subjects}") { Right = true },
                new("CREATED", r => Human.Time(r.CreatedAt)) { Rank = 1 }),
            network);
    }

    private static Command Show(Shell shell)
    {
        var id = new Argument<int>("ID") { Description = "Number of the rule" };
        return shell.Verb(
            "show",
            "One rule",
            async c => c.Printer.One(
                await c.Client.GetRuleAsync(c.Parse.GetValue(id), c.Cancel),
                ApiJson.Default.RuleInfo,
                r => c.Printer.Facts(
                    ("id", r.Id.ToString(CultureInfo.InvariantCulture)),
                    ("network", r.Network),
                    ("from", FromOf(r)),
                    ("to", ToOf(r)),
                    ("effect", r.Effect),
                    ("when", TimeFlags.Describe(r.Until, r.Windows)),
                    ("if", r.Conditions.Text),
                    ("at most", LimitFlags.Describe(r.Limit)),
                    ("state", r.NextChange is { } next ? $"{r.State} until {Human.Time(next)}" : r.State),
                    ("subjects", r.Subjects == 0 ? Nobody(r.From) : $"{r.Subjects} now"),
                    ("created", Human.Time(r.CreatedAt)))),
            id);
    }

    private static Command Update(Shell shell)
    {
        var id = new Argument<int>("ID") { Description = "Number of the rule" };
        var time = new TimeFlags();
        var conditions = new ConditionFlags();
        var limit = new LimitFlags();
        var noEnd = Flag.Switch("--no-end", "It ends no more by itself");
        var always = Flag.Switch("--all-hours", "It is in force at every hour");
        return shell.Verb(
            "update",
            "Change when a rule is in force, under what conditions (any for none of a kind), and how much may pass; live flows are judged again at once",
            async c =>
            {
                var update = new RuleUpdate
                {
                    For = time.End.SpanOf(c.Parse),
                    Until = time.End.UntilOf(c.Parse),
                    NoEnd = c.Parse.GetValue(noEnd) ? true : null,
                    Windows = c.Parse.GetValue(always) ? [] : time.WindowsOf(c.Parse),
                    Conditions = conditions.Of(c.Parse),
                    Limit = limit.Of(c.Parse),
                };
                if (update == new RuleUpdate())
                {
                    throw new CliException(
                        ExitCodes.Usage, "nothing to change", null, "Give --for, --until, --no-end, --hours, --all-hours, a condition such as --source, or a limit such as --rate.");
                }

                var after = await c.Client.UpdateRuleAsync(c.Parse.GetValue(id), update, cancel: c.Cancel);
                c.Printer.One(after, ApiJson.Default.RuleInfo, r => c.Printer.Line($"rule {r.Id} changed: {r.From} to {r.To}{WhenOf(r)}{MoreOf(r)}"));
                CutText.PrintReconnecting(c.Printer, after.TunnelsReconnecting);
                return CutText.PrintSideEffect(c.Printer, after.Cut);
            },
            [id, noEnd, always, .. time.All, .. conditions.All, .. limit.All]);
    }

    private static Command Remove(Shell shell)
    {
        var id = new Argument<int?>("ID") { Description = "Number of the rule", Arity = ArgumentArity.ZeroOrOne };
        var from = Flag.Text("--from", "Instead of the number: its subject", "SUBJECT");
        var to = Flag.Text("--to", "Instead of the number: its application", "APPLICATION");
        return shell.Verb(
            "remove",
            "Remove a rule and cut the flows that nothing else allows",
            async c =>
            {
                var which = c.Parse.GetValue(id) ?? await FindAsync(c, c.Parse.GetValue(from), c.Parse.GetValue(to));
                return CutText.Print(c.Printer, await c.Client.DeleteRuleAsync(which, c.Cancel), "removed");
            },
            id, from, to);
    }

    private static string Nobody(string subject) => subject.Split(':', 2) switch
    {
        ["group", var group] => $"nobody is in the group {group} now",
        ["label", var label] => $"nobody has the label{(Labels.OfSelector(label).Count > 1 ? "s" : "")} {label} now",
        _ => $"{subject} is retired (revoked for good)",
    };

    private static string Remedy(string subject) => subject.Split(':', 2) switch
    {
        ["group", var group] => $"it allows nothing until somebody is; see sallyport device update NAME --group {group}",
        ["label", var label] => $"it allows nothing until somebody has; see sallyport device update NAME {Labels.Flags(label)}",
        _ => "it allows nothing; whoever takes the place has a name or an identity of its own",
    };

    private static async Task<int> FindAsync(CommandContext c, string? from, string? to)
    {
        if (from is null || to is null)
        {
            throw new CliException(ExitCodes.Usage, "no rule is named", "ID", "Give its number (sallyport rule list), or --from and --to.");
        }

        from = Labels.Subject(from);
        var found = (await AllAsync(c, null)).Where(r => r.From == from && r.To == to).ToList();
        return found.Count switch
        {
            1 => found[0].Id,
            0 => throw new CliException(
                ExitCodes.NotFound, $"there is no rule from {from} to {to}", "--from, --to", "sallyport rule list shows all."),
            _ => throw new CliException(
                ExitCodes.Refused,
                $"there are {found.Count} such rules: {string.Join(", ", found.Select(r => $"{r.Id} ({r.Network})"))}",
                "--from, --to",
                "Give the number of one."),
        };
    }

    private static Task<IReadOnlyList<RuleInfo>> AllAsync(CommandContext c, string? network) =>
        CommandContext.AllAsync(null, (limit, cursor) => c.Client.ListRulesAsync(network, limit, cursor, c.Cancel));
}
