using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Sallyport.Api;
using Spectre.Console;

namespace Sallyport.Cli.Output;

internal enum OutputFormat
{
    Table,
    Json,
    Yaml,
}

/// <summary>A column of a table and how a row fills it.</summary>
internal sealed record Column<T>(string Title, Func<T, string?> Text, Func<T, Color?>? Colour = null, bool Right = false);

/// <summary>
/// Answers go to standard output in the form that was asked for; remarks to standard error, so that they never end in a file.
/// </summary>
internal sealed class Printer(OutputFormat format, TextWriter output, TextWriter remarks, bool outputIsTerminal)
{
    private static readonly ApiJson Indented = Json(indented: true);
    private static readonly ApiJson OneLine = Json(indented: false);

    public OutputFormat Format { get; } = format;

    /// <summary>Something for the person at the terminal that is no part of the answer.</summary>
    public void Remark(string text) => remarks.WriteLine(text);

    /// <summary>A line of an answer in the table form.</summary>
    public void Line(string text) => output.WriteLine(Human.Clean(text));

    /// <summary>Text that must arrive as it is, such as a profile.</summary>
    public void Raw(string text) => output.Write(text);

    public void One<T>(T item, JsonTypeInfo<T> type, Action<T> asText)
    {
        if (Format == OutputFormat.Table)
        {
            asText(item);
        }
        else
        {
            Node(JsonSerializer.SerializeToNode(item, type));
        }
    }

    /// <summary>One thing as "name: value" lines.</summary>
    public void Facts(params ReadOnlySpan<(string Name, string? Value)> facts)
    {
        var width = 0;
        foreach (var (name, _) in facts)
        {
            width = Math.Max(width, name.Length + 1);
        }

        foreach (var (name, value) in facts)
        {
            if (!string.IsNullOrEmpty(value))
            {
                output.WriteLine($"{(name + ":").PadRight(width)}  {Human.Clean(value)}");
            }
        }
    }

    public void Many<T>(IReadOnlyList<T> items, JsonTypeInfo<T> type, string empty, params Column<T>[] columns)
    {
        if (Format != OutputFormat.Table)
        {
            Node(new JsonArray([.. items.Select(item => JsonSerializer.SerializeToNode(item, type))]));
            return;
        }

        if (items.Count == 0)
        {
            Remark(empty);
            return;
        }

        var table = new Table().Border(TableBorder.None);
        foreach (var column in columns)
        {
            var heading = new TableColumn(new Text(column.Title, new Style(decoration: Decoration.Bold))).Padding(0, 0, 2, 0);
            table.AddColumn(column.Right ? heading.RightAligned() : heading);
        }

        foreach (var item in items)
        {
            table.AddRow(columns.Select(c => new Text(
                Human.Clean(c.Text(item) ?? ""), c.Colour?.Invoke(item) is { } colour ? new Style(colour) : Style.Plain)));
        }

        if (outputIsTerminal)
        {
            AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) }).Write(table);
        }
        else
        {
            WritePlain(table);
        }
    }

    /// <summary>What reads a pipe wants one line per row, and nothing around the words.</summary>
    private void WritePlain(Table table)
    {
        var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(text),
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
        });
        console.Profile.Width = 10_000;
        console.Write(table);
        foreach (var line in text.ToString().TrimEnd().Split('\n'))
        {
            output.WriteLine(line.TrimEnd());
        }
    }

    /// <summary>An item of an endless list: a line of JSON, or a YAML document each.</summary>
    public void Next<T>(T item, JsonTypeInfo<T> type, Action<T> asText)
    {
        switch (Format)
        {
            case OutputFormat.Table:
                asText(item);
                break;
            case OutputFormat.Json:
                output.WriteLine(JsonSerializer.Serialize(item, typeof(T), OneLine));
                break;
            case OutputFormat.Yaml:
                output.WriteLine("---");
                YamlText.Write(JsonSerializer.SerializeToNode(item, type), output);
                break;
        }

        output.Flush();
    }

    public void Node(JsonNode? node)
    {
        if (Format == OutputFormat.Yaml)
        {
            YamlText.Write(node, output);
        }
        else
        {
            output.WriteLine(node?.ToJsonString(Indented.Options) ?? "null");
        }
    }

    // Relaxed: the answer goes to a terminal or a file, never into a page.
    private static ApiJson Json(bool indented) => new(new JsonSerializerOptions(ApiJson.Default.Options)
    {
        WriteIndented = indented,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
