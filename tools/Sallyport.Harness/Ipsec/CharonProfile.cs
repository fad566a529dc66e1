namespace Sallyport.Harness.Ipsec;

/// <summary>A swanctl.conf and the files that belong beside it in /etc/swanctl.</summary>
/// <param name="Text">Of swanctl.conf.</param>
public sealed record CharonProfile(string Text)
{
    /// <summary>Names as in "x509ca/ca.pem" and what stands in them.</summary>
    public IReadOnlyDictionary<string, string> Files { get; init; } = new Dictionary<string, string>();

    public CharonProfile WithFile(string name, string text) => this with { Files = new Dictionary<string, string>(Files) { [name] = text } };

    /// <summary>Another text in place of one that must be there.</summary>
    public CharonProfile Replacing(string old, string text) => Text.Contains(old, StringComparison.Ordinal)
        ? this with { Text = Text.Replace(old, text, StringComparison.Ordinal) }
        : throw new InvalidOperationException($"'{old}' does not stand in the profile:\n{Text}");
}
