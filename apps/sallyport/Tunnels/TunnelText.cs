using Sallyport.Api.Tunnels;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Tunnels;

/// <summary>A tunnel with all that is known of it.</summary>
internal static class TunnelText
{
    public static void Print(Printer printer, TunnelInfo tunnel)
    {
        printer.Line($"{tunnel.IdentityKind} {tunnel.Identity}.{tunnel.Network}, tunnel {tunnel.TunnelId} of gateway {tunnel.Gateway}: {tunnel.State}");
        Facts(printer, tunnel);
        foreach (var sa in tunnel.Sas)
        {
            Sa(printer, sa);
        }
    }

    public static void Facts(Printer printer, TunnelInfo tunnel)
    {
        var isIpsec = IsIpsec(tunnel);
        printer.Facts(
            ("  from", tunnel.OuterAddress),
            ("  protocol", tunnel.Protocol),
            ("  cipher", tunnel.Cipher),
            (isIpsec ? "  IKE" : "  TLS", tunnel.Tls),
            (isIpsec ? "  proof" : "  wrapping", tunnel.Wrapping),
            ("  client", $"{tunnel.ClientVersion} {tunnel.ClientPlatform}".Trim()),
            ("  since", Human.Time(tunnel.Since)),
            ("  last seen", Human.Time(tunnel.LastSeen)),
            ("  in", $"{Human.Bytes(tunnel.BytesIn)}, {tunnel.PacketsIn} packets"),
            ("  out", $"{Human.Bytes(tunnel.BytesOut)}, {tunnel.PacketsOut} packets"),
            (isIpsec ? "  rekeys" : "  renegotiations", $"{tunnel.Renegotiations}"),
            ("  gateway", tunnel.Gateway),
            ("  ended", tunnel.EndReason));
    }

    private static bool IsIpsec(TunnelInfo tunnel) => tunnel.Protocol.StartsWith("ipsec/", StringComparison.Ordinal);

    private static void Sa(Printer printer, SaInfo sa)
    {
        printer.Line($"  SA {sa.SpiIn} in, {sa.SpiOut} out{(sa.Sends ? "" : ", not sent by")}:");
        printer.Facts(
            ("    suite", sa.Suite),
            ("    mode", sa.Mode),
            ("    peer's side", string.Join(", ", sa.Remote)),
            ("    our side", string.Join(", ", sa.Local)),
            ("    keys since", Human.Time(sa.Since)),
            ("    rekeys", $"{sa.Rekeys}"),
            ("    in", $"{Human.Bytes(sa.BytesIn)}, {sa.PacketsIn} packets"),
            ("    out", $"{Human.Bytes(sa.BytesOut)}, {sa.PacketsOut} packets"),
            ("    refused", sa.BadTags + sa.Replays == 0 ? null : $"{sa.BadTags} with a wrong tag, {sa.Replays} a second time"));
    }
}
