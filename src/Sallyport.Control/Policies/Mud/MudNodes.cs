using System.Globalization;
using Sallyport.Control.FleetFiles;
using Sallyport.Control.Names;

namespace Sallyport.Control.Policies.Mud;

/// <summary>Reads members of a JSON object, and says of each that is not as it should be what is wrong and where.</summary>
internal sealed class MudNodes(FileProblems problems)
{
    /// <summary>Modules whose names stand before members; files do not agree where one may be left out.</summary>
    private static readonly string[] Modules = ["ietf-mud:", "ietf-acldns:", "ietf-access-control-list:"];

    public static string Short(string key) => Array.Find(Modules, module => key.StartsWith(module, StringComparison.Ordinal)) is { } known ? key[known.Length..] : key;

    public static FilePair? Find(FileMap map, string name) => map.Pairs.FirstOrDefault(pair => Short(pair.Key.Value) == name);

    public void Add(string path, FileMark at, string message, string hint) => problems.Add(path, at, message, hint);

    /// <summary>Null where it is not there, or after adding the problem.</summary>
    public FileMap? Map(string path, FileMap map, string name)
    {
        if (Find(map, name) is not { } pair)
        {
            return null;
        }

        if (pair.Value is FileMap inner)
        {
            return inner;
        }

        Add($"{path}.{pair.Key.Value}", pair.Value.At, $"here stands {ShapeOf(pair.Value)} where an object is expected", $"write \"{name}\": {{ … }}");
        return null;
    }

    /// <summary>The objects of a list; none where it is not there.</summary>
    public IEnumerable<(string Path, FileMap Map)> Maps(string path, FileMap? map, string name)
    {
        if (map is null || Find(map, name) is not { } pair)
        {
            yield break;
        }

        var below = $"{path}.{pair.Key.Value}";
        if (pair.Value is not FileList list)
        {
            Add(below, pair.Value.At, $"here stands {ShapeOf(pair.Value)} where a list is expected", $"write \"{name}\": [ … ]");
            yield break;
        }

        for (var i = 0; i < list.Items.Count; i++)
        {
            var at = string.Create(CultureInfo.InvariantCulture, $"{below}[{i}]");
            if (list.Items[i] is FileMap item)
            {
                yield return (at, item);
            }
            else
            {
                Add(at, list.Items[i].At, $"here stands {ShapeOf(list.Items[i])} where an object is expected", "write { … }");
            }
        }
    }

    public string? Text(string path, FileMap map, string name)
    {
        if (Find(map, name) is not { } pair)
        {
            return null;
        }

        if (pair.Value is not FileText { IsPlain: false } text)
        {
            Add($"{path}.{pair.Key.Value}", pair.Value.At, $"here stands {ShapeOf(pair.Value)} where a text is expected", "write it in quotes");
            return null;
        }

        return text.Value;
    }

    /// <summary>The text, and a problem where it is missing or empty.</summary>
    public string Required(string path, FileMap map, string name, string hint)
    {
        var text = Text(path, map, name);
        if (Find(map, name) is null || text is "")
        {
            Add($"{path}.{name}", map.At, $"{name} is missing", hint);
        }

        return text ?? "";
    }

    /// <summary>A number, which may stand in quotes; null where it is not there, or after adding the problem.</summary>
    public int? Number(string path, FileMap map, string name, int min, int max)
    {
        if (Find(map, name) is not { } pair)
        {
            return null;
        }

        if (pair.Value is FileText text && int.TryParse(text.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max)
        {
            return number;
        }

        Add($"{path}.{pair.Key.Value}", pair.Value.At, $"here stands {Said(pair.Value)} where a number is expected", $"write a number from {min} to {max}");
        return null;
    }

    public bool? Flag(string path, FileMap map, string name)
    {
        if (Find(map, name) is not { } pair)
        {
            return null;
        }

        if (pair.Value is FileText { IsPlain: true, Value: "true" or "false" } text)
        {
            return text.Value == "true";
        }

        Add($"{path}.{pair.Key.Value}", pair.Value.At, $"here stands {Said(pair.Value)} where true or false is expected", "write true or false without quotes");
        return null;
    }

    public static string Said(FileNode node) => node is FileText text ? $"'{Label.Shorten(text.Value)}'" : ShapeOf(node);

    private static string ShapeOf(FileNode node) => node switch
    {
        FileMap => "an object",
        FileList => "a list",
        FileText { IsPlain: false } => "a text",
        FileText text => text.Value is "true" or "false" or "null" ? text.Value : "a number",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
