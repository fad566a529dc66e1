using System.CommandLine;
using Sallyport.Api.Client;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Connection;
using Sallyport.Cli.Output;

namespace Sallyport.Cli;

/// <summary>Joins command line, connection and output for every command, and turns every failure into its message and exit code.</summary>
internal sealed class Shell
{
    private readonly ConnectionFlags connection = new();
    private readonly Option<string?> output = Flag.Text("--output", "table, json or yaml", "FORMAT");
    private readonly HashSet<Command> reports = [];

    public void AddTo(RootCommand root)
    {
        output.Aliases.Add("-o");
        output.CompletionSources.Add("table", "json", "yaml");
        output.Recursive = true;
        root.Add(output);
        connection.AddTo(root);
    }

    /// <summary>A command that talks to the API.</summary>
    public Command Verb(string name, string description, Func<CommandContext, Task> run, params ReadOnlySpan<Symbol> symbols) =>
        Verb(
            name,
            description,
            async context =>
            {
                await run(context);
                return ExitCodes.Ok;
            },
            symbols);

    public Command Verb(string name, string description, Func<CommandContext, Task<int>> run, params ReadOnlySpan<Symbol> symbols)
    {
        var command = Plain(name, description, symbols);
        command.SetAction(async (parse, cancel) =>
        {
            var server = "the API";
            try
            {
                var options = connection.Resolve(parse);
                server = options.ToString();
                using var client = new SallyportClient(options);
                return await run(new CommandContext(parse, client, PrinterFor(parse), cancel));
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return 130; // 128 + SIGINT, as shells count
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                return ErrorText.Write(error, Console.Error, server, command);
            }
        });
        return command;
    }

    /// <summary>A command that needs no server.</summary>
    public Command Local(string name, string description, Func<ParseResult, Printer, int> run, params ReadOnlySpan<Symbol> symbols)
    {
        var command = Plain(name, description, symbols);
        command.SetAction(parse =>
        {
            try
            {
                return run(parse, PrinterFor(parse));
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                return ErrorText.Write(error, Console.Error, "");
            }
        });
        return command;
    }

    public static Command Noun(string name, string description, params ReadOnlySpan<Command> verbs)
    {
        var noun = new Command(name, description);
        foreach (var verb in verbs)
        {
            noun.Add(verb);
        }

        return noun;
    }

    /// <summary>The command has a form for spreadsheets as well.</summary>
    public Command WithCsv(Command command)
    {
        reports.Add(command);
        return command;
    }

    private Printer PrinterFor(ParseResult parse) =>
        new(FormatOf(parse.GetValue(output), reports.Contains(parse.CommandResult.Command)), Console.Out, Console.Error, TerminalWidth());

    private static OutputFormat FormatOf(string? text, bool isReport) => text switch
    {
        null or "table" => OutputFormat.Table,
        "json" => OutputFormat.Json,
        "yaml" => OutputFormat.Yaml,
        "csv" when isReport => OutputFormat.Csv,
        "csv" => throw new CliException(
            ExitCodes.Usage, "this command has no form for spreadsheets", "--output", "Write table, json or yaml; sallyport policy access has csv."),
        _ => throw new CliException(ExitCodes.Usage, $"\"{text}\" is no form of output", "--output", "Write table, json or yaml."),
    };

    /// <summary>Null where the output is no terminal. A terminal that does not know its width has the usual one.</summary>
    private static int? TerminalWidth()
    {
        if (Console.IsOutputRedirected)
        {
            return null;
        }

        var width = Console.WindowWidth;
        return width > 0 ? width : 80;
    }

    private static Command Plain(string name, string description, ReadOnlySpan<Symbol> symbols)
    {
        var command = new Command(name, description);
        foreach (var symbol in symbols)
        {
            switch (symbol)
            {
                case Argument argument:
                    command.Add(argument);
                    break;
                case Option option:
                    command.Add(option);
                    break;
            }
        }

        return command;
    }
}
