namespace Sallyport.Control.Names;

/// <summary>The known name that a mistyped one most likely meant.</summary>
internal static class Nearest
{
    private const int LengthMax = 128; // the cost is quadratic; no name of ours is longer

    /// <summary>"did you mean …?", or empty where nothing is near.</summary>
    public static string Hint(string wanted, IEnumerable<string> known) => To(wanted, known) is { } near ? $"did you mean {near}?" : "";

    public static string? To(string wanted, IEnumerable<string> known)
    {
        if (wanted.Length is 0 or > LengthMax)
        {
            return null;
        }

        // A third of the letters may be wrong, at least one: further away is another word.
        var limit = Math.Max(1, wanted.Length / 3);
        string? best = null;
        foreach (var candidate in known)
        {
            if (Math.Abs(candidate.Length - wanted.Length) > limit)
            {
                continue;
            }

            var distance = Distance(wanted, candidate);
            if (distance < limit || (distance == limit && best is null))
            {
                (best, limit) = (candidate, distance);
            }
        }

        return best;
    }

    /// <summary>Insertions, deletions, replacements and swaps of neighbours; letters in either case are equal.</summary>
    private static int Distance(string a, string b)
    {
        Span<int> beforeLast = stackalloc int[LengthMax + LengthMax];
        Span<int> last = stackalloc int[LengthMax + LengthMax];
        Span<int> row = stackalloc int[LengthMax + LengthMax];
        for (var j = 0; j <= b.Length; j++)
        {
            last[j] = j;
        }

        for (var i = 1; i <= a.Length; i++)
        {
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var same = Same(a[i - 1], b[j - 1]);
                row[j] = Math.Min(Math.Min(row[j - 1], last[j]) + 1, last[j - 1] + (same ? 0 : 1));
                if (i > 1 && j > 1 && Same(a[i - 1], b[j - 2]) && Same(a[i - 2], b[j - 1]))
                {
                    row[j] = Math.Min(row[j], beforeLast[j - 2] + 1);
                }
            }

            var spare = beforeLast;
            beforeLast = last;
            last = row;
            row = spare;
        }

        return last[b.Length];
    }

    private static bool Same(char a, char b) => char.ToLowerInvariant(a) == char.ToLowerInvariant(b);
}
