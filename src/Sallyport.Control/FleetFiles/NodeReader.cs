using Sallyport.Control.Names;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Sallyport.Control.FleetFiles;

/// <summary>
/// From text to nodes, event by event, so that every bound is kept while reading: depth, number, length. Anchors and aliases are refused:
/// with them a few lines stand for a million, or for themselves.
/// </summary>
internal sealed class NodeReader
{
    private readonly Parser parser;
    private readonly string text;
    private readonly FileProblems problems;
    private int nodes;
    private Mark last = new(0, 1, 1);

    private NodeReader(string text, FileProblems problems)
    {
        this.text = text;
        this.problems = problems;
        parser = new Parser(new StringReader(text));
    }

    /// <summary>Null where the file is empty, or after adding what is wrong with it.</summary>
    public static FileNode? Read(string text, FileProblems problems)
    {
        try
        {
            return new NodeReader(text, problems).Document();
        }
        catch (BoundException bound)
        {
            problems.Add("file", bound.At, bound.Message, bound.Hint);
            return null;
        }
        catch (YamlException error)
        {
            AddSyntax(error, text, problems);
            return null;
        }
    }

    private FileNode? Document()
    {
        Next<StreamStart>();
        if (Advance() && parser.Current is StreamEnd)
        {
            return null;
        }

        Advance(); // past DocumentStart
        var root = Node("", depth: 1);
        if (parser.Current is DocumentEnd && Advance() && parser.Current is DocumentStart second)
        {
            problems.Add("file", MarkOf(second.Start), "a second document begins here", "one file is one document: remove the line ---");
        }

        return root;
    }

    /// <summary>Reads the node that the parser stands at, and goes on behind it.</summary>
    private FileNode Node(string path, int depth)
    {
        var start = parser.Current ?? throw new SemanticErrorException(Mark.Empty, Mark.Empty, "the file ends in the middle of a node");
        var at = MarkOf(start.Start);
        if (depth > FleetFileLimits.DepthMax)
        {
            throw new BoundException(
                at, $"this is nested deeper than {FleetFileLimits.DepthMax} levels", "a fleet file needs five; is a bracket missing, or is it the right file?");
        }

        if (++nodes > FleetFileLimits.NodesMax)
        {
            throw new BoundException(
                at, $"the file has more than {FleetFileLimits.NodesMax} values", "split it: each network can have a file of its own");
        }

        CheckPlain(start, at);
        return start switch
        {
            Scalar scalar => Text(scalar, at),
            SequenceStart => List(path, at, depth),
            MappingStart => Map(path, at, depth),
            _ => throw new SemanticErrorException(start.Start, start.End, "something else than a value stands here"),
        };
    }

    private FileText Text(Scalar scalar, FileMark at)
    {
        if (scalar.Value.Length > FleetFileLimits.TextMax)
        {
            throw new BoundException(
                at, $"this text has {scalar.Value.Length} characters", $"nothing in a fleet file is longer than {FleetFileLimits.TextMax}; is a quote missing?");
        }

        Advance();
        return new FileText(at, scalar.Value, scalar.Style == ScalarStyle.Plain);
    }

    private FileList List(string path, FileMark at, int depth)
    {
        var items = new List<FileNode>();
        Advance();
        while (parser.Current is not SequenceEnd)
        {
            items.Add(Node($"{path}[{items.Count}]", depth + 1));
        }

        Advance();
        return new FileList(at, items);
    }

    private FileMap Map(string path, FileMark at, int depth)
    {
        var pairs = new List<FilePair>();
        var known = new Dictionary<string, FileMark>(StringComparer.Ordinal);
        Advance();
        while (parser.Current is not MappingEnd)
        {
            var key = Node(path, depth + 1);
            var below = key is FileText name ? Below(path, name.Value) : path;
            var value = Node(below, depth + 1);
            if (key is not FileText named)
            {
                problems.Add(path, key.At, $"{key.Shape} stands where a key is expected", "write key: value");
            }
            else if (!known.TryAdd(named.Value, named.At))
            {
                problems.Add(
                    below, named.At, $"'{Label.Shorten(named.Value)}' is here twice; the first one is in line {known[named.Value].Line}", "leave one of them out");
            }
            else
            {
                pairs.Add(new FilePair(named, value));
            }
        }

        Advance();
        return new FileMap(at, pairs);
    }

