namespace Sallyport.Cli.Members;

/// <summary>Reads "firmware=2.4.1".</summary>
internal static class PostureArguments
{
    public static Dictionary<string, string?> Parse(IReadOnlyList<string> texts)
    {
        var facts = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (var text in texts)
        {
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || equals == text.Length - 1)
            {
                throw new CliException(ExitCodes.Usage, $"\"{text}\" is no fact", "FACT", "Write it as name=value: firmware=2.4.1.");
            }

            facts[text[..equals]] = text[(equals + 1)..];
        }

        return facts;
    }
}
