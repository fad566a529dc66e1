using System.CommandLine;
using System.Text.Json.Nodes;
using Sallyport.Api;
using Sallyport.Api.Policy;
using Sallyport.Cli.Applications;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Policy;

/// <summary>A plan of rules from what was observed.</summary>
internal static class LearnCommand
{
    public static Command Build(Shell shell)
    {
        var device = Flag.Text("--device", "What this device did", "DEVICE");
        var site = Flag.Text("--site", "What this site did", "SITE");
        var host = Flag.Text("--host", "What the gateway host did in this network", "NETWORK");
        var group = Flag.Text("--group", "What members of this group did", "GROUP");
        var labels = Flag.List("--label", "What devices with this label did, such as model=P200; of several, those with all", "KEY=VALUE");
        var network = Flag.Text("--network", "Members of this network, where several have some; alone: all of the network", "NETWORK");
        var days = Flag.Number("--days", "Flows of so many days (7)", "COUNT");
        var denied = Flag.Switch("--include-denied", "Cover what was denied as well");
        var commands = Flag.Switch("--commands", "Only the commands that make it so");
        var output = new FileFlags();
        return shell.Verb(
            "learn",
            "The smallest rules that cover what was observed, as a plan to review; changes nothing",
            async c =>
            {
                var subject = SubjectOf(c.Parse, network, ("device", device), ("site", site), ("host", host), ("group", group), ("label", labels));
                await output.WriteAsync(
                    c,
                    "rules.yaml",
                    () => c.Client.LearnAsync(subject, c.Parse.GetValue(network), Flag.AtLeastOne(c.Parse, days), c.Parse.GetValue(denied), c.Cancel),
                    (printer, plan) => Print(printer, plan, c.Parse.GetValue(commands)));
            },
            [device, site, host, group, labels, network, days, denied, commands, .. output.All]);
    }

    private static void Print(Printer printer, LearnPlan plan, bool commandsOnly)
    {
        if (commandsOnly)
        {
            foreach (var command in plan.Commands)
            {
                printer.Line(command);
            }

            if (plan.Commands.Count == 0)
            {
                printer.Remark(Nothing(plan));
            }

            RemarkOnRules(printer, plan);
        }
        else if (printer.Format == OutputFormat.Yaml)
        {
            printer.Node(Fragment(plan));
            RemarkOnRules(printer, plan);
        }
        else
        {
            printer.One(plan, ApiJson.Default.LearnPlan, p => Print(printer, p));
        }
    }

    /// <summary>Why there is no command.</summary>
    private static string Nothing(LearnPlan plan) => plan.Rules.Count > 0
        ? "nothing to do: rules that are there allow all of it"
        : plan.Skipped.Count > 0 ? "nothing to propose: sallyport policy learn without --commands says why" : "nothing to propose: nothing was observed that a rule could be made of";

    private static void RemarkOnRules(Printer printer, LearnPlan plan)
    {
        foreach (var said in plan.Rules.SelectMany(rule => (string?[])[TemporaryOf(rule), BypassedOf(rule)]).OfType<string>())
        {
            printer.Remark(said);
        }
    }

    /// <summary>What was allowed for a while only is not proposed for good without a word; null where it was not.</summary>
    private static string? TemporaryOf(LearnedRule rule)
    {
        if (rule is { Existing: { } id, Until: { } end })
        {
            return end > DateTimeOffset.UtcNow
                ? $"rule {id} ({rule.From} to {rule.To}) ends at {Human.Time(end)}; to keep it: sallyport rule update {id} --no-end"
                : $"rule {id} ({rule.From} to {rule.To}) ended at {Human.Time(end)}; to allow it again: sallyport rule update {id} --for 8h, or --no-end";
        }

        return rule.Temporary.Count == 0 ? null
            : $"{rule.From} to {rule.To} was allowed by {(rule.Temporary.Count == 1 ? "rule" : "rules")} {string.Join(", ", rule.Temporary)} alone, for a while; what is proposed has no end: add --until or --for where it is to have one";
    }

