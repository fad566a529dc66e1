using System.Globalization;
using Sallyport.Api.Nodes;
using Sallyport.Api.Rules;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

/// <summary>Conditions of rules: what people write, what gateways read, and what is said of them.</summary>
internal static class RuleConditionInput
{
    private const int SourcesMax = 100; // a decision walks them
    private const int TestsMax = 20;
    private const int CountriesMax = 300; // there are 249

    private const int AgeSecondsMin = 60;
    private const int AgeSecondsMax = 3650 * 86_400;

    /// <summary>What was there with what is given put in its place; null where nothing is asked for.</summary>
    public static ConditionModel? Read(ConditionInput? input, ConditionModel? before, CountryTable countries, ProblemList problems)
    {
        if (input is null)
        {
            return before;
        }

        before ??= new ConditionModel();
        // An age is of the tests: it goes with the last of them.
        var age = input.Posture is { Count: 0 } ? null : before.PostureAgeSeconds;
        var after = new ConditionModel
        {
            States = ReadWords(input.States, before.States, "states", "state", ConditionText.States, problems),
            Protocols = ReadWords(input.Protocols, before.Protocols, "protocols", "protocol of tunnels", TunnelWords.Protocols, problems),
            Ciphers = ReadWords(input.Ciphers, before.Ciphers, "ciphers", "cipher", TunnelWords.Ciphers, problems),
            Sources = input.Sources is null ? before.Sources : ReadSources(input.Sources, problems),
            Countries = input.Countries is null ? before.Countries : ReadCountries(input.Countries, countries, problems),
            Posture = input.Posture is null ? before.Posture : ReadTests(input.Posture, problems),
            PostureAgeSeconds = input.PostureAge is null ? age : input.PostureAge == "any" ? null
                : Span.Read(input.PostureAge, "conditions.postureAge", AgeSecondsMin, AgeSecondsMax, problems),
        };
        if (after.PostureAgeSeconds is not null && after.Posture.Count == 0)
        {
            problems.Add("conditions.postureAge", "there is an age without a test of a fact", "say which fact: posture firmware>=2.4.1, or leave the age out");
        }

        return IsEmpty(after) ? null : after;
    }

    public static ConditionInfo ToInfo(ConditionModel? model)
    {
        model ??= new ConditionModel();
        return new ConditionInfo
        {
            States = model.States,
            Protocols = model.Protocols,
            Ciphers = model.Ciphers,
            Sources = model.Sources,
            Countries = model.Countries,
            Posture = model.Posture,
            PostureAge = model.PostureAgeSeconds is { } seconds ? Span.Text(seconds) : null,
            Text = Describe(model),
        };
    }

    /// <summary>"from 203.0.113.0/24, over openvpn/udp, firmware>=2.4.1 (within 24h)"; empty for none.</summary>
    public static bool IsConditioned(RuleModel rule) => Describe(rule.Conditions).Length > 0;

    public static string Describe(ConditionModel? model) => model is null ? "" : string.Join(
        ", ",
        ((string?[])
        [
            Said("while ", model.States), Said("over ", model.Protocols), Said("with ", model.Ciphers), Said("from ", model.Sources), Said("in ", model.Countries),
            model.Posture.Count == 0 ? null
                : string.Join(" and ", model.Posture) + (model.PostureAgeSeconds is { } seconds ? $" (within {Span.Text(seconds)})" : ""),
        ]).OfType<string>());

    /// <summary>Why one of them does not hold, as a sentence.</summary>
    public static string WhyUnmet(Unmet unmet, ConditionModel conditions, Identity from, in Situation situation) => unmet.Kind switch
    {
        ConditionKind.State => $"it is only for who is {Or(conditions.States)}",
        ConditionKind.Protocol => $"it is only for tunnels over {Or(conditions.Protocols)}, and {Tunnel(situation, situation.Protocol.Word())}",
        ConditionKind.Cipher => $"it is only for tunnels with {Or(conditions.Ciphers)}, and {Tunnel(situation, situation.Cipher.Word())}",
        ConditionKind.Source => $"it is only for tunnels from {Or(conditions.Sources)}, and {Tunnel(situation, $"from {situation.Source}")}",
        ConditionKind.Country => $"it is only for tunnels from {Or(conditions.Countries)}, and {Tunnel(situation, $"from {situation.Source}")}, which is not there by the table of countries",
        _ => $"it asks for {unmet.Test}, and {Fact(unmet.Test!, conditions, from)}",
    };

