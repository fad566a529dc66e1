using System.Globalization;

namespace Sallyport.Core.Primitives;

/// <summary>Text that somebody gave, for files, terminals and logs of others.</summary>
public static class PlainText
{
    /// <summary>Whether the character breaks lines, commands a terminal, or is not seen and changes how others are: no text of ours has it.</summary>
    public static bool IsUnsafe(char c) => char.IsControl(c)
        || char.GetUnicodeCategory(c) is UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Format;

    public static bool HasUnsafe(string text)
    {
        foreach (var c in text)
        {
            if (IsUnsafe(c))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The same with question marks in the place of such characters.</summary>
    public static string Clean(string text) => HasUnsafe(text) ? string.Concat(text.Select(c => IsUnsafe(c) ? '?' : c)) : text;
}