    /// <summary>Null where the rule goes around none.</summary>
    private static string? BypassedOf(LearnedRule rule) => rule.Bypasses.Count == 0 ? null
        : $"careful: {(rule.Bypasses.Count == 1 ? "rule" : "rules")} {string.Join(", ", rule.Bypasses)} allowed {rule.From} to {rule.To} or would, under conditions or in hours; what is proposed goes around that";

    private static void Print(Printer printer, LearnPlan plan)
    {
        printer.Line($"{plan.Subject} of network {plan.Network}: {plan.MembersSeen} of {Human.Count(plan.Members, "member")} seen since {Human.Time(plan.Since)}, {Human.Count(plan.Flows, "flow")}");
        var made = plan.Applications.ToDictionary(application => application.Name);
        printer.Many(
            plan.Rules,
            ApiJson.Default.LearnedRule,
            "nothing was observed that a rule could be made of",
            new("RULE", r => r.Existing is { } id ? $"{id}" : "new"),
            new("FROM", r => r.From),
            new("TO", r => r.To),
            new("APPLICATION", r => made.TryGetValue(r.To.Split(':', 2)[1].Split('.')[0], out var a) ? $"new, {a.Target}" : "there"),
            new("USED", r => string.Join(", ", r.Services)) { Wraps = true },
            new("BY", r => $"{r.Members}") { Right = true },
            new("FLOWS", r => $"{r.Flows}") { Right = true },
            new("DENIED", r => $"{r.Denied}") { Right = true, Rank = 1 },
            new("LAST SEEN", r => Human.Time(r.LastSeen)) { Rank = 2 });
        foreach (var said in plan.Rules.Select(TemporaryOf).OfType<string>())
        {
            printer.Sentence($"  for a while: {said}", 15);
        }

        foreach (var said in plan.Rules.Select(BypassedOf).OfType<string>())
        {
            printer.Sentence($"  {said}", 11);
        }

        foreach (var one in plan.Skipped)
        {
            printer.Sentence($"  not in it: {one.What} ({Human.Count(one.Flows, "flow")}): {one.Why}", 13);
        }

        if (plan.Commands.Count > 0)
        {
            printer.Line("to make it so:");
            foreach (var command in plan.Commands)
            {
                printer.Line($"  {command}");
            }
        }
    }

    /// <summary>As it stands in a fleet file.</summary>
    private static JsonObject Fragment(LearnPlan plan)
    {
        var applications = new JsonObject();
        foreach (var application in plan.Applications)
        {
            var entry = new JsonObject();
            foreach (var (name, value) in ((string, string?)[])
                [("site", application.Site), ("device", application.Device), ("host", application.Host), ("target", application.Host is null or ApplicationCommands.EgressNetwork ? application.Target : null)])
            {
                if (value is not null)
                {
                    entry[name] = value;
                }
            }

            entry["services"] = new JsonArray([.. application.Services.Select(service => JsonValue.Create(service))]);
            applications[application.Name] = entry;
        }

        var rules = plan.Rules.Where(rule => rule.Existing is null).Select(rule => rule.FromNetwork is null
            ? new JsonObject { ["from"] = rule.From, ["to"] = rule.To }
            : new JsonObject { ["from"] = rule.From, ["from_network"] = rule.FromNetwork, ["to"] = rule.To });
        return new JsonObject { ["applications"] = applications, ["rules"] = new JsonArray([.. rules]) };
    }

    private static string SubjectOf(ParseResult parse, Option<string?> network, params ReadOnlySpan<(string Kind, Option Option)> flags)
    {
        var given = new List<string>();
        var names = new List<string>();
        foreach (var (kind, option) in flags)
        {
            names.Add(option.Name);
            var name = option is Option<string[]> list ? string.Join(',', parse.GetValue(list) ?? []) : parse.GetValue((Option<string?>)option);
            if (!string.IsNullOrEmpty(name))
            {
                given.Add($"{kind}:{name}");
            }
        }

        return given is [var only] ? only
            : given.Count == 0 && parse.GetValue(network) is { } all ? $"network:{all}"
            : throw new CliException(
                ExitCodes.Usage, given.Count == 0 ? "nobody is named whose behaviour is to be learned" : "one subject at a time", string.Join(", ", names), "Give one of them.");
    }
}
