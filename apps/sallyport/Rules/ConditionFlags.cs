using System.CommandLine;
using Sallyport.Api.Rules;
using Sallyport.Cli.Arguments;

namespace Sallyport.Cli.Rules;

/// <summary>What must be so of the sender and its tunnel for a rule to count.</summary>
internal sealed class ConditionFlags
{
    /// <summary>In place of values: ask for nothing of that kind.</summary>
    private const string Any = "any";

    private readonly Option<string[]> states = Flag.List("--state", "Only while it is active, or quarantined", "STATE");
    private readonly Option<string[]> protocols = Flag.List("--over", "Only tunnels over openvpn/udp, openvpn/tcp, ipsec/udp or ipsec/esp", "PROTOCOL");
    private readonly Option<string[]> ciphers = Flag.List("--cipher", "Only tunnels with this cipher, such as AES-256-GCM", "CIPHER");
    private readonly Option<string[]> sources = Flag.List("--source", "Only tunnels from this address or prefix outside", "PREFIX");
    private readonly Option<string[]> countries = Flag.List("--country", "Only tunnels from this country, such as AT (needs the setting country_table)", "CODE");
    private readonly Option<string[]> posture = Flag.List("--posture", "Only where this was reported of it: firmware>=2.4.1, disk-encrypted=true", "TEST");
    private readonly Option<string?> age = Flag.Text("--posture-age", "And not longer ago than this: 24h; any for any age", "TIME");

    public IReadOnlyList<Option> All => [states, protocols, ciphers, sources, countries, posture, age];

    /// <summary>Null where none is given.</summary>
    public ConditionInput? Of(ParseResult parse)
    {
        var input = new ConditionInput
        {
            States = ListOf(parse, states),
            Protocols = ListOf(parse, protocols),
            Ciphers = ListOf(parse, ciphers),
            Sources = ListOf(parse, sources),
            Countries = ListOf(parse, countries),
            Posture = ListOf(parse, posture),
            PostureAge = parse.GetValue(age),
        };
        return input == new ConditionInput() ? null : input;
    }

    private static IReadOnlyList<string>? ListOf(ParseResult parse, Option<string[]> option) => parse.GetValue(option) switch
    {
        null or { Length: 0 } => null,
        [Any] => [],
        var given => given,
    };
}
