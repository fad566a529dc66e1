using System.CommandLine;
using System.Text.RegularExpressions;
using Sallyport.Cli.Arguments;

namespace Sallyport.Cli.Output;

/// <summary>
/// The API names its own fields, as who programs it knows them; people typed flags. A field becomes a flag that the command has, or the argument
/// that it is about, or stays what it is: never a flag that is none.
/// </summary>
internal static partial class ApiWords
{
    private static readonly string[] Services = ["--tcp", "--udp", "--icmp"];
    private static readonly string[] Conditions = ["--state", "--over", "--cipher", "--source", "--country", "--posture", "--posture-age"];

    /// <summary>Those that are not simply called as the field, in the order in which they are looked for.</summary>
    private static readonly Dictionary<string, string[]> Others = new(StringComparer.Ordinal)
    {
        ["owner"] = ["--device", "--site"],
        ["subject"] = ["--device", "--site", "--host", "--group", "--label", "--network"],
        ["host"] = ["--host", "--egress"],
        ["windows"] = ["--hours"],
        ["effect"] = ["--deny"],
        ["verdict"] = ["--denied", "--allowed"],
        ["addRules"] = ["--add-rule", "--deny-rule"],
        ["removeRules"] = ["--remove-rule"],
        ["prefixes"] = ["--prefix"],
        ["subnets"] = ["--subnet"],
        ["serviceRanges"] = ["--service-range"],
        ["guestPools"] = ["--guest-pool"],
        ["dns.forward"] = ["--dns-forward"],
        ["dns.serve"] = ["--dns"],
        ["ipsec.serve"] = ["--ipsec"],
        ["ipsec.ike"] = ["--ike"],
        ["ipsec.esp"] = ["--esp"],
        ["ipsec.authentication"] = ["--ipsec-auth"],
        ["ipsec.ikeLifetime"] = ["--ike-lifetime"],
        ["ipsec.childLifetime"] = ["--child-lifetime"],
        ["ipsec.childVolume"] = ["--child-volume"],
        ["ipsec.childPackets"] = ["--child-packets"],
        ["ipsec.reauthenticate"] = ["--reauthenticate"],
        ["ipsec.encapsulate"] = ["--encapsulate"],
        ["ipsec.copyDscp"] = ["--copy-dscp"],
        ["ipsec.ppkRequired"] = ["--ppk-required"],
        ["labels"] = ["--label"],
        ["groups"] = ["--group"],
        ["addresses"] = ["--address"],
        ["names"] = ["--name"],
        ["ciphers"] = ["--cipher"],
        ["wrappings"] = ["--wrapping"],
        ["services"] = Services,
        ["protocol"] = [.. Services, "--protocol"],
        ["peerIds"] = ["--peer-id"],
        ["psk"] = ["--psk-file"],
        ["ipsec.remotes"] = ["--remote"],
        ["ipsec.mode"] = ["--mode"],
        ["ipsec.singlePairs"] = ["--single-pairs"],
        ["port"] = Services,
        ["conditions"] = Conditions,
        ["conditions.states"] = ["--state"],
        ["conditions.protocols"] = ["--over"],
        ["conditions.ciphers"] = ["--cipher"],
        ["conditions.sources"] = ["--source"],
        ["conditions.countries"] = ["--country"],
        ["conditions.posture"] = ["--posture"],
        ["conditions.postureAge"] = ["--posture-age"],
        ["limit"] = ["--limit", "--rate", "--packets", "--volume"],
        ["limit.rate"] = ["--rate"],
        ["limit.packetsPerSecond"] = ["--packets"],
        ["limit.volume"] = ["--volume"],
    };

    /// <summary>Parts of requests that no flag and no argument stands for.</summary>
    private static readonly string[] Inner = ["If-Match", "Idempotency-Key", "Content-Type", "body", "request", "method", "path", "cursor"];

    /// <param name="command">The command that failed; null where it is not known, and a flag of any is good.</param>
    public static string FlagOf(string field, Command? command = null)
    {
        var path = field.StartsWith("profile.", StringComparison.Ordinal) ? field["profile.".Length..] : field;
        if (path.Length == 0 || Inner.Contains(path))
        {
            return path.Length == 0 || path is "If-Match" ? ArgumentOf(command) ?? "" : path;
        }

        var known = command is null ? null : ParseFaults.FlagsOf(command).ToHashSet(StringComparer.Ordinal);
        var flags = Candidates(path).Where(flag => known is null || known.Contains(flag)).ToList();
        var said = IsArgument(path, ArgumentOf(command)) ? ArgumentOf(command) ?? path.ToUpperInvariant()
            : flags.Count > 0 ? string.Join(", ", flags)
            : ArgumentOf(command) ?? path;
        return said == path || RootOf(path) == path ? said : $"{said} ({field})";
    }

    /// <summary>Whether the field is the thing itself that the command is about; without a command it is.</summary>
    private static bool IsArgument(string path, string? argument) => path switch
    {
        "name" => argument is null or "NAME",
        "id" => argument is null or "ID",
        "subject" => argument is "SUBJECT",
        "owner" => argument is "WHO",
        _ => false,
    };

    /// <summary>In a text of the API: "network=NAME" as a flag of the command, where it has one of that name, and "fromNetwork" by itself.</summary>
    /// <remarks>The gateway host is a switch with a network beside it, and what lies beyond it a switch of its own.</remarks>
    public static string Translate(string text, Command? command)
    {
        if (command is null)
        {
            return text;
        }

        var known = ParseFaults.FlagsOf(command).ToHashSet(StringComparer.Ordinal);
        var plain = known.Contains("--egress") ? text.Replace("host=internet", "--egress", StringComparison.Ordinal).Replace("host=NETWORK", "--host --network NETWORK", StringComparison.Ordinal) : text;
        return Word().Replace(plain, match =>
        {
            var (word, isGiven) = (match.Groups[1].Value, match.Groups[2].Success);
            // A plain word is a word; only what begins a value, or has a capital letter within, can be a field.
            var flag = isGiven || word.Any(char.IsAsciiLetterUpper) ? Candidates(word).FirstOrDefault(known.Contains) : null;
            return flag is null ? match.Value : isGiven ? flag + " " : flag;
        });
    }

    /// <summary>Flags that may stand for a field: of its whole path, else of what it is a part of.</summary>
    private static string[] Candidates(string path)
    {
        var plain = Index().Replace(path, "");
        for (var at = plain; at.Length > 0; at = at.Contains('.', StringComparison.Ordinal) ? at[..at.LastIndexOf('.')] : "")
        {
            if (Others.TryGetValue(at, out var flags))
            {
                return flags;
            }
        }

        return ["--" + Dashed(RootOf(plain))];
    }

    private static string RootOf(string path)
    {
        var end = path.AsSpan().IndexOfAny('[', '.');
        return end < 0 ? path : path[..end];
    }

    /// <summary>What the command itself calls the thing that it is about.</summary>
    private static string? ArgumentOf(Command? command) => command?.Arguments.FirstOrDefault()?.Name;

    private static string Dashed(string camel) =>
        string.Concat(camel.Select(c => char.IsUpper(c) ? "-" + char.ToLowerInvariant(c) : c.ToString()));

    [GeneratedRegex(@"\[[^\]]*\]")]
    private static partial Regex Index();

    // Not within a name, a path, a selector or something quoted; "=" with a value behind it.
    [GeneratedRegex(@"(?<![\w.:'""/=-])([a-z]+(?:[A-Z][a-z]+)*)(?:(=)(?=[\w*])|(?![\w.:/'""=]))")]
    private static partial Regex Word();
}
