using System.Globalization;
using System.Text;
using Sallyport.Api.Policy;
using Sallyport.Control.FleetFiles;
using Sallyport.Core.Policy;

namespace Sallyport.Control.Policies.Mud;

/// <summary>A plan as a part of a fleet file, and as commands. What comes from the MUD file stands in it as text of a comment or in quotes, and nowhere else.</summary>
internal static class MudFleetText
{
    public static string Write(MudPlan plan)
    {
        var text = new StringBuilder();
        Comment(text, "", $"{plan.SystemInfo ?? plan.Model ?? "A device"}, by {plan.MudUrl} of {FileValue.Time(plan.LastUpdate)}");
        Comment(text, "", plan.SignedBy is null ? "nobody checked a signature of it" : $"signed by {plan.SignedBy}");
        foreach (var finding in plan.Findings.Where(finding => finding.Kind == MudNote.Decide))
        {
            Comment(text, "", $"to decide: {(finding.Entry.Length == 0 ? "" : $"{finding.Entry} (line {finding.Line}): ")}{finding.Why}{(finding.Hint is null ? "" : $"; {finding.Hint}")}");
        }

        Write(text, plan.Applications);
        Write(text, plan.Rules);
        return text.ToString();
    }

    public static IReadOnlyList<string> Commands(MudPlan plan) =>
    [
        .. plan.Applications.Where(one => one.State != "there").Select(CommandOf),
        .. plan.Rules.Where(rule => rule.Existing is null).Select(rule =>
            $"sallyport rule add --from {CommandText.Word(rule.From)}{(rule.FromNetwork is null ? "" : $" --from-network {rule.FromNetwork}")} --to {rule.To}{(rule.Deny ? " --deny" : "")}"),
    ];

    private static void Write(StringBuilder text, IReadOnlyList<MudApplication> applications)
    {
        text.Append(applications.Count == 0 ? "applications: {}\n" : "applications:\n");
        foreach (var one in applications)
        {
            Comment(text, "  ", Entries(one.Entries));
            text.Append(CultureInfo.InvariantCulture, $"  {FileValue.Quoted(one.Name)}:\n");
            foreach (var (key, value) in ((string, string?)[])[("site", one.Site), ("device", one.Device), ("host", one.Host), ("target", one.Target)])
            {
                if (value is not null)
                {
                    text.Append(CultureInfo.InvariantCulture, $"    {key}: {FileValue.Quoted(value)}\n");
                }
            }

            foreach (var (key, list) in ((string, IReadOnlyList<string>)[])[("names", one.Names), ("groups", one.Groups), ("services", one.Services)])
            {
                if (list.Count > 0)
                {
                    text.Append(CultureInfo.InvariantCulture, $"    {key}: {FileValue.Show(list)}\n");
                }
            }
        }
    }

    private static void Write(StringBuilder text, IReadOnlyList<MudRule> rules)
    {
        text.Append(rules.Any(rule => rule.Existing is null) ? "rules:\n" : "rules: []\n");
        foreach (var rule in rules)
        {
            Comment(text, "  ", Entries(rule.Entries));
            if (rule.Existing is { } id)
            {
                // A rule of a file is wholly what the file says: here its hours would be lost.
                Comment(text, "  ", string.Create(CultureInfo.InvariantCulture, $"rule {id} from {rule.From} to {rule.To} is there"));
                continue;
            }

            text.Append("  - { ");
            text.Append(rule.Deny ? "deny: true, " : "");
            text.Append(CultureInfo.InvariantCulture, $"from: {FileValue.Quoted(rule.From)}, ");
            text.Append(rule.FromNetwork is null ? "" : $"from_network: {FileValue.Quoted(rule.FromNetwork)}, ");
            text.Append(CultureInfo.InvariantCulture, $"to: {FileValue.Quoted(rule.To)} }}\n");
        }
    }

    /// <summary>A line of printable ASCII: nothing in it ends the comment, in whichever YAML.</summary>
    private static void Comment(StringBuilder text, string indent, string line)
    {
        text.Append(indent).Append("# ");
        foreach (var c in line)
        {
            text.Append(c is >= ' ' and <= '~' ? c : '?');
        }

        text.Append('\n');
    }

    private static string Entries(IReadOnlyList<string> entries) => string.Join(", ", entries);

    private static string CommandOf(MudApplication one)
    {
        var command = new StringBuilder();
        var isNew = one.State == "new";
        command.Append(CultureInfo.InvariantCulture, $"sallyport application {(isNew ? "add" : "update")} {one.Name}{(isNew ? "" : $".{one.Network}")}");
        if (isNew)
        {
            command.Append(
                one.Site is { } site ? $" --site {site}" : one.Device is { } device ? $" --device {device}" : one.Host == Egress.Name ? " --egress" : $" --host --network {one.Host}");
        }

        command.Append(one.Target is null ? "" : $" --target {one.Target}");
        foreach (var name in one.Names)
        {
            command.Append(CultureInfo.InvariantCulture, $" --name {CommandText.Word(name)}");
        }

        foreach (var service in one.Services)
        {
            command.Append(' ').Append(ServiceText.Flag(service));
        }

        foreach (var group in one.Groups)
        {
            command.Append(CultureInfo.InvariantCulture, $" --group {group}");
        }

        return command.ToString();
    }
}
