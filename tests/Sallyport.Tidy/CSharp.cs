using System.Text;

namespace Sallyport.Tidy;

/// <summary>C# without its comments and the contents of its literals: what is left is what the compiler acts on.</summary>
internal static class CSharp
{
    /// <summary>Line breaks stay, so that line numbers mean the same.</summary>
    public static string Bare(string source)
    {
        var bare = new StringBuilder(source.Length);
        var i = 0;
        while (i < source.Length)
        {
            if (Starts(source, i, "//"))
            {
                i = source.IndexOf('\n', i) is var end && end < 0 ? source.Length : end;
            }
            else if (Starts(source, i, "/*"))
            {
                i = Skip(source, i, source.IndexOf("*/", i + 2, StringComparison.Ordinal) + 2, bare);
            }
            else if (source[i] == '"')
            {
                i = Skip(source, i, EndOfString(source, i), bare);
            }
            else if (source[i] == '\'')
            {
                i = Skip(source, i, EndOfQuoted(source, i + 1, '\''), bare);
            }
            else
            {
                bare.Append(source[i++]);
            }
        }

        return bare.ToString();
    }

    public static int LineOf(string text, int index) => text.AsSpan(0, index).Count('\n') + 1;

    // Interpolated code inside of a literal goes too: it is rarely more than a name.
    private static int EndOfString(string source, int start)
    {
        var quotes = 0;
        while (start + quotes < source.Length && source[start + quotes] == '"')
        {
            quotes++;
        }

        if (quotes >= 3)
        {
            var end = source.IndexOf(new string('"', quotes), start + quotes, StringComparison.Ordinal);
            return end < 0 ? source.Length : end + quotes;
        }

        var verbatim = (start > 0 && source[start - 1] == '@') || (start > 1 && source[start - 1] == '$' && source[start - 2] == '@');
        if (!verbatim)
        {
            return EndOfQuoted(source, start + 1, '"');
        }

        var i = start + 1;
        while (i < source.Length && (source[i] != '"' || Starts(source, i, "\"\"")))
        {
            i += Starts(source, i, "\"\"") ? 2 : 1;
        }

        return i + 1;
    }

    private static int EndOfQuoted(string source, int i, char quote)
    {
        while (i < source.Length && source[i] != quote && source[i] != '\n')
        {
            i += source[i] == '\\' ? 2 : 1;
        }

        return Math.Min(i + 1, source.Length);
    }

    private static int Skip(string source, int from, int to, StringBuilder bare)
    {
        to = to <= from ? source.Length : Math.Min(to, source.Length);
        bare.Append(' ').Append('\n', source.AsSpan(from, to - from).Count('\n'));
        return to;
    }

    private static bool Starts(string source, int at, string mark) => string.CompareOrdinal(source, at, mark, 0, mark.Length) == 0;
}
