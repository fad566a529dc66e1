using Sallyport.Api.Devices;
using Sallyport.Api.Tunnels;
using Sallyport.Cli.Output;
using Spectre.Console;

namespace Sallyport.Cli.Devices;

/// <summary>What devices and sites show alike.</summary>
internal static class IdentityView
{
    public static Color? PresenceColour(string presence) => presence switch
    {
        "online" => Color.Green,
        "unknown" => Color.Yellow,
        _ => null,
    };

    public static Color? StateColour(string state) => state switch
    {
        "active" => null,
        "pending" => Color.Yellow,
        _ => Color.Red,
    };

    /// <summary>The tunnel that is up; a past one says nothing about now.</summary>
    public static TunnelInfo? Live(string presence, TunnelInfo? tunnel) => presence == "online" ? tunnel : null;

    public static string Labels(IReadOnlyDictionary<string, string> labels) =>
        string.Join(", ", labels.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => $"{l.Key}={l.Value}"));

    public static string State(string state, string? reason) => string.IsNullOrEmpty(reason) ? state : $"{state} ({reason})";

    public static void TunnelFacts(Printer printer, string presence, TunnelInfo? tunnel)
    {
        if (tunnel is null)
        {
            return;
        }

        printer.Line(presence == "online" ? "tunnel:" : "last tunnel:");
        printer.Facts(
            ("  from", tunnel.OuterAddress),
            ("  protocol", tunnel.Protocol),
            ("  cipher", tunnel.Cipher),
            ("  TLS", tunnel.Tls),
            ("  wrapping", tunnel.Wrapping),
            ("  client", $"{tunnel.ClientVersion} {tunnel.ClientPlatform}".Trim()),
            ("  since", Human.Time(tunnel.Since)),
            ("  last seen", Human.Time(tunnel.LastSeen)),
            ("  in", $"{Human.Bytes(tunnel.BytesIn)}, {tunnel.PacketsIn} packets"),
            ("  out", $"{Human.Bytes(tunnel.BytesOut)}, {tunnel.PacketsOut} packets"),
            ("  renegotiations", $"{tunnel.Renegotiations}"),
            ("  gateway", tunnel.Gateway),
            ("  ended", tunnel.EndReason));
    }

    /// <summary>Tells what a cut did, with the measured time to the last packet.</summary>
    public static int PrintCut(CommandContext c, CutResult cut, string past)
    {
        c.Printer.One(cut, Api.ApiJson.Default.CutResult, result =>
        {
            c.Printer.Line($"{result.Kind} {result.Name} {past}: {LastPacket(result)}");
            var enforced = result.MillisecondsToEnforced is { } all ? $"; enforced after {Human.Milliseconds(all)}" : "";
            c.Printer.Line($"  cut {Human.Count(result.TunnelsCut, "tunnel")} and {Human.Count(result.FlowsCut, "flow")}{enforced}");
        });
        if (cut.Enforced)
        {
            return ExitCodes.Ok;
        }

        c.Printer.Remark(cut.Gateways.Count == 0
            ? "no gateway is connected: it is enforced as soon as one is"
            : $"not confirmed yet by {string.Join(", ", cut.Gateways.Where(g => !g.Confirmed).Select(g => g.Gateway))}; it is enforced as soon as it is connected");
        return ExitCodes.NotConfirmed;
    }

    private static string LastPacket(CutResult cut) => cut.MillisecondsToLastPacket switch
    {
        null => "nothing of it was live",
        0 => "0 ms to the last packet: none passed after the commit",
        { } time => $"{Human.Milliseconds(time)} to the last packet",
    };
}
