using System.CommandLine;
using System.Reflection;
using Sallyport.Api;
using Sallyport.Api.Gateways;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Status;

internal static class StatusCommands
{
    public static Command Status(Shell shell) => shell.Verb("status", "The installation in one look", async c =>
    {
        var status = await c.Client.GetStatusAsync(c.Cancel);
        c.Printer.One(status, ApiJson.Default.StatusInfo, s =>
        {
            c.Printer.Facts(
                ("version", s.Version),
                ("endpoint", s.Endpoint),
                ("ports", Ports(s)),
                ("root certificate", s.RootFingerprint),
                ("networks", $"{s.Networks}"),
                ("devices", $"{s.Devices}"),
                ("sites", $"{s.Sites}"),
                ("tunnels up", $"{s.TunnelsUp}"),
                ("model", $"version {s.ModelVersion}"));
            foreach (var gateway in s.Gateways)
            {
                c.Printer.Line($"gateway {gateway.Name}:");
                c.Printer.Facts(
                    ("  state", gateway.Connected ? gateway.Ready ? "ready" : "starting" : "not connected"),
                    ("  version", gateway.SoftwareVersion.Split('+')[0]),
                    ("  process", $"{gateway.ProcessId}"),
                    ("  since", Human.Time(gateway.Since)),
                    ("  model", gateway.AcknowledgedVersion == s.ModelVersion ? null : $"version {gateway.AcknowledgedVersion}, catching up"),
                    ("  listening", string.Join(", ", gateway.Listening)),
                    ("  drops", Drops(gateway.Drops)));
            }

            if (s.Gateways.Count == 0)
            {
                c.Printer.Line("no gateway is connected");
            }
        });
        return status.Gateways.Any(g => g is { Connected: true, Ready: true }) ? ExitCodes.Ok : ExitCodes.Refused;
    });

    public static Command Version(Shell shell) => shell.Local("version", "Version of this tool; needs no server", (_, printer) =>
    {
        var version = typeof(StatusCommands).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
        printer.Line(version.Split('+')[0]);
        return ExitCodes.Ok;
    });

    /// <summary>"openvpn 1194, ike 500/4500": what a firewall before the gateway has to let in.</summary>
    private static string Ports(StatusInfo status)
    {
        var ike = string.Join('/', new[] { status.IkePort, status.IkeNatPort }.Where(port => port > 0));
        return string.Join(", ", new[] { status.OpenVpnPort > 0 ? $"openvpn {status.OpenVpnPort}" : null, ike.Length > 0 ? $"ike {ike}" : null }.OfType<string>());
    }

    private static string Drops(IReadOnlyDictionary<string, long> drops) =>
        string.Join(", ", drops.Where(d => d.Value > 0).OrderByDescending(d => d.Value).Select(d => $"{d.Key} {d.Value}"));
}
