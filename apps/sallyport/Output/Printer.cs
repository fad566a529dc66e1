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

    /// <summary>Of reports, as the server writes it.</summary>
    Csv,
}

/// <summary>
/// Answers go to standard output in the form that was asked for; remarks to standard error, so that they never end in a file.
/// </summary>
/// <param name="terminalWidth">Null where the output is no terminal: what reads a pipe wants one line per row, with everything.</param>
internal sealed class Printer(OutputFormat format, TextWriter output, TextWriter remarks, int? terminalWidth = null)
{
    private const string BelowIndent = "  ";

    private static readonly ApiJson Indented = Json(indented: true);
    private static readonly ApiJson OneLine = Json(indented: false);

    public OutputFormat Format { get; } = format;

    /// <summary>Something for the person at the terminal that is no part of the answer.</summary>
    public void Remark(string text) => remarks.WriteLine(text);

    /// <summary>A line of an answer in the table form.</summary>
    public void Line(string text) => output.WriteLine(Human.Clean(text));

    /// <summary>A sentence that may be longer than a terminal is wide: it goes on under its beginning. Nothing to copy stands in it.</summary>
    public void Sentence(string text, int indent)
    {
        var clean = Human.Clean(text);
        if (terminalWidth is not { } width || width <= indent + 20)
        {
            output.WriteLine(clean);
            return;
        }

        var lines = WordWrap.Lines(clean[indent..], width - indent);
        output.WriteLine(clean[..indent] + lines[0]);
        foreach (var line in lines.Skip(1))
        {
            output.WriteLine(new string(' ', indent) + line);
        }
    }

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
                Sentence($"{(name + ":").PadRight(width)}  {value}", width + 2);
            }
        }
    }

    public void Many<T>(IReadOnlyList<T> items, JsonTypeInfo<T> type, string empty, params Column<T>[] columns) => ManyWithLines(items, type, empty, null, columns);

    /// <param name="below">What each row has of its own kind: lines under it in a terminal, its last column in a pipe.</param>
    public void ManyWithLines<T>(IReadOnlyList<T> items, JsonTypeInfo<T> type, string empty, Below<T>? below, params Column<T>[] columns)
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

        if (below is not null && terminalWidth is null)
        {
            columns = [.. columns, new Column<T>(below.Title, item => string.Join("; ", below.Lines(item)))];
        }

        var layout = new TableLayout(
            [.. columns.Select(c => new ColumnShape(c.Title, c.Right, c.Rank, c.Wraps))],
            Rows(items, columns),
            terminalWidth);
        var console = terminalWidth is null ? null : Terminal();
        foreach (var line in layout.Heading())
        {
            Write(console, line, _ => new Style(decoration: Decoration.Bold));
        }

        for (var row = 0; row < items.Count; row++)
        {
            foreach (var line in layout.Row(row))
            {
                Write(console, line, column => columns[column].Colour?.Invoke(items[row]) is { } colour ? new Style(colour) : Style.Plain);
            }

            foreach (var line in below is null || terminalWidth is null ? [] : below.Lines(items[row]))
            {
                Sentence(BelowIndent + line, BelowIndent.Length * 2);
            }
        }
    }

    private static List<string[]> Rows<T>(IReadOnlyList<T> items, Column<T>[] columns)
    {
        var twice = columns.Select(column => column.Network is not { } network ? []
            : items.Select(item => (Name: column.Text(item) ?? "", Network: network(item))).Where(named => named.Network is not null).Distinct()
                .GroupBy(named => named.Name).Where(alike => alike.Skip(1).Any()).Select(alike => alike.Key).ToHashSet(StringComparer.Ordinal)).ToList();
        return [.. items.Select(item => columns.Select((column, i) => Human.Clean(Cell(column, item, twice[i]))).ToArray())];
    }

    private static string Cell<T>(Column<T> column, T item, HashSet<string> twice)
    {
        var text = column.Text(item) ?? "";
        return twice.Contains(text) && column.Network!(item) is { } network ? $"{text}.{network}" : text;
    }

    private void Write(IAnsiConsole? console, IReadOnlyList<(int Column, string Text)> cells, Func<int, Style> styleOf)
    {
        if (console is null)
        {
            output.WriteLine(string.Concat(cells.Select(cell => cell.Text)).TrimEnd());
            return;
        }

        foreach (var (column, text) in cells)
        {
            console.Write(text, styleOf(column));
        }

        console.WriteLine();
    }

    /// <summary>For colours alone: the lines fit already.</summary>
    private IAnsiConsole Terminal()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });
        console.Profile.Width = int.MaxValue / 2;
        return console;
    }

    /// <summary>
    /// A list that may be longer than the memory: JSON as its items come, YAML as a list of one each. Tables are for shorter ones, see <see cref="Many"/>.
    /// </summary>
    public async Task StreamAsync<T>(IAsyncEnumerable<T> items, JsonTypeInfo<T> type)
    {
        var any = false;
        await foreach (var item in items)
        {
            var node = JsonSerializer.SerializeToNode(item, type);
            if (Format == OutputFormat.Yaml)
            {
                YamlText.Write(new JsonArray(node), output);
            }
            else
            {
                output.Write(any ? ",\n" : "[\n");
                output.Write(node!.ToJsonString(Indented.Options));
            }

            any = true;
        }

        output.WriteLine(Format == OutputFormat.Yaml ? any ? "" : "[]" : any ? "\n]" : "[]");
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
