using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sallyport.Cli.Output;

/// <summary>JSON values as block YAML 1.2. Text that could read as something else is quoted as in JSON, which YAML 1.2 contains.</summary>
internal static class YamlText
{
    public static void Write(JsonNode? node, TextWriter output)
    {
        if (node is JsonObject { Count: > 0 } or JsonArray { Count: > 0 })
        {
            WriteBlock(node, 0, output, continuesLine: false);
        }
        else
        {
            output.WriteLine(Scalar(node));
        }
    }

    private static void WriteBlock(JsonNode node, int indent, TextWriter output, bool continuesLine)
    {
        var margin = new string(' ', indent);
        if (node is JsonArray array)
        {
            foreach (var item in array)
            {
                output.Write(continuesLine ? "- " : margin + "- ");
                continuesLine = false;
                WriteValue(item, indent + 2, output, afterDash: true);
            }

            return;
        }

        foreach (var (name, value) in node.AsObject())
        {
            output.Write(continuesLine ? "" : margin);
            continuesLine = false;
            output.Write(Text(name));
            output.Write(':');
            WriteValue(value, indent + 2, output, afterDash: false);
        }
    }

    private static void WriteValue(JsonNode? value, int indent, TextWriter output, bool afterDash)
    {
        if (value is JsonObject { Count: > 0 } or JsonArray { Count: > 0 })
        {
            if (!afterDash)
            {
                output.WriteLine();
            }

            WriteBlock(value, indent, output, continuesLine: afterDash);
        }
        else
        {
            output.Write(afterDash ? "" : " ");
            output.WriteLine(Scalar(value));
        }
    }

    private static string Scalar(JsonNode? node) => node switch
    {
        null => "null",
        JsonObject => "{}",
        JsonArray => "[]",
        _ => node.GetValueKind() == JsonValueKind.String ? Text(node.GetValue<string>()) : node.ToJsonString(),
    };

    private static string Text(string text)
    {
        // Plain only where no reader, of YAML 1.1 or 1.2, could take it for a number, a date, a boolean or a mark.
        var plain = text.Length > 0
            && (char.IsAsciiLetter(text[0]) || text[0] == '/')
            && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/' or '+' or ' ' or '(' or ')')
            && text[^1] != ' '
            && text.ToLowerInvariant() is not ("true" or "false" or "yes" or "no" or "on" or "off" or "null" or "y" or "n");
        return plain
            ? text
            : "\"" + JsonEncodedText.Encode(text, System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping) + "\"";
    }
}
