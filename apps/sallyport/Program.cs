using System.CommandLine;
using Sallyport.Cli.Applications;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Audit;
using Sallyport.Cli.Completion;
using Sallyport.Cli.Credentials;
using Sallyport.Cli.Devices;
using Sallyport.Cli.Events;
using Sallyport.Cli.Flows;
using Sallyport.Cli.Keys;
using Sallyport.Cli.Locks;
using Sallyport.Cli.Networks;
using Sallyport.Cli.Output;
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

            foreach (var fault in ParseFaults.Of(parse))
            {
                ErrorText.Print(remarks, fault.What, fault.Where, fault.Fix);
            }

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
            LockCommands.Build(shell),
            PolicyCommands.Build(shell),
            WhoisCommand.Build(shell),
            FlowCommands.Build(shell),
            TunnelCommands.Build(shell),
            CredentialCommands.Build(shell),
            AuditCommands.Build(shell),
            EventCommands.Build(shell),
            KeyCommands.Build(shell),
            SimulatorProgram.Command(),
            StatusCommands.Version(shell),
            CompletionCommands.Build(shell),
        ])
        {
            root.Add(command);
        }

        return root;
    }
}
