using System.CommandLine;
using System.Globalization;
using Sallyport.Api;
using Sallyport.Cli.Arguments;

namespace Sallyport.Cli.Policy;

internal static class PolicyCommands
{
    public static Command Build(Shell shell) => Shell.Noun("policy", "What the rules together mean", Explain(shell));

    private static Command Explain(Shell shell)
    {
        var from = Flag.Text("--from", "device:NAME or site:NAME", "WHO", required: true);
        var to = Flag.Text("--to", "Address", "ADDRESS", required: true);
        var services = new ServiceFlags();
        var command = shell.Verb(
            "explain",
            "Would it pass, by which rule, or what is missing?",
            async c =>
            {
                var (protocol, port) = One(services.Of(c.Parse));
                var explanation = await c.Client.ExplainAsync(c.Parse.GetValue(from)!, c.Parse.GetValue(to)!, protocol, port, c.Cancel);
                c.Printer.One(explanation, ApiJson.Default.PolicyExplanation, e =>
                {
                    var what = e.Protocol == "icmp" ? $"icmp {e.Destination}" : $"{e.Protocol} {e.Destination}:{e.Port}";
                    var application = e.Application is null ? "" : $" ({e.Application})";
                    c.Printer.Line($"{(e.Allowed ? "ALLOWED" : "DENIED")} {e.From} to {what}{application}{(e.RuleId is { } rule ? $": rule {rule}, {e.Rule}" : "")}");
                    foreach (var step in e.Steps)
                    {
                        c.Printer.Line($"  - {step}");
                    }

                    if (e.AllowCommands.Count > 0)
                    {
                        c.Printer.Line("  to allow it:");
                        foreach (var line in e.AllowCommands)
                        {
                            c.Printer.Line($"    {line}");
                        }
                    }
                });
            },
            from, to);
        services.AddTo(command);
        return command;
    }

    /// <summary>The one service that is asked about.</summary>
    internal static (string Protocol, int Port) One(IReadOnlyList<string> services)
    {
        if (services is not [var service])
        {
            throw new CliException(
                ExitCodes.Usage,
                services.Count == 0 ? "no service is given" : "one service at a time",
                "--tcp, --udp, --icmp",
                "For example --tcp 8883");
        }

        if (service == "icmp")
        {
            return ("icmp", 0);
        }

        var slash = service.IndexOf('/', StringComparison.Ordinal);
        return ushort.TryParse(service.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0
            ? (service[..slash], port)
            : throw new CliException(
                ExitCodes.Usage,
                $"\"{service[(slash + 1)..]}\" is no port",
                $"--{service[..slash]}",
                "A port is a number from 1 to 65535.");
    }
}