    private static string Fact(PostureTest test, ConditionModel conditions, Identity from) =>
        from.Posture.FirstOrDefault(fact => fact.Name == test.Name) is not { } fact ? $"nothing was reported of {test.Name}"
        : !test.IsMet(fact.Value) ? $"{test.Name} is {fact.Value.Text}"
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{test.Name}={fact.Value.Text} was reported more than {Span.Text(conditions.PostureAgeSeconds ?? 0)} ago");

    private static string Tunnel(in Situation situation, string what) =>
        situation.Protocol == TunnelProtocol.None ? "the sender has had no tunnel" : $"the sender's is {what}";

    private static string Or(IReadOnlyList<string> words) => string.Join(" or ", words);

    private static string? Said(string head, IReadOnlyList<string> words) => words.Count == 0 ? null : head + Or(words);

    private static bool IsEmpty(ConditionModel model) =>
        model.States.Count + model.Protocols.Count + model.Ciphers.Count + model.Sources.Count + model.Countries.Count + model.Posture.Count == 0;

    private static IReadOnlyList<string> ReadWords(
        IReadOnlyList<string>? given, IReadOnlyList<string> before, string field, string what, IReadOnlyList<string> known, ProblemList problems)
    {
        if (given is null)
        {
            return before;
        }

        var read = new SortedSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < Math.Min(given.Count, known.Count); i++)
        {
            if (NetworkInput.ReadOne(given[i] ?? "", $"conditions.{field}[{i}]", what, known, problems) is { } word)
            {
                read.Add(word);
            }
        }

        if (given.Count > known.Count)
        {
            problems.Add($"conditions.{field}", $"{given.Count} are more than there are", $"there are {string.Join(", ", known)}");
        }

        return [.. read];
    }

    private static IReadOnlyList<string> ReadSources(IReadOnlyList<string> given, ProblemList problems)
    {
        if (given.Count > SourcesMax)
        {
            problems.Add("conditions.sources", $"{given.Count} sources are too many", $"use at most {SourcesMax}, or countries");
            return [];
        }

        var read = new SortedSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < given.Count; i++)
        {
            var text = given[i] ?? "";
            if (IpAddress.TryParse(text, out var address))
            {
                read.Add(IpPrefix.Host(address).ToString());
            }
            else if (IpPrefix.TryParse(text, out var prefix))
            {
                read.Add(prefix.ToString());
            }
            else
            {
                problems.Add($"conditions.sources[{i}]", $"'{Label.Shorten(text)}' is neither an address nor a prefix without host bits", "write it as 203.0.113.0/24");
            }
        }

        return [.. read];
    }

    private static IReadOnlyList<string> ReadCountries(IReadOnlyList<string> given, CountryTable countries, ProblemList problems)
    {
        if (given.Count > 0 && countries.IsEmpty)
        {
            problems.Add(
                "conditions.countries", "there is no table of countries",
                "give sallyportd one with the setting country_table (a CSV of prefix,country), or use sources instead");
            return [];
        }

        if (given.Count > CountriesMax)
        {
            problems.Add("conditions.countries", $"{given.Count} countries are too many", $"use at most {CountriesMax}");
            return [];
        }

        var read = new SortedSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < given.Count; i++)
        {
            var code = (given[i] ?? "").ToUpperInvariant();
            if (countries.Has(code))
            {
                read.Add(code);
            }
            else
            {
                problems.Add(
                    $"conditions.countries[{i}]", $"the table of countries has no '{Label.Shorten(given[i] ?? "")}'", $"use a code that it has, such as {countries.Examples}, or give sallyportd a table that has it (country_table)");
            }
        }

        return [.. read];
    }

    private static IReadOnlyList<string> ReadTests(IReadOnlyList<string> given, ProblemList problems)
    {
        if (given.Count > TestsMax)
        {
            problems.Add("conditions.posture", $"{given.Count} tests are too many", $"use at most {TestsMax}");
            return [];
        }

        var read = new SortedSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < given.Count; i++)
        {
            if (PostureTest.TryParse(given[i] ?? "", out var test, out var problem))
            {
                read.Add(test.ToString());
            }
            else
            {
                problems.Add(
                    $"conditions.posture[{i}]", $"'{Label.Shorten(given[i] ?? "")}' is no test of a fact: {Label.Shorten(problem)}", "write it like firmware>=2.4.1 or disk-encrypted=true");
            }
        }

        return [.. read];
    }
}
