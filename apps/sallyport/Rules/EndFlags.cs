using System.CommandLine;
using Sallyport.Cli.Arguments;

namespace Sallyport.Cli.Rules;

/// <summary>When something ends by itself.</summary>
internal sealed class EndFlags
{
    private readonly Option<string?> span = Flag.Text("--for", "It ends so long from now: 90m, 8h, 7d", "TIME");
    private readonly Option<string?> until = Flag.Text("--until", "It ends then: 2026-12-01T17:00+01:00; without an offset in UTC", "TIME");

    public IReadOnlyList<Option> All => [span, until];

    public string? SpanOf(ParseResult parse) => parse.GetValue(span);

    public DateTimeOffset? UntilOf(ParseResult parse) => Flag.Time(parse, until, " Or give --for 8h.");
}
