using System.Text.RegularExpressions;

namespace Sallyport.Cli.Arguments;

internal static partial class Labels
{
    private const string Prefix = "label:";

    /// <summary>The labels of "model=P200,region=eu", each once, in order: a comma begins another one only where KEY= follows it.</summary>
    public static IReadOnlyList<string> OfSelector(string text) => [.. Comma().Split(text).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>A subject in the one way in which rules say it: of several labels in order.</summary>
    public static string Subject(string text) =>
        text.StartsWith(Prefix, StringComparison.Ordinal) ? Prefix + string.Join(',', OfSelector(text[Prefix.Length..])) : text;

    /// <summary>"--label model=P200 --label region=eu", as a shell takes it.</summary>
    public static string Flags(string selector) =>
        string.Join(' ', OfSelector(selector).Select(label => label.Contains(' ', StringComparison.Ordinal) ? $"--label '{label}'" : $"--label {label}"));

    [GeneratedRegex(",(?=[A-Za-z0-9._/-]+=)")]
    private static partial Regex Comma();

    /// <summary>"model=P200" texts to a map; null where there are none, so that a default stays a default.</summary>
    public static Dictionary<string, string>? Parse(IReadOnlyList<string> texts)
    {
        if (texts.Count == 0)
        {
            return null;
        }

        var labels = new Dictionary<string, string>();
        foreach (var text in texts)
        {
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw new CliException(ExitCodes.Usage, $"\"{text}\" is no label", "--label", "Write key=value: --label model=P200");
            }

            if (!labels.TryAdd(text[..equals], text[(equals + 1)..]))
            {
                throw new CliException(
                    ExitCodes.Usage, $"the label \"{text[..equals]}\" is given twice", "--label", "A label has one value.");
            }
        }

        return labels;
    }
}
