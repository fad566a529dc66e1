using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Sallyport.Daemon.Settings;

/// <summary>
/// Reads sallyport.yaml into raw settings, each with its line and column; collects every problem instead of stopping at the first.
/// </summary>
internal static class SettingsFile
{
    public static IReadOnlyList<RawSetting> Read(string path, string text, List<SettingProblem> problems)
    {
        var settings = new List<RawSetting>();
        var yaml = new YamlStream();
        try
        {
            yaml.Load(new StringReader(text));
        }
        catch (YamlException error)
        {
            problems.Add(new SettingProblem(
                At(path, error.Start), $"this is not YAML: {Reason(error)}", "Indent with spaces, and write one \"key: value\" per line."));
            return settings;
        }

        if (yaml.Documents.Count > 1)
        {
            problems.Add(new SettingProblem(
                At(path, yaml.Documents[1].RootNode.Start), "only one document is read", "Remove the line \"---\" and what follows it."));
        }

        if (yaml.Documents.Count > 0 && !IsEmpty(yaml.Documents[0].RootNode))
        {
            ReadNode(path, "", yaml.Documents[0].RootNode, settings, problems);
        }

        return settings;
    }

    private static void ReadNode(string path, string prefix, YamlNode node, List<RawSetting> settings, List<SettingProblem> problems)
    {
        if (node is not YamlMappingNode mapping)
        {
            var what = prefix.Length == 0 ? "the file" : $"\"{prefix}\"";
            problems.Add(new SettingProblem(At(path, node.Start), $"{what} must be a group of keys", $"For example:\n{Example(prefix)}"));
            return;
        }

        foreach (var (keyNode, value) in mapping.Children)
        {
            var name = (keyNode as YamlScalarNode)?.Value ?? "";
            var full = prefix.Length == 0 ? name : $"{prefix}.{name}";
            var key = SettingKey.All.FirstOrDefault(k => k.Path == full);
            if (key is not null)
            {
                ReadValue(path, key, value, settings, problems);
            }
            else if (SettingKey.All.Any(k => k.Path.StartsWith(full + ".", StringComparison.Ordinal)))
            {
                if (!IsEmpty(value))
                {
                    ReadNode(path, full, value, settings, problems);
                }
            }
            else
            {
                problems.Add(new SettingProblem(At(path, keyNode.Start), $"there is no setting \"{full}\"", Suggest(full)));
            }
        }
    }

    private static void ReadValue(string path, SettingKey key, YamlNode value, List<RawSetting> settings, List<SettingProblem> problems)
    {
        var where = At(path, value.Start);
        var directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        switch (value)
        {
            case var _ when IsEmpty(value):
                break;
            case YamlScalarNode scalar:
                settings.Add(new RawSetting(key, [scalar.Value ?? ""], IsList: false, where, directory));
                break;
            case YamlSequenceNode list when list.Children.All(c => c is YamlScalarNode):
                settings.Add(new RawSetting(
                    key,
                    [.. list.Children.Select(c => ((YamlScalarNode)c).Value ?? "")],
                    IsList: true,
                    where,
                    directory));
                break;
            default:
                problems.Add(new SettingProblem(
                    where, $"\"{key.Path}\" takes a value, not a group of keys", "docs/sallyport.yaml shows every key with its default."));
                break;
        }
    }

    private static string Suggest(string full)
    {
        var last = full[(full.LastIndexOf('.') + 1)..];
        var elsewhere = SettingKey.All.FirstOrDefault(k => k.Path.EndsWith("." + last, StringComparison.Ordinal));
        var nearest = elsewhere?.Path ?? Nearest.To(
            full,
            SettingKey.All.Select(k => k.Path).Concat(["openvpn", "api", "gateway", "flows"]));
        return nearest is null ? $"Known are: {string.Join(", ", SettingKey.All.Select(k => k.Path))}." : $"Did you mean \"{nearest}\"?";
    }

    private static string Example(string prefix)
    {
        var key = SettingKey.All.First(k => k.Path.StartsWith(prefix, StringComparison.Ordinal));
        return prefix.Length == 0 ? "    endpoint: vpn.example.com" : $"    {prefix}:\n      {key.Path[(prefix.Length + 1)..]}: …";
    }

    private static bool IsEmpty(YamlNode node) => node is YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "~" or "null" };

    private static string At(string path, Mark mark) => $"{path}:{mark.Line}:{mark.Column}";

    // YamlDotNet repeats the position in front of its sentence.
    private static string Reason(YamlException error)
    {
        var message = error.InnerException?.Message ?? error.Message;
        var end = message.IndexOf("): ", StringComparison.Ordinal);
        return end < 0 ? message : message[(end + 3)..];
    }
}
