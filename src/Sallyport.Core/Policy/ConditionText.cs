using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>Conditions in the words of the API and of the node protocol.</summary>
public static class ConditionText
{
    /// <summary>In the order of <see cref="SubjectState"/>.</summary>
    public static readonly IReadOnlyList<string> States = ["active", "quarantined"];

    /// <summary>Throws <see cref="FormatException"/> where a word stands for nothing: whoever stored them has read them before.</summary>
    public static RuleConditions Parse(
        IReadOnlyList<string> states, IReadOnlyList<string> protocols, IReadOnlyList<string> ciphers, IReadOnlyList<string> sources,
        IReadOnlyList<string> posture, int? postureAgeSeconds, IEnumerable<Country> countries) => new()
        {
            States = [.. states.Select(State)],
            Protocols = [.. protocols.Select(word => TunnelWords.ReadProtocol(word) is not TunnelProtocol.None and var read ? read : throw Unknown("protocol", word))],
            Ciphers = [.. ciphers.Select(word => TunnelWords.ReadCipher(word) is not TunnelCipher.None and var read ? read : throw Unknown("cipher", word))],
            Sources = [.. sources.Select(IpPrefix.Parse)],
            Countries = [.. countries],
            Posture = [.. posture.Select(Test)],
            PostureAge = postureAgeSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
        };

    private static SubjectState State(string word) => word switch
    {
        "active" => SubjectState.Active,
        "quarantined" => SubjectState.Quarantined,
        _ => throw Unknown("state", word),
    };

    private static PostureTest Test(string text) =>
        PostureTest.TryParse(text, out var test, out var problem) ? test : throw new FormatException($"'{text}' is no test of a fact: {problem}.");

    private static FormatException Unknown(string what, string word) => new($"Unknown {what} of a condition: '{word}'.");
}

/// <summary>The words for degrees of quarantine: in the model, in the API and in messages.</summary>
public static class QuarantineWords
{
    public const string Dark = "dark";

    /// <summary>From the lightest on.</summary>
    public static readonly IReadOnlyList<string> All = ["throttled", "management", "forensic", Dark];

    /// <summary>None for an empty word; null for one that stands for nothing.</summary>
    public static QuarantineDegree? Read(string word) => word switch
    {
        "" => QuarantineDegree.None,
        "throttled" => QuarantineDegree.Throttled,
        "management" => QuarantineDegree.Management,
        "forensic" => QuarantineDegree.Forensic,
        Dark => QuarantineDegree.Dark,
        _ => null,
    };
}
