using System.CommandLine;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Rules;

/// <summary>When a rule is in force.</summary>
internal sealed class TimeFlags
{
    private readonly Option<string[]> hours = Flag.List(
        "--hours", "Only in these hours: \"mon-fri 08:00-17:00 Europe/Vienna\"", "WINDOW");

    public EndFlags End { get; } = new();

    public IReadOnlyList<Option> All => [.. End.All, hours];

    /// <summary>Null where none is given.</summary>
    public IReadOnlyList<string>? WindowsOf(ParseResult parse) => parse.GetValue(hours) is { Length: > 0 } given ? given : null;

    /// <summary>"until 2026-12-01 16:00:00Z; mon-fri 08:00-17:00 Europe/Vienna", or "always".</summary>
    public static string Describe(DateTimeOffset? until, IReadOnlyList<string> windows)
    {
        var parts = until is { } end ? [$"until {Human.Time(end)}", .. windows] : windows;
        return parts.Count == 0 ? "always" : string.Join("; ", parts);
    }
}
