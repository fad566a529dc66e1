namespace Sallyport.Cli.Arguments;

internal static class Labels
{
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
