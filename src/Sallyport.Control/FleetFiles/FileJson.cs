using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sallyport.Control.FleetFiles;

/// <summary>A fleet file as JSON, which is read as YAML again: YAML 1.2 has JSON in it.</summary>
internal static class FileJson
{
    /// <summary>Not for a page of HTML. YAML has no pairs of surrogates, so that nothing is escaped that need not be.</summary>
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="yaml">As it is exported.</param>
    public static string Of(string yaml)
    {
        var problems = new FileProblems();
        var root = NodeReader.Read(yaml, problems);
        problems.ThrowIfAny();
        return (root is null ? new JsonObject() : Node(root)!).ToJsonString(Readable) + "\n";
    }

    private static JsonNode? Node(FileNode node) => node switch
    {
        FileMap map => new JsonObject(map.Pairs.Select(pair => KeyValuePair.Create(pair.Key.Value, Node(pair.Value)))),
        FileList list => new JsonArray([.. list.Items.Select(Node)]),
        FileText { IsNothing: true } => null,
        FileText { IsPlain: true, Value: "true" or "false" } text => text.Value == "true",
        FileText { IsPlain: true } text when long.TryParse(text.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
        FileText text => text.Value,
        _ => throw new InvalidOperationException($"a {node.Shape} in a fleet file"),
    };
}
