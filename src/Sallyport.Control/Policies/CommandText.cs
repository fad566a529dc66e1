namespace Sallyport.Control.Policies;

/// <summary>Parts of commands that are printed for people to run.</summary>
internal static class CommandText
{
    /// <summary>One flag for each: "--label model=P200 --label region=eu".</summary>
    public static string Labels(IEnumerable<string> labels) => string.Join(' ', labels.Select(label => $"--label {Word(label)}"));

    /// <summary>As a shell takes it: values of labels may be any text.</summary>
    public static string Word(string text) =>
        text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/' or ':' or '=' or ',' or '+' or '@' or '%')
            ? text : $"'{text.Replace("'", @"'\''", StringComparison.Ordinal)}'";
}
