using System.CommandLine;
using System.Text.RegularExpressions;
using Sallyport.Cli;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Apps.Tests.Cli.Output;

/// <summary>Who types commands reads of flags, who programs the API of fields; and what is named is there.</summary>
public sealed partial class ApiWordsTests
{
    private static readonly RootCommand Root = Program.Build();

    [Theory]
    [InlineData("network update", "guestPools[0]", "--guest-pool (guestPools[0])")]
    [InlineData("network update", "serviceRanges", "--service-range")]
    [InlineData("network update", "dns.forward[1]", "--dns-forward (dns.forward[1])")]
    [InlineData("network update", "If-Match", "NAME")]
    [InlineData("rule update", "If-Match", "ID")]
    [InlineData("rule add", "conditions", "--state, --over, --cipher, --source, --country, --posture, --posture-age")]
    [InlineData("rule add", "conditions.countries[0]", "--country (conditions.countries[0])")]
    [InlineData("rule add", "limit.packetsPerSecond", "--packets (limit.packetsPerSecond)")]
    [InlineData("rule add", "effect", "--deny")]
    [InlineData("rule add", "windows[0]", "--hours (windows[0])")]
    [InlineData("flow list", "limit", "--limit")]
    [InlineData("flow list", "verdict", "--denied, --allowed")]
    [InlineData("application add", "names[0]", "--name (names[0])")]
    [InlineData("application add", "name", "NAME")]
    [InlineData("application add", "host", "--host, --egress")]
    [InlineData("policy mud", "name", "--name")]
    [InlineData("policy mud", "file", "FILE")]
    [InlineData("policy mud", "signerCa", "--signer-ca")]
    [InlineData("policy learn", "subject", "--device, --site, --host, --group, --label, --network")]
    [InlineData("policy who-can-reach", "to", "APPLICATION")]
    [InlineData("policy replay", "addRules[0].from", "--add-rule, --deny-rule (addRules[0].from)")]
    [InlineData("lock add", "subject", "SUBJECT")]
    [InlineData("tunnel disconnect", "owner", "WHO")]
    [InlineData("credential list", "owner", "--device, --site")]
    [InlineData("whois", "address", "ADDRESS")]
    public void A_field_is_a_flag_or_the_argument_of_the_command_that_failed(string command, string field, string said) =>
        ApiWords.FlagOf(field, Find(command.Split(' '))).ShouldBe(said);

    [Theory]
    [InlineData("whois", "for an address inside a network say which: network=NAME", "for an address inside a network say which: --network NAME")]
    [InlineData("rule add", "say whose group is meant: fromNetwork=NETWORK", "say whose group is meant: --from-network NETWORK")]
    [InlineData("rule add", "write label:KEY=VALUE or network:NAME", "write label:KEY=VALUE or network:NAME")]
    [InlineData("rule add", "give a network that is there, from none to all", "give a network that is there, from none to all")]
    [InlineData("application add", "leave them out, or put it there: host=internet", "leave them out, or put it there: --egress")]
    [InlineData("application add", "name its network: host=NETWORK", "name its network: --host --network NETWORK")]
    [InlineData("policy mud", "say it with controller=urn:ietf:params:mud:ntp=application:NAME", "say it with --controller urn:ietf:params:mud:ntp=application:NAME")]
    [InlineData("policy mud", "say it with model=https://x.example/a=label:KEY=VALUE", "say it with --model https://x.example/a=label:KEY=VALUE")]
    [InlineData("policy mud", "say it with sameManufacturer=label:KEY=VALUE", "say it with --same-manufacturer label:KEY=VALUE")]
    [InlineData("device update", "it has 'network=old' and label:site=hq", "it has 'network=old' and label:site=hq")]
    public void A_hint_of_the_API_is_told_in_flags(string command, string hint, string said) =>
        ApiWords.Translate(hint, Find(command.Split(' '))).ShouldBe(said);

    /// <summary>Whatever field control names, no command is told of a flag that it does not have.</summary>
    [Fact]
    public void No_field_of_any_problem_becomes_a_flag_that_is_not_there()
    {
        var fields = Sources().SelectMany(text => Field().Matches(text)).Select(match => match.Groups[1].Value).Distinct().ToList();
        fields.Count.ShouldBeGreaterThan(40, "they are found at all");
        foreach (var command in All(Root))
        {
            var known = ParseFaults.FlagsOf(command).ToHashSet();
            foreach (var flag in fields.SelectMany(field => Flag().Matches(ApiWords.FlagOf(field, command)).Select(match => match.Value)))
            {
                known.ShouldContain(flag, ParseFaults.PathOf(command));
            }
        }
    }

    /// <summary>A command in a message is one that can be typed, and no flag stands anywhere else: who programs the API has none.</summary>
    [Fact]
    public void Every_flag_in_a_text_of_control_belongs_to_the_command_before_it()
    {
        var commands = 0;
        foreach (var text in Sources().SelectMany(source => Literal().Matches(source)).Select(match => match.Value))
        {
            foreach (Match match in Typed().Matches(text))
            {
                var words = match.Groups[1].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (Find(words) is not { } command)
                {
                    continue;
                }

                commands++;
                foreach (var flag in Flag().Matches(match.Groups[2].Value).Select(one => one.Value))
                {
                    ParseFaults.FlagsOf(command).ShouldContain(flag, text);
                }
            }

            if (!text[1..].TrimStart().StartsWith("--", StringComparison.Ordinal) && Sentence().IsMatch(Others().Replace(Typed().Replace(text, ""), "")))
            {
                text.ShouldBe("a text without flags", "name the field, as field=VALUE: the command line makes a flag of it");
            }
        }

        commands.ShouldBeGreaterThan(40, "they are found at all");
    }

    /// <summary>The command that the words begin with; null where they name none.</summary>
    private static Command? Find(IReadOnlyList<string> words)
    {
        Command? at = Root;
        foreach (var word in words)
        {
            if (at.Subcommands.FirstOrDefault(one => one.Name == word) is not { } next)
            {
                break;
            }

            at = next;
        }

        return at == Root ? null : at;
    }

    private static IEnumerable<Command> All(Command command) => command.Subcommands.SelectMany(All).Prepend(command);

    private static IEnumerable<string> Sources() =>
        Directory.EnumerateFiles(Path.Combine(Repository.Root, "src", "Sallyport.Control"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal)).Select(File.ReadAllText);

    [GeneratedRegex("""(?:Add|AddConflict|AddUnknown|Conflict|NotFound|Malformed|OrProblem|ReadOne|Read|Check)\(\s*(?:[\w.\[\]?]+, )*?\$?"([a-z][A-Za-z]*(?:[.\[][^"\s]*)?)"\s*,""")]
    private static partial Regex Field();

    [GeneratedRegex("\"(?:[^\"\\\\\\n]|\\\\.)*\"")]
    private static partial Regex Literal();

    // Up to where a sentence goes on.
    [GeneratedRegex(@"sallyport ((?:[a-z-]+ ?)+)([^;,)""]*)")]
    private static partial Regex Typed();

    /// <summary>Programs that are not ours, in what is written for their machines.</summary>
    [GeneratedRegex(@"swanctl --load-all")]
    private static partial Regex Others();

    [GeneratedRegex(@"--[a-z][a-z-]+")]
    private static partial Regex Flag();

    /// <summary>Words before a flag: commands are put together of parts that begin with one.</summary>
    [GeneratedRegex(@"[a-z]{2,}[ :,]+(?:or |use |with )*--[a-z]")]
    private static partial Regex Sentence();
}