    private static void CheckPlain(ParsingEvent start, FileMark at)
    {
        if (start is AnchorAlias alias)
        {
            throw new BoundException(
                at, $"*{Label.Shorten(alias.Value.Value)} is an alias, which fleet files do not have", "write out what it stands for; a text that begins with * needs quotes");
        }

        if (start is NodeEvent { Anchor.IsEmpty: false } anchored)
        {
            throw new BoundException(
                at, $"&{Label.Shorten(anchored.Anchor.Value)} is an anchor, which fleet files do not have", "leave it out; a text that begins with & needs quotes");
        }

        if (start is NodeEvent { Tag: { IsEmpty: false, IsNonSpecific: false } tag })
        {
            throw new BoundException(
                at, $"{Label.Shorten(tag.Value)} is a tag, which fleet files do not have", "leave it out; a text that begins with ! needs quotes");
        }
    }

    /// <summary>The parser has states that its authors did not expect; they are mistakes of the file all the same.</summary>
    private bool Advance()
    {
        last = parser.Current?.End ?? last;
        try
        {
            return parser.MoveNext();
        }
        catch (Exception error) when (error is not (YamlException or OutOfMemoryException))
        {
            throw new SemanticErrorException(last, last, "what follows makes no sense");
        }
    }

    private void Next<T>()
        where T : ParsingEvent
    {
        if (!Advance() || parser.Current is not T)
        {
            throw new SemanticErrorException(Mark.Empty, Mark.Empty, "the file does not begin like YAML");
        }
    }

    private static string Below(string path, string key) => path.Length == 0 ? Label.Shorten(key) : $"{path}.{Label.Shorten(key)}";

    private static FileMark MarkOf(Mark mark) => new(Math.Max(1, (int)mark.Line), Math.Max(1, (int)mark.Column));

    private static void AddSyntax(YamlException error, string text, FileProblems problems)
    {
        var at = MarkOf(error.Start);
        if (TabIn(text, at.Line, MarkOf(error.End).Line) is { } tab)
        {
            problems.Add("file", tab, "here is a tab", "YAML indents with spaces: replace the tab");
            return;
        }

        problems.Add("file", at, $"this is not YAML: {Reason(error)}", HintFor(text, at));
    }

    private static string HintFor(string text, FileMark at)
    {
        var line = LineOf(text, at.Line);
        return line.Contains("label:", StringComparison.Ordinal) || line.Contains("application:", StringComparison.Ordinal)
            ? "a text with a colon or a comma in { } needs quotes: { from: \"group:pumps\", to: \"application:historian\" }"
            : "indent with spaces, write key: value, and close what is open; the mistake may be a line above";
    }

    /// <summary>The first tab in an indentation thereabouts: YAML stumbles over it a line before or after.</summary>
    private static FileMark? TabIn(string text, int first, int last)
    {
        const int LinesMax = 10; // each is looked for from the beginning
        for (var number = Math.Max(1, first - 1); number <= Math.Min(last + 1, first + LinesMax); number++)
        {
            var head = LineOf(text, number);
            var indentation = head[..^head.TrimStart([' ', '\t']).Length];
            if (indentation.IndexOf('\t', StringComparison.Ordinal) is >= 0 and var column)
            {
                return new FileMark(number, column + 1);
            }
        }

        return null;
    }

    private static string LineOf(string text, int line)
    {
        var rest = text.AsSpan();
        for (var number = 1; number < line; number++)
        {
            var end = rest.IndexOf('\n');
            if (end < 0)
            {
                return "";
            }

            rest = rest[(end + 1)..];
        }

        var length = rest.IndexOf('\n');
        var found = length < 0 ? rest : rest[..length];
        return found[..Math.Min(found.Length, 200)].ToString(); // the beginning tells enough
    }

    /// <summary>The parser repeats the place in front of its sentence, and ends it with a full stop.</summary>
    private static string Reason(YamlException error)
    {
        var message = (error.InnerException ?? error).Message;
        var end = message.IndexOf("): ", StringComparison.Ordinal);
        var said = (end < 0 ? message : message[(end + 3)..]).TrimEnd('.');
        return Label.Shorten(said.Length == 0 ? "it ends too early" : char.ToLowerInvariant(said[0]) + said[1..]);
    }

    /// <summary>A bound is reached: reading on would be what the bound is there to prevent.</summary>
    private sealed class BoundException(FileMark at, string message, string hint) : Exception(message)
    {
        public FileMark At { get; } = at;

        public string Hint { get; } = hint;
    }
}
