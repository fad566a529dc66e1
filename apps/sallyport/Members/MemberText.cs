using Sallyport.Api.Tunnels;
using Sallyport.Cli.Output;
using Spectre.Console;

namespace Sallyport.Cli.Members;

/// <summary>How devices and sites show their state.</summary>
internal static class MemberText
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
}
