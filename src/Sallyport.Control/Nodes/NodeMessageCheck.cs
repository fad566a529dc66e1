using Sallyport.Api.Nodes;

namespace Sallyport.Control.Nodes;

/// <summary>
/// A gateway faces the network and may have been taken over. JSON can say null where our records say it cannot, and any number:
/// what passes here is safe to store and to show.
/// </summary>
internal static class NodeMessageCheck
{
    private const int NameMax = 63;
    private const int TextMax = 256; // versions, addresses, ciphers, reasons
    private const int DetailMax = 2_048;
    private const int ItemsMax = 20_000; // of one report
    private const long TimeMax = 253_402_300_799_000_000 * 10; // nanoseconds; far beyond what a date of ours can be, within long

    public static void Check(NodeMessage message)
    {
        switch (message)
        {
            case Hello hello:
                Text(hello.Gateway, NameMax);
                // It becomes a name in a certificate, in metrics and in the log.
                Require(
                    hello.Gateway.Length > 0 && hello.Gateway.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_'),
                    "a gateway name with other characters than letters, digits and - . _");
                Text(hello.SoftwareVersion, TextMax);
                break;
            case CertificateRequest request:
                Require(request.Request is { Length: > 0 and <= 16_384 }, "a certificate request of impossible length");
                break;
            case Acknowledge acknowledge:
                Time(acknowledge.AppliedAt);
                Time(acknowledge.LastPacketAt);
                Require(acknowledge.TunnelsCut >= 0 && acknowledge.FlowsCut >= 0, "negative numbers of cuts");
                break;
            case Ready ready:
                Each(ready.Listening, listening => Text(listening, TextMax));
                break;
            case TunnelReport report:
                Each(report.Tunnels, Check);
                break;
            case FlowReport report:
                Each(report.Flows, Check);
                break;
            case EventReport report:
                Each(report.Events, Check);
                break;
            case DropReport report:
                Require(report.Drops is { Count: <= 256 }, "impossible drops");
                foreach (var reason in report.Drops.Keys)
                {
                    Text(reason, NameMax);
                    Require(reason.Length > 0 && reason.All(char.IsAsciiLetterOrDigit), "a drop reason that is no name");
                }

                break;
            default:
                throw new NodeProtocolException($"a {message.GetType().Name}, which only control sends");
        }
    }

    private static void Check(TunnelState tunnel)
    {
        Require(tunnel is not null, "an empty tunnel");
        Text(tunnel!.Protocol, TextMax);
        Text(tunnel.OuterAddress, TextMax);
        Text(tunnel.Cipher, TextMax);
        Text(tunnel.Tls, TextMax);
        Text(tunnel.Wrapping, TextMax);
        Text(tunnel.ClientVersion, TextMax);
        Text(tunnel.ClientPlatform, TextMax);
        Text(tunnel.EndReason, TextMax);
        Time(tunnel.Since);
        Time(tunnel.LastSeen);
        Require((tunnel.BytesIn | tunnel.BytesOut | tunnel.PacketsIn | tunnel.PacketsOut | (long)tunnel.Renegotiations) >= 0, "negative counters");
    }

    private static void Check(FlowState flow)
    {
        Require(flow is not null, "an empty flow");
        Text(flow!.Protocol, TextMax);
        Text(flow.Source, TextMax);
        Text(flow.Destination, TextMax);
        Text(flow.Reason, TextMax);
        Time(flow.FirstSeen);
        Time(flow.LastSeen);
        Require(flow.SourcePort is >= 0 and <= 65535 && flow.DestinationPort is >= 0 and <= 65535, "impossible ports");
        Require((flow.BytesOut | flow.BytesBack | flow.PacketsOut | flow.PacketsBack) >= 0, "negative counters");
    }

    private static void Check(GatewayEvent happened)
    {
        Require(happened is not null, "an empty event");
        Text(happened!.Kind, TextMax);
        Text(happened.OuterAddress, TextMax);
        Text(happened.Detail, DetailMax);
        Time(happened.At);
    }

    private static void Each<T>(IReadOnlyList<T> items, Action<T> check)
    {
        Require(items is { Count: <= ItemsMax }, "a report of impossible length");
        foreach (var item in items)
        {
            check(item);
        }
    }

    private static void Time(long nanoseconds) => Require(nanoseconds is >= 0 and < TimeMax, "an impossible time");

    private static void Text(string text, int max) => Require(text is not null && text.Length <= max, "a text that is missing or too long");

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new NodeProtocolException(otherwise);
        }
    }
}
