using System.Collections.Immutable;

namespace Sallyport.Core.Policy;

/// <summary>
/// Labels that one must have all of, as people write them: "model=P200,region=eu". A comma begins another label only where KEY= follows
/// it, so that a value may have commas.
/// </summary>
public static class LabelSelector
{
    /// <summary>"key=value" texts in order, each once.</summary>
    public static ImmutableArray<string> Read(string text)
    {
        var labels = new SortedSet<string>(StringComparer.Ordinal);
        var begin = 0;
        for (var comma = text.IndexOf(',', StringComparison.Ordinal); comma >= 0; comma = text.IndexOf(',', comma + 1))
        {
            if (BeginsLabel(text.AsSpan(comma + 1)))
            {
                labels.Add(text[begin..comma]);
                begin = comma + 1;
            }
        }

        labels.Add(text[begin..]);
        return [.. labels];
    }

    /// <summary>Always the same for the same labels.</summary>
    public static string Write(IEnumerable<string> labels) => string.Join(',', labels);

    private static bool BeginsLabel(ReadOnlySpan<char> text)
    {
        var equals = text.IndexOf('=');
        if (equals <= 0)
        {
            return false;
        }

        foreach (var c in text[..equals])
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.' or '/'))
            {
                return false;
            }
        }

        return true;
    }
}
