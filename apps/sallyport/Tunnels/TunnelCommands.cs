using System.CommandLine;
using Sallyport.Api;
using Sallyport.Api.Tunnels;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Tunnels;

internal static class TunnelCommands
{
    public static Command Build(Shell shell) => Shell.Noun("tunnel", "Protocol sessions of devices and sites", List(shell), Show(shell), Disconnect(shell));

    private static Command List(Shell shell)
    {
        var network = Flag.Text("--network", "Only of this network", "NETWORK");
        var ended = Flag.Switch("--ended", "Those that ended, too");
        return shell.Verb(
            "list",
            "Tunnels that are up, those of IPsec with their SAs: SPIs, algorithms, age, rekeys, counters. IN and OUT: payload forwarded from the client and to it",
            async c => c.Printer.ManyWithLines(
                await CommandContext.AllAsync(
                    null,
                    (limit, cursor) => c.Client.ListTunnelsAsync(
                        c.Parse.GetValue(network), c.Parse.GetValue(ended), limit, cursor, c.Cancel)),
                ApiJson.Default.TunnelInfo,
                c.Empty("tunnels"),
                new Below<TunnelInfo>("SAS", TunnelText.Sas),
                new("IDENTITY", t => $"{t.IdentityKind}:{t.Identity}") { Network = t => t.Network },
                new("NETWORK", t => t.Network) { Rank = 3 },
                new("STATE", TunnelText.State) { Wraps = true },
                new("FROM", t => t.OuterAddress),
                new("UPLINK", TunnelText.Uplink) { Rank = 3, Right = true },
                new("PROTOCOL", t => t.Protocol) { Rank = 4 },
                new("CIPHER", t => t.Cipher) { Rank = 5 },
                new("TLS OR IKE", TunnelText.Control) { Rank = 8 },
                new("WRAPPING OR PROOF", t => t.Wrapping) { Rank = 7 },
                new("SINCE", t => Human.Time(t.Since)) { Rank = 2 },
                new("LAST SEEN", t => Human.Time(t.LastSeen)) { Rank = 6 },
                new("IN", t => Human.Bytes(t.BytesIn)) { Rank = 1, Right = true },
                new("OUT", t => Human.Bytes(t.BytesOut)) { Rank = 1, Right = true },
                new("REKEYS", t => $"{t.Renegotiations}") { Rank = 10, Right = true },
                new("CLIENT", t => $"{t.ClientVersion} {t.ClientPlatform}".Trim()) { Rank = 9 }),
            network, ended);
    }

    private static Command Show(Shell shell)
    {
        var owner = Flag.Word("WHO", "device:NAME or site:NAME");
        return shell.Verb(
            "show",
            "What a device or site is connected by, each uplink for itself: addresses, algorithms, and for IPsec its SAs with SPIs, ages and counters; or what it was last",
            async c =>
            {
                var who = c.Parse.GetValue(owner)!;
                var tunnels = (await c.Client.ListTunnelsOfAsync(who, cancel: c.Cancel)).Items;
                if (tunnels.Count == 0)
                {
                    tunnels = (await c.Client.ListTunnelsOfAsync(who, ended: true, c.Cancel)).Items;
                }

                if (c.Printer.Format != OutputFormat.Table)
                {
                    c.Printer.Many(tunnels, ApiJson.Default.TunnelInfo, "");
                    return;
                }

                if (tunnels.Count == 0)
                {
                    c.Printer.Remark($"{who} was never connected, as far as anybody remembers");
                }

                foreach (var tunnel in tunnels)
                {
                    TunnelText.Print(c.Printer, tunnel);
                }
            },
            owner);
    }

    private static Command Disconnect(Shell shell)
    {
        var owner = Flag.Word("WHO", "device:NAME or site:NAME");
        var reason = Flag.Reason();
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
