using Sallyport.Control.Http;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Names;

/// <summary>Names of things: one DNS label (RFC 1123 section 2.1), because they become host names.</summary>
internal static class Label
{
    public const int LengthMax = 63; // RFC 1035 section 2.3.4

    private const string Rule = "use 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends";

    /// <summary>Adds what is wrong with the name; true where it is fine.</summary>
    public static bool Check(string? name, string field, ProblemList problems)
    {
        if (string.IsNullOrEmpty(name))
        {
            problems.Add(field, "a name is missing", Rule);
            return false;
        }

        if (IsValid(name))
        {
            return true;
        }

        var repaired = Repair(name);
        problems.Add(field, $"'{Shorten(name)}' is not a valid name", repaired is null ? Rule : $"{Rule}: {repaired}");
        return false;
    }

    public static bool IsValid(string name) =>
        name.Length is > 0 and <= LengthMax && name[0] != '-' && name[^1] != '-' && name.AsSpan().IndexOfAnyExcept(Allowed) < 0;

    /// <summary>Nobody needs a megabyte of their own input back.</summary>
    public static string Shorten(string text)
    {
        var shown = text.Length > 80 ? text[..80] + "…" : text;
        return PlainText.Clean(shown);
    }

    private static readonly System.Buffers.SearchValues<char> Allowed = System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    private static string? Repair(string name)
    {
        var letters = name.Take(LengthMax).Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '-');
        var repaired = string.Concat(letters).Trim('-');
        return IsValid(repaired) ? repaired : null;
    }
}
