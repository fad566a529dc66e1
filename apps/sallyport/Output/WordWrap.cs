using System.Text;
using Spectre.Console.Rendering;

namespace Sallyport.Cli.Output;

/// <summary>Breaks text between words.</summary>
internal static class WordWrap
{
    /// <summary>Columns that a terminal needs for it; an ideograph takes two.</summary>
    public static int WidthOf(string text) => new Segment(text).CellCount();

    /// <summary>At least one line; blanks in front of the first stay. A word that is too long stays whole: it may be there to be copied.</summary>
    public static List<string> Lines(string text, int width)
    {
        if (WidthOf(text) <= width)
        {
            return [text];
        }

        var lines = new List<string>();
        var line = new StringBuilder();
        var begins = true;
        foreach (var word in text.Split(' '))
        {
            if (line.Length > 0 && WidthOf(line.ToString()) + 1 + WidthOf(word) > width)
            {
                lines.Add(line.ToString().TrimEnd());
                line.Clear();
                begins = true;
            }

            line.Append(begins ? "" : " ").Append(word);
            begins = false;
        }

        lines.Add(line.ToString());
        return lines;
    }

    /// <summary>Both ends say more than one of them: names begin alike, addresses end in what tells them apart.</summary>
    public static string Elide(string text, int width)
    {
        if (WidthOf(text) <= width)
        {
            return text;
        }

        var head = (width - 1) / 2;
        var tail = width - 1 - head;
        return $"{Start(text, head)}…{End(text, tail)}";
    }

    private static string Start(string text, int width)
    {
        var kept = "";
        foreach (var rune in text.EnumerateRunes())
        {
            if (WidthOf(kept + rune) > width)
            {
                break;
            }

            kept += rune;
        }

        return kept;
    }

    private static string End(string text, int width)
    {
        var kept = "";
        foreach (var rune in text.EnumerateRunes().Reverse())
        {
            if (WidthOf(rune + kept) > width)
            {
                break;
            }

            kept = rune + kept;
        }

        return kept;
    }
}
