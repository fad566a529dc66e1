using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Sallyport.Control.FleetFiles;
using Sallyport.Control.Names;

namespace Sallyport.Control.Policies.Mud;

/// <summary>
/// From the bytes of a JSON text to nodes that know where they stand, token by token, so that every bound is kept while reading: size, depth, number,
/// length. A member that is there twice is a mistake: one reader would take the first, another one the second.
/// </summary>
internal ref struct JsonNodes
{
    private readonly ReadOnlySpan<byte> text;
    private readonly FileProblems problems;
    private Utf8JsonReader reader;
    private int nodes;

    // Where the last token was: what follows is counted from there, so that a file of one line costs no more than another.
    private int seen;
    private FileMark mark;

    private JsonNodes(ReadOnlySpan<byte> text, FileProblems problems)
    {
        this.text = text;
        this.problems = problems;
        reader = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = MudLimits.DepthMax });
        mark = FileMark.Start;
    }

    /// <summary>Null after adding what is wrong with it.</summary>
    public static FileNode? Read(ReadOnlySpan<byte> bytes, FileProblems problems)
    {
        if (bytes.Length > MudLimits.BytesMax)
        {
            problems.Add("file", FileMark.Start, $"the file is larger than {MudLimits.BytesMax >> 10} KiB", "a MUD file is small; is it the right file?");
            return null;
        }

        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xff, 0xfe]) || bytes.StartsWith((ReadOnlySpan<byte>)[0xfe, 0xff]))
        {
            problems.Add("file", FileMark.Start, "the file is UTF-16", "save it as UTF-8");
            return null;
        }

        var text = bytes.StartsWith(Encoding.UTF8.Preamble) ? bytes[Encoding.UTF8.Preamble.Length..] : bytes;
        if (!Utf8.IsValid(text))
        {
            problems.Add("file", MarkAt(FileMark.Start, text[..FirstInvalid(text)]), "here are bytes that are no UTF-8", "save it as UTF-8; is it a MUD file at all?");
            return null;
        }

        if (text.Trim(" \t\r\n"u8).IsEmpty)
        {
            problems.Add("file", FileMark.Start, "the file is empty", "a MUD file is a JSON object with ietf-mud:mud and ietf-access-control-list:acls");
            return null;
        }

        return Read(new JsonNodes(text, problems));
    }

    private static FileNode? Read(JsonNodes json)
    {
        try
        {
            return json.Document();
        }
        catch (JsonException error)
        {
            json.AddSyntax(error);
            return null;
        }
        catch (BoundException bound)
        {
            json.problems.Add("file", bound.At, bound.Message, bound.Hint);
            return null;
        }
    }

    private FileNode Document()
    {
        reader.Read();
        var root = Node("");
        reader.Read(); // throws where anything follows
        return root;
    }

    /// <summary>The node whose first token was read last; leaves the reader at its last token.</summary>
    private FileNode Node(string path)
    {
        var at = Mark();
        if (++nodes > MudLimits.NodesMax)
        {
            throw new BoundException(at, $"the file has more than {MudLimits.NodesMax} values", "a MUD file is small; is it the right file?");
        }

        return reader.TokenType switch
        {
            JsonTokenType.StartObject => Map(path, at),
            JsonTokenType.StartArray => List(path, at),
            JsonTokenType.String => new FileText(at, Text(path, at), IsPlain: false),
            _ => new FileText(at, Text(path, at), IsPlain: true),
        };
    }

    private FileMap Map(string path, FileMark at)
    {
        var pairs = new List<FilePair>();
        var known = new Dictionary<string, FileMark>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var keyAt = Mark();
            var key = new FileText(keyAt, Text(path, keyAt), IsPlain: false);
            var below = path.Length == 0 ? Label.Shorten(key.Value) : $"{path}.{Label.Shorten(key.Value)}";
            reader.Read();
            var value = Node(below);
            if (known.TryAdd(key.Value, keyAt))
            {
                pairs.Add(new FilePair(key, value));
            }
            else
            {
                problems.Add(below, keyAt, $"'{Label.Shorten(key.Value)}' is here twice; the first one is in line {known[key.Value].Line}", "leave one of them out");
            }
        }

        return new FileMap(at, pairs);
    }

    private FileList List(string path, FileMark at)
    {
        var items = new List<FileNode>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            items.Add(Node($"{path}[{items.Count}]"));
        }

        return new FileList(at, items);
    }

    private readonly string Text(string path, FileMark at)
    {
        if (reader.ValueSpan.Length > MudLimits.TextMax)
        {
            throw new BoundException(
                at, $"this text has {reader.ValueSpan.Length} bytes", $"nothing in a MUD file is longer than {MudLimits.TextMax}; is a quote missing?");
        }

        if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName))
        {
            return Encoding.UTF8.GetString(reader.ValueSpan);
        }

        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            problems.Add(path.Length == 0 ? "file" : path, at, "this text has half of a character (\\ud800 to \\udfff alone)", "write the character itself");
            return "";
        }
    }

    private FileMark Mark()
    {
        mark = MarkAt(mark, text[seen..(int)reader.TokenStartIndex]);
        seen = (int)reader.TokenStartIndex;
        return mark;
    }

    /// <summary>Where it goes on after these bytes; a character begins with any byte but 10xxxxxx.</summary>
    private static FileMark MarkAt(FileMark from, ReadOnlySpan<byte> passed)
    {
        var (line, column) = (from.Line, from.Column);
        foreach (var b in passed)
        {
            (line, column) = b == '\n' ? (line + 1, 1) : (line, column + ((b & 0xc0) == 0x80 ? 0 : 1));
        }

        return new FileMark(line, column);
    }

    private static int FirstInvalid(ReadOnlySpan<byte> text)
    {
        var at = 0;
        while (Rune.DecodeFromUtf8(text[at..], out _, out var length) == OperationStatus.Done)
        {
            at += length;
        }

        return at;
    }

    private readonly void AddSyntax(JsonException error)
    {
        var rest = text;
        for (var line = 0; line < (error.LineNumber ?? 0) && rest.IndexOf((byte)'\n') is >= 0 and var end; line++)
        {
            rest = rest[(end + 1)..];
        }

        var passed = text.Length - rest.Length + (int)Math.Min(error.BytePositionInLine ?? 0, rest.Length);
        var at = MarkAt(FileMark.Start, text[..passed]);
        var said = error.Message.Split(" LineNumber:")[0].TrimEnd('.');
        problems.Add(
            "file", at, $"this is not JSON: {Label.Shorten(said)}",
            said.Contains("depth", StringComparison.Ordinal)
                ? "a MUD file has ten levels; is a bracket missing, or is it the right file?"
                : "a comma or a bracket may be missing or too many just before; JSON has no comments");
    }

    /// <summary>A bound is reached: reading on would be what the bound is there to prevent.</summary>
    private sealed class BoundException(FileMark at, string message, string hint) : Exception(message)
    {
        public FileMark At { get; } = at;

        public string Hint { get; } = hint;
    }
}
