using System.CommandLine;
using System.Globalization;
using Sallyport.Api.Times;

namespace Sallyport.Cli.Arguments;

/// <summary>
/// Options whose default is an environment variable: --network is SALLYPORT_NETWORK. Lists are separated by commas there.
/// </summary>
internal static class Flag
{
    public static string VariableOf(string flag) => "SALLYPORT_" + flag.TrimStart('-').ToUpperInvariant().Replace('-', '_');

    /// <summary>Text; null where neither the flag nor the variable is given.</summary>
    public static Option<string?> Text(string name, string help, string value, bool required = false)
    {
        var fallback = Variable(name);
        return new Option<string?>(name)
        {
            Description = Describe(name, help),
            HelpName = value,
            Required = required && fallback is null,
            DefaultValueFactory = fallback is null ? null : _ => fallback,
        };
    }

    /// <summary>Text whose variable is no default, because help shows defaults: ask <see cref="Variable"/>.</summary>
    public static Option<string?> Secret(string name, string help, string value) =>
        new(name) { Description = Describe(name, help), HelpName = value };

    public static Option<string[]> List(string name, string help, string value, bool required = false)
    {
        var fallback = Variable(name)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];
        return new Option<string[]>(name)
        {
            Description = Describe(name, help + "; may be repeated"),
            HelpName = value,
            Required = required && fallback.Length == 0,
            DefaultValueFactory = required && fallback.Length == 0 ? null : _ => fallback,
        };
    }

    public static Option<bool> Switch(string name, string help)
    {
        var fallback = Variable(name) is "1" or "true" or "yes";
        return new Option<bool>(name) { Description = Describe(name, help), DefaultValueFactory = _ => fallback };
    }

    /// <summary>Something that can be set either way; ask <see cref="IsYes"/>.</summary>
    public static Option<string?> YesNo(string name, string help) => Text(name, $"{help}: yes or no", "yes|no");

    /// <summary>Null where nothing is said. The variable takes what those of switches take.</summary>
    public static bool? IsYes(ParseResult parse, Option<string?> option) => parse.GetValue(option) switch
    {
        null => null,
        "yes" or "true" or "1" => true,
        "no" or "false" or "0" => false,
        var other => throw new CliException(
            ExitCodes.Usage, $"\"{other}\" is neither yes nor no", option.Name, $"Write {option.Name} yes or {option.Name} no."),
    };

    public static Option<int?> Number(string name, string help, string value)
    {
        int? fallback = int.TryParse(Variable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
        return new Option<int?>(name) { Description = Describe(name, help), HelpName = value, DefaultValueFactory = _ => fallback };
    }

    /// <summary>A count, or null where none is given.</summary>
    public static int? AtLeastOne(ParseResult parse, Option<int?> option) => parse.GetValue(option) is not { } number || number >= 1
        ? parse.GetValue(option)
        : throw new CliException(ExitCodes.Usage, $"{option.Name} is {number}", option.Name, "Write a number from 1 on, or leave it out.");

    /// <summary>A moment, or null where none is given.</summary>
    /// <param name="instead">Another way to say it, as one more sentence.</param>
    public static DateTimeOffset? Time(ParseResult parse, Option<string?> option, string instead = "") => parse.GetValue(option) is not { } text ? null
        : TimeText.TryRead(text, out var at) ? at
        : throw new CliException(
            ExitCodes.Usage, $"\"{text}\" is no time", option.Name, $"Write year, month and day, as in {option.Name} 2026-12-01T17:00+01:00; without an offset it is UTC.{instead}");

    public static Argument<string> Name(string what) => Word("NAME", what);

    /// <summary>One word, which no mistyped flag can take the place of.</summary>
    public static Argument<string> Word(string name, string what)
    {
        var argument = new Argument<string>(name) { Description = what };
        argument.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => IsFlag(token.Value)))
            {
                result.AddError("it is a flag"); // ParseFaults says which
            }
        });
        return argument;
    }

    public static bool IsFlag(string token) => token.Length > 1 && token[0] == '-';

    public static Option<string?> Reason() => Text("--reason", "Why; goes to the audit", "TEXT");

    private static string Describe(string name, string help) => $"{help} [{VariableOf(name)}]";

    /// <summary>What the variable of a flag says.</summary>
    public static string? Variable(string name) =>
        Environment.GetEnvironmentVariable(VariableOf(name)) is { Length: > 0 } value ? value : null;
}
