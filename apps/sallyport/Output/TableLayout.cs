namespace Sallyport.Cli.Output;

/// <summary>The shape of a column, without its rows.</summary>
internal sealed record ColumnShape(string Title, bool Right = false, int Rank = 0, bool Wraps = false);

/// <summary>
/// Makes a table fit a terminal: columns without content go, then those of the highest rank, then sentences are wrapped between words;
/// a word that is too long loses its middle. Nothing is cut where nobody sees that it was.
/// </summary>
internal sealed class TableLayout
{
    private const int Gap = 2;
    private const int WrapComfortable = 30; // below, a sentence is a tower of words, and other columns have to go
    private const int ElidedMin = 12;

    private readonly IReadOnlyList<ColumnShape> shapes;
    private readonly IReadOnlyList<string[]> rows;
    private readonly List<int> shown;
    private readonly int[] widths;

    /// <param name="width">Of the terminal; null where there is none, and every row is one line with everything.</param>
    public TableLayout(IReadOnlyList<ColumnShape> shapes, IReadOnlyList<string[]> rows, int? width)
    {
        this.shapes = shapes;
        this.rows = rows;
        shown = [.. Enumerable.Range(0, shapes.Count)];
        widths = [.. shapes.Select((shape, i) => rows.Select(row => WordWrap.WidthOf(row[i])).Append(WordWrap.WidthOf(shape.Title)).Max())];
        if (width is { } limit)
        {
            shown.RemoveAll(i => i > 0 && rows.All(row => row[i].Length == 0));
            LeaveOut(limit);
            Narrow(limit);
        }
    }

    /// <summary>Indexes of the columns that are shown.</summary>
    public IReadOnlyList<int> Shown => shown;

    public IEnumerable<IReadOnlyList<(int Column, string Text)>> Heading() => Lines([.. shapes.Select(shape => shape.Title)]);

    /// <summary>The lines of one row: cells with their column, filled up to its width.</summary>
    public IEnumerable<IReadOnlyList<(int Column, string Text)>> Row(int index) => Lines(rows[index]);

    private void LeaveOut(int limit)
    {
        while (Total(i => shapes[i].Wraps ? Math.Min(widths[i], WrapComfortable) : widths[i]) > limit
            && shown.Where(i => shapes[i].Rank > 0).OrderByDescending(i => shapes[i].Rank).ThenByDescending(i => i).Cast<int?>().FirstOrDefault() is { } least)
        {
            shown.Remove(least);
        }
    }

    private void Narrow(int limit)
    {
        var excess = Total(i => widths[i]) - limit;
        while (excess > 0)
        {
            // The widest one gives, sentences before names; what names the row never does.
            var widest = shown.Where(i => i > 0 && widths[i] > ElidedMin)
                .OrderByDescending(i => shapes[i].Wraps).ThenByDescending(i => widths[i]).Cast<int?>().FirstOrDefault();
            if (widest is not { } at)
            {
                return;
            }

            widths[at]--;
            excess--;
        }
    }

    private int Total(Func<int, int> widthOf) => shown.Sum(widthOf) + (Gap * (shown.Count - 1));

    private IEnumerable<IReadOnlyList<(int Column, string Text)>> Lines(string[] cells)
    {
        var parts = shown.ToDictionary(i => i, i => shapes[i].Wraps ? Wrap(cells[i], widths[i]) : [WordWrap.Elide(cells[i], widths[i])]);
        var count = parts.Values.Max(lines => lines.Count);
        for (var line = 0; line < count; line++)
        {
            yield return [.. shown.Select(i => (i, Fill(line < parts[i].Count ? parts[i][line] : "", i)))];
        }
    }

    /// <summary>Columns stay where they are: a word that is too long for its own loses its middle.</summary>
    private static List<string> Wrap(string text, int width) =>
        WordWrap.Lines(string.Join(' ', text.Split(' ').Select(word => WordWrap.Elide(word, width))), width);

    private string Fill(string text, int column)
    {
        var room = new string(' ', Math.Max(0, widths[column] - WordWrap.WidthOf(text)));
        var filled = shapes[column].Right ? room + text : text + room;
        return column == shown[^1] ? filled.TrimEnd() : filled + new string(' ', Gap);
    }
}
