using System.CommandLine;
using Sallyport.Api;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Dns;

internal static class DnsCommands
{
    private const int DefaultLimit = 100;

    public static Command Build(Shell shell) => Shell.Noun("dns", "Names inside networks, answered by the gateway", Log(shell));

    private static Command Log(Shell shell)
    {
        var device = Flag.Text("--device", "Only of this device", "DEVICE");
        var site = Flag.Text("--site", "Only of this site", "SITE");
        var network = Flag.Text("--network", "Only of this network", "NETWORK");
        var limit = Flag.Number("--limit", $"At most so many ({DefaultLimit})", "COUNT");
        return shell.Verb(
            "log",
            "Who asked for which name and what the answer was, newest first",
            async c =>
            {
                var most = Flag.AtLeastOne(c.Parse, limit) ?? DefaultLimit;
                var queries = await CommandContext.AllAsync(most, (count, cursor) => c.Client.ListDnsQueriesAsync(
                    c.Parse.GetValue(device), c.Parse.GetValue(site), c.Parse.GetValue(network), count, cursor, c.Cancel));
                c.Printer.Many(
                    queries,
                    ApiJson.Default.DnsQueryInfo,
                    c.Empty("questions for names"),
                    new("TIME", q => Human.Time(q.LastAt)),
                    new("FROM", q => $"{q.From.Kind}:{q.From.Name}") { Network = q => q.Network },
                    new("NETWORK", q => q.Network) { Rank = 3 },
                    new("NAME", q => q.Name),
                    new("TYPE", q => q.Type),
                    new("ANSWER", q => q.Code),
                    new("ADDRESSES", q => string.Join(", ", q.Addresses)) { Wraps = true },
                    new("COUNT", q => $"{q.Count}") { Right = true, Rank = 1 },
                    new("GATEWAY", q => q.Gateway) { Rank = 4 });
                if (queries.Count == most)
                {
                    c.Printer.Remark($"there may be more: --limit {most * 10}");
                }
            },
            device, site, network, limit);
    }
}
