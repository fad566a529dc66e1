using System.CommandLine;
using Sallyport.Api;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Tunnels;

internal static class TunnelCommands
{
    public static Command Build(Shell shell) => Shell.Noun("tunnel", "Protocol sessions of devices and sites", List(shell), Disconnect(shell));

    private static Command List(Shell shell)
    {
        var network = Flag.Text("--network", "Only of this network", "NETWORK");
        var ended = Flag.Switch("--ended", "Those that ended, too");
        return shell.Verb(
            "list",
            "Tunnels that are up",
            async c => c.Printer.Many(
                await CommandContext.AllAsync(
                    null,
                    (limit, cursor) => c.Client.ListTunnelsAsync(
                        c.Parse.GetValue(network), c.Parse.GetValue(ended), limit, cursor, c.Cancel)),
                ApiJson.Default.TunnelInfo,
                "no tunnels",
                new("IDENTITY", t => $"{t.IdentityKind}:{t.Identity}"),
                new("NETWORK", t => t.Network),
                new("STATE", t => t.EndReason is { Length: > 0 } why ? $"{t.State} ({why})" : t.State),
                new("FROM", t => t.OuterAddress),
                new("PROTOCOL", t => t.Protocol),
                new("CIPHER", t => t.Cipher),
                new("TLS", t => t.Tls),
                new("WRAPPING", t => t.Wrapping),
                new("SINCE", t => Human.Time(t.Since)),
                new("LAST SEEN", t => Human.Time(t.LastSeen)),
                new("IN", t => Human.Bytes(t.BytesIn), Right: true),
                new("OUT", t => Human.Bytes(t.BytesOut), Right: true),
                new("RENEGOTIATED", t => $"{t.Renegotiations}", Right: true),
                new("CLIENT", t => $"{t.ClientVersion} {t.ClientPlatform}".Trim())),
            network, ended);
    }

    private static Command Disconnect(Shell shell)
    {
        var owner = new Argument<string>("WHO") { Description = "device:NAME or site:NAME" };
        var reason = Flag.Text("--reason", "Why; goes to the audit", "TEXT");
        return shell.Verb(
            "disconnect",
            "End a tunnel; its owner may come again at once (device revoke or quarantine keeps it out)",
            async c =>
            {
                var tunnel = await c.Client.DisconnectTunnelAsync(c.Parse.GetValue(owner)!, c.Parse.GetValue(reason), c.Cancel);
                c.Printer.One(
                    tunnel,
                    ApiJson.Default.TunnelInfo,
                    t => c.Printer.Line($"{t.IdentityKind} {t.Identity} disconnected; it was up since {Human.Time(t.Since)} from {t.OuterAddress}"));
            },
            owner,
            reason);
    }
}
