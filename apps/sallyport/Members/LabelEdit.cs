using System.CommandLine;
using Sallyport.Cli.Arguments;

namespace Sallyport.Cli.Members;

/// <summary>Adds and removes single labels and groups; the API replaces them whole.</summary>
internal sealed class LabelEdit
{
    private readonly Option<string[]> labels = Flag.List("--label", "Set a label, key=value", "LABEL");
    private readonly Option<string[]> removeLabels = Flag.List("--remove-label", "Remove a label by its key", "KEY");
    private readonly Option<string[]> groups = Flag.List("--group", "Join a group", "GROUP");
    private readonly Option<string[]> removeGroups = Flag.List("--remove-group", "Leave a group", "GROUP");

    public Symbol[] All => [labels, removeLabels, groups, removeGroups];

    /// <summary>Null where the labels stay as they are.</summary>
    public Dictionary<string, string>? LabelsOf(ParseResult parse, IReadOnlyDictionary<string, string> now)
    {
        var set = Labels.Parse(parse.GetValue(labels) ?? []);
        var remove = parse.GetValue(removeLabels) ?? [];
        if (set is null && remove.Length == 0)
        {
            return null;
        }

        var after = new Dictionary<string, string>(now);
        foreach (var key in remove)
        {
            if (!after.Remove(key))
            {
                throw new CliException(
                    ExitCodes.Usage,
                    $"there is no label \"{key}\" to remove",
                    "--remove-label",
                    now.Count == 0 ? "It has none." : $"It has: {string.Join(", ", now.Keys.Order(StringComparer.Ordinal))}.");
            }
        }

        foreach (var (key, value) in set ?? [])
        {
            after[key] = value;
        }

        return after;
    }

    public List<string>? GroupsOf(ParseResult parse, IReadOnlyList<string> now)
    {
        var join = parse.GetValue(groups) ?? [];
        var leave = parse.GetValue(removeGroups) ?? [];
        if (join.Length == 0 && leave.Length == 0)
        {
            return null;
        }

        if (leave.FirstOrDefault(group => !now.Contains(group)) is { } stranger)
        {
            throw new CliException(
                ExitCodes.Usage,
                $"it is not in the group \"{stranger}\"",
                "--remove-group",
                now.Count == 0 ? "It is in none." : $"It is in: {string.Join(", ", now)}.");
        }

        return [.. now.Except(leave).Union(join)];
    }
}
