using System.CommandLine;
using Sallyport.Api;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Members;

namespace Sallyport.Cli.Policy;

internal static class WhoisCommand
{
    public static Command Build(Shell shell)
    {
        var address = Flag.Word("ADDRESS", "A handle on the gateway host, or with --network an address of that network");
        var network = Flag.Text("--network", "The network in which the address is meant", "NETWORK");
        return shell.Verb(
            "whois",
            "Whose is this address?",
            async c =>
            {
                var info = await c.Client.WhoisAsync(c.Parse.GetValue(address)!, c.Parse.GetValue(network), c.Cancel);
                c.Printer.One(info, ApiJson.Default.WhoisInfo, w => c.Printer.Facts(
                    ("who", $"{w.Kind}:{w.Name}"),
                    ("network", w.HomeNetwork),
                    ("address", w.HomeAddress),
                    ("as", w.As switch
                    {
                        "guest" => $"a guest in network {w.Network}, at {w.Address}",
                        "service" => $"a service in network {w.Network}, at {w.Address}",
                        "subnet" => "a host behind it",
                        _ => "itself",
                    }),
                    ("handle", w.Handle),
                    ("state", MemberText.State(w.State, null, w.Quarantine, w.Locks) + (w.Active ? "" : "; nothing of it passes")),
                    ("groups", w.Groups.Count == 0 ? null : string.Join(", ", w.Groups)),
                    ("labels", w.Labels.Count == 0 ? null : string.Join(", ", w.Labels.Select(label => $"{label.Key}={label.Value}")))));
            },
            address, network);
    }
}
