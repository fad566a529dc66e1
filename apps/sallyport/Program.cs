using System.CommandLine;
using Sallyport.Cli.Applications;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Audit;
using Sallyport.Cli.Completion;
using Sallyport.Cli.Credentials;
using Sallyport.Cli.Devices;
using Sallyport.Cli.Events;
using Sallyport.Cli.Flows;
using Sallyport.Cli.Networks;
using Sallyport.Cli.Policy;
using Sallyport.Cli.Rules;
using Sallyport.Cli.Simulate;
using Sallyport.Cli.Sites;
using Sallyport.Cli.Status;
using Sallyport.Cli.Tunnels;

namespace Sallyport.Cli;

internal static class Program
{
    public static Task<int> Main(string[] args) => RunAsync(args, Console.Error);

    internal static async Task<int> RunAsync(string[] args, TextWriter remarks)
    {
        if (args is [SimulatorProgram.Verb, .. var words])
        {
            return await SimulatorProgram.RunAsync(words, remarks);
        }

        var root = Build();
        var parse = root.Parse(args);
        if (parse.Errors.Count > 0)
        {
            var command = parse.CommandResult.Command;
            if (command.Subcommands.Count > 0 && parse.UnmatchedTokens.Count == 0)
            {
                // "sallyport device" is a question, not a mistake of spelling.
                await root.Parse([.. args, "--help"]).InvokeAsync();
                return ExitCodes.Usage;
            }

            // What was mistyped explains what then is missing.
            var errors = parse.UnmatchedTokens.Count > 0
                ? [.. parse.UnmatchedTokens.Select(t => $"unknown: {t}")]
                : parse.Errors.Select(e => e.Message).ToList();
            var path = CommandPath(command);
            foreach (var error in errors)
            {
                remarks.WriteLine($"error: {error}");
            }

            remarks.WriteLine($"  where: {path}");
            remarks.WriteLine($"  fix:   {Suggestion(command, parse.UnmatchedTokens)}{path} --help shows what it takes");
            return ExitCodes.Usage;
        }

        return await parse.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    }

    internal static RootCommand Build()
    {
        var root = new RootCommand(
            "Sallyport: every device on one gateway, nothing reachable without a rule. "
            + "Exit codes: 0 done, 1 refused, 2 usage, 3 API not reachable, 4 not authorised, 5 not found, 6 done but not confirmed.");
        var shell = new Shell();
        shell.AddTo(root);
        foreach (var command in (Command[])
        [
            StatusCommands.Status(shell),
            NetworkCommands.Build(shell),
            SiteCommands.Build(shell),
            DeviceCommands.Build(shell),
            ApplicationCommands.Build(shell),
            RuleCommands.Build(shell),
            PolicyCommands.Build(shell),
            FlowCommands.Build(shell),
            TunnelCommands.Build(shell),
            CredentialCommands.Build(shell),
            AuditCommands.Build(shell),
            EventCommands.Build(shell),
            SimulatorProgram.Command(),
            StatusCommands.Version(shell),
            CompletionCommands.Build(shell),
        ])
        {
            root.Add(command);
        }

        return root;
    }

    private static string Suggestion(Command command, IReadOnlyList<string> unknown)
    {
        if (unknown.Count == 0)
        {
            return "";
        }

        var known = command.Subcommands.Select(c => c.Name).Concat(command.Options.SelectMany(o => (string[])[o.Name, .. o.Aliases]));
        return Nearest.To(unknown[0], known) is { } near ? $"did you mean {near}? " : "";
    }

    private static string CommandPath(Command command)
    {
        var names = new List<string>();
        for (Symbol? at = command; at is Command and not RootCommand; at = at.Parents.FirstOrDefault())
        {
            names.Insert(0, at.Name);
        }

        return string.Join(' ', ["sallyport", .. names]);
    }
}
