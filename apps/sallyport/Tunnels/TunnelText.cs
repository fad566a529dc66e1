using Sallyport.Api.Tunnels;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Tunnels;

/// <summary>A tunnel with all that is known of it.</summary>
internal static class TunnelText
{
    public static void Print(Printer printer, TunnelInfo tunnel)
    {
        printer.Line($"{tunnel.IdentityKind} {tunnel.Identity}.{tunnel.Network}, tunnel {tunnel.TunnelId} of gateway {tunnel.Gateway}: {State(tunnel)}");
        Facts(printer, tunnel);
        foreach (var sa in tunnel.Sas)
        {
            Sa(printer, sa);
        }
    }

    /// <summary>"up", "up, IKE only", "down (revoked)".</summary>
    public static string State(TunnelInfo tunnel) =>
        tunnel.EndReason is { Length: > 0 } why ? $"{tunnel.State} ({why})" : tunnel.IkeOnly ? $"{tunnel.State}, IKE only" : tunnel.State;

    /// <summary>What the two ends negotiate by, as it is now.</summary>
    public static string Control(TunnelInfo tunnel) => tunnel.Ike is { } ike ? $"IKEv2 {ike.Suite}" : tunnel.Tls;

    /// <summary>"SA c0ffee01 in, 00000abc out: AES-256-GCM, 12m old, 3 rekeys, in 1.2 MB, out 340 kB".</summary>
    public static IEnumerable<string> Sas(TunnelInfo tunnel) => tunnel.Sas.Select(sa =>
        $"SA {sa.SpiIn} in, {sa.SpiOut} out: {sa.Suite}, {Human.Age(sa.Since, DateTimeOffset.UtcNow)} old, {Human.Count(sa.Rekeys, "rekey")}, "
        + $"in {Human.Bytes(sa.BytesIn)}, out {Human.Bytes(sa.BytesOut)}{(sa.Sends ? "" : ", not sent by")}");

    /// <summary>Sites of IPsec may have several, everybody else has one.</summary>
    public static string? Uplink(TunnelInfo tunnel) => tunnel.IdentityKind == "site" && IsIpsec(tunnel) ? $"{tunnel.Uplink}" : null;

    public static void Facts(Printer printer, TunnelInfo tunnel)
    {
        var isIpsec = IsIpsec(tunnel);
        printer.Facts(
            ("  from", tunnel.OuterAddress),
            ("  uplink", Uplink(tunnel)),
            ("  protocol", tunnel.Protocol),
            ("  cipher", tunnel.Cipher),
            (isIpsec ? "  IKE" : "  TLS", Control(tunnel)),
            ("  IKE SPIs", tunnel.Ike is { } spis ? $"{Spi(spis, spis.SpiInitiator, "initiator")}, {Spi(spis, spis.SpiResponder, "responder")}" : null),
            ("  IKE keys since", tunnel.Ike is { } ike ? $"{Human.Time(ike.Since)} ({Human.Age(ike.Since, DateTimeOffset.UtcNow)}), {Human.Count(ike.Rekeys, "rekey")}" : null),
            ("  SAs", tunnel.IkeOnly ? "none: IKE only, and nothing passes until the peer asks for one" : null),
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

    /// <summary>"b6ef9c0de1f2a3b4 (initiator, the peer)".</summary>
    private static string Spi(IkeSaInfo ike, string spi, string role) =>
        $"{spi} ({role}, {((ike.Initiator == "gateway") == (role == "initiator") ? "the gateway" : "the peer")})";

    public static bool IsIpsec(TunnelInfo tunnel) => tunnel.Protocol.StartsWith("ipsec/", StringComparison.Ordinal);

    private static void Sa(Printer printer, SaInfo sa)
    {
        printer.Line($"  SA {sa.SpiIn} in, {sa.SpiOut} out{(sa.Sends ? "" : ", not sent by")}:");
        printer.Facts(
            ("    suite", sa.Suite),
            ("    mode", sa.Mode),
            ("    peer's side", string.Join(", ", sa.Remote)),
            ("    our side", string.Join(", ", sa.Local)),
            ("    keys since", $"{Human.Time(sa.Since)} ({Human.Age(sa.Since, DateTimeOffset.UtcNow)})"),
            ("    rekeys", $"{sa.Rekeys}"),
            ("    in", $"{Human.Bytes(sa.BytesIn)}, {sa.PacketsIn} packets"),
            ("    out", $"{Human.Bytes(sa.BytesOut)}, {sa.PacketsOut} packets"),
            ("    refused", sa.BadTags + sa.Replays == 0 ? null : $"{sa.BadTags} with a wrong tag, {sa.Replays} a second time"));
    }
}
