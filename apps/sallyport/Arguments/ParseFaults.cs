using System.CommandLine;
using System.CommandLine.Parsing;

namespace Sallyport.Cli.Arguments;

/// <summary>One mistake on the command line: what, where, and how to go on.</summary>
internal sealed record ParseFault(string What, string Where, string Fix);

/// <summary>Says in our words what is wrong with a command line; the parser's own never reach the terminal.</summary>
internal static class ParseFaults
{
    public static IReadOnlyList<ParseFault> Of(ParseResult parse)
    {
        var command = parse.CommandResult.Command;
        var path = PathOf(command);
        // What was mistyped explains what then is missing, and the words that come after it.
        var words = parse.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens).Select(token => token.Value);
        var flags = words.Concat(parse.UnmatchedTokens).Where(Flag.IsFlag).ToList();
        var unknown = flags.Count > 0 ? flags : command.Subcommands.Count > 0 ? parse.UnmatchedTokens.Take(1) : parse.UnmatchedTokens;
        if (unknown.Any())
        {
            return [.. unknown.Select(token => Unknown(token, command, path))];
        }

        return [.. parse.Errors.Select(error => Fault(error, command, path)).DistinctBy(fault => fault.What)];
    }

    public static string PathOf(Command command)
    {
        var names = new List<string>();
        for (Symbol? at = command; at is Command and not RootCommand; at = at.Parents.FirstOrDefault())
        {
            names.Insert(0, at.Name);
        }

        return string.Join(' ', ["sallyport", .. names]);
    }

    private static ParseFault Unknown(string token, Command command, string path)
    {
        var isFlag = Flag.IsFlag(token);
        var known = isFlag ? FlagsOf(command) : command.Subcommands.Select(c => c.Name);
        var near = Nearest.To(token.Split('=')[0], known) is { } word ? $"Did you mean {word}? " : "";
        var what = isFlag ? $"there is no flag {token}" : command.Subcommands.Count > 0 ? $"there is no command {token}" : $"\"{token}\" is one word too many";
        return new ParseFault(what, path, $"{near}{path} --help shows what it takes.");
    }

    /// <summary>Its own and those of every command.</summary>
    public static IEnumerable<string> FlagsOf(Command command)
    {
        IEnumerable<Option> options = command.Options;
        for (var at = command.Parents.OfType<Command>().FirstOrDefault(); at is not null; at = at.Parents.OfType<Command>().FirstOrDefault())
        {
            options = options.Concat(at.Options.Where(o => o.Recursive));
        }

        return options.SelectMany(o => (string[])[o.Name, .. o.Aliases]);
    }

    private static ParseFault Fault(ParseError error, Command command, string path) => error.SymbolResult switch
    {
        ArgumentResult { Parent: OptionResult option } => OfOption(option, path),
        OptionResult option => OfOption(option, path),
        ArgumentResult argument => OfArgument(argument.Argument, argument.Tokens, path),
        _ => Missing(command, path),
    };

    private static ParseFault OfOption(OptionResult result, string path)
    {
        var option = result.Option;
        var where = $"{path} {option.Name}";
        return (result.IdentifierTokenCount, result.Tokens) switch
        {
            (0, []) => new ParseFault($"{option.Name} is missing", path, $"Add {Usage(option)}: {Plain(option.Description)}."),
            (_, []) => new ParseFault($"{option.Name} has no value", where, $"Write {Usage(option)}: {Plain(option.Description)}."),
            ( > 1, _) => new ParseFault($"{option.Name} is given {result.IdentifierTokenCount} times", where, "It has one value: give it once."),
            (_, [.., var token]) => new ParseFault(
                Wrong(token.Value, option.ValueType), where, $"Write {Usage(option)}: {Plain(option.Description)}."),
        };
    }

    private static ParseFault OfArgument(Argument argument, IReadOnlyList<Token> tokens, string path) => tokens is [.., var token]
        ? new ParseFault(Wrong(token.Value, argument.ValueType), $"{path} {argument.Name}", $"It is the {Lower(argument.Description)}.")
        : new ParseFault($"{argument.Name} is missing", path, $"Write {path} {argument.Name}: {Lower(argument.Description)}.");

    private static ParseFault Missing(Command command, string path) =>
        new("the command is not complete", path, $"{path} --help shows what it takes: {string.Join(", ", command.Subcommands.Select(c => c.Name))}.");

    private static string Wrong(string value, Type type)
    {
        var kind = Nullable.GetUnderlyingType(type) ?? type;
        return $"\"{value}\" is no {(kind == typeof(int) ? "number" : kind == typeof(bool) ? "yes or no" : "value for it")}";
    }

    private static string Usage(Option option) => option.HelpName is { } value ? $"{option.Name} {value}" : option.Name;

    /// <summary>Without the name of the variable.</summary>
    private static string Plain(string? description) => Lower(description).Split(" [SALLYPORT_")[0];

    private static string Lower(string? description) =>
        string.IsNullOrEmpty(description) || (description.Length > 1 && char.IsUpper(description[1])) ? description ?? "" : char.ToLowerInvariant(description[0]) + description[1..];
}
