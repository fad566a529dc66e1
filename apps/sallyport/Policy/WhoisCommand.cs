using System.CommandLine;
using Sallyport.Api;
using Sallyport.Api.Policy;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Members;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Policy;

internal static class WhoisCommand
{
    public static Command Build(Shell shell)
    {
        var address = Flag.Word("ADDRESS", "A handle on the gateway host, or with --network an address of that network");
        var network = Flag.Text("--network", "The network in which the address is meant", "NETWORK");
        var port = Flag.Number("--port", "Of a guest who shares the address with others: his port there", "PORT");
        var at = Flag.Text("--at", "Who had it then, as a guest: 2026-12-01T17:00:00Z, which is that whole second; without an offset in UTC", "TIME");
        return shell.Verb(
            "whois",
            "Whose is this address, or whose was it?",
            async c =>
            {
                var info = await c.Client.WhoisAsync(c.Parse.GetValue(address)!, c.Parse.GetValue(network), Flag.AtLeastOne(c.Parse, port), Flag.Time(c.Parse, at), c.Cancel);
                c.Printer.One(info, ApiJson.Default.WhoisInfo, w => c.Printer.Facts(
                    ("who", $"{w.Kind}:{w.Name}"),
                    ("network", w.HomeNetwork),
                    ("address", w.HomeAddress),
                    ("as", w.As switch
                    {
                        "guest" when w.Seen is not null => $"a guest in network {w.Network}, at {w.Address} then",
                        "guest" => $"a guest in network {w.Network}, at {w.Address}",
                        "service" => $"a service in network {w.Network}, at {w.Address}",
                        "subnet" => "a host behind it",
                        "beyond" => "what lies beyond the gateway host",
                        _ => "itself",
                    }),
                    ("seen", SeenOf(w.Seen)),
                    ("handle", w.Handle),
                    ("state", MemberText.State(w.State, null, w.Quarantine, w.Locks) + (w.Active ? "" : "; nothing of it passes")),
                    ("groups", w.Groups.Count == 0 ? null : string.Join(", ", w.Groups)),
                    ("labels", w.Labels.Count == 0 ? null : string.Join(", ", w.Labels.Select(label => $"{label.Key}={label.Value}")))));
            },
            address, network, port, at);
    }

    /// <summary>"from … until …, tcp port 40001 to application:mes (flow 12)"; null for who has it now.</summary>
    private static string? SeenOf(WhoisFlow? seen) => seen is null ? null
        : $"from {Human.Time(seen.From)} until {Human.Time(seen.Until)}, {seen.Protocol}{(seen.Port is > 0 and var port ? $" port {port}" : "")} to {seen.To} (flow {seen.Id})";
}
