using Sallyport.Api.Nodes;
using Sallyport.Control.Ipsec;
using Sallyport.Core.Ike.Wire;

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
    private const int SasMax = 4 * IkeLimits.ChildrenMax; // those that are replaced stay open for a while
    private const int AddressesMax = 16; // of one answer
    private const int ItemsMax = 20_000; // of one report
    private const long TimeMax = 253_402_300_799_000_000 * 10; // nanoseconds; far beyond what a date of ours can be, within long

    /// <summary>
    /// The message without the records that are wrong: one of them costs itself, not the thousand beside it, and not the link. What is wrong
    /// with a message as a whole breaks the protocol.
    /// </summary>
    public static NodeMessage Check(NodeMessage message, SkippedRecords skipped)
    {
        switch (message)
        {
            case Hello hello:
                Require(IsText(hello.Gateway, NameMax) && IsText(hello.SoftwareVersion, TextMax), "a text that is missing or too long");
                // It becomes a name in a certificate, in metrics and in the log.
                Require(
                    hello.Gateway.Length > 0 && hello.Gateway.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_'),
                    "a gateway name with other characters than letters, digits and - . _");
                return hello;
            case CertificateRequest request:
                Require(request.Request is { Length: > 0 and <= 16_384 }, "a certificate request of impossible length");
                return request;
            case Acknowledge acknowledge:
                Require(IsTime(acknowledge.AppliedAt) && IsTime(acknowledge.LastPacketAt), "an impossible time");
                Require(acknowledge.TunnelsCut >= 0 && acknowledge.FlowsCut >= 0, "negative numbers of cuts");
                return acknowledge;
            case ScheduleReport report:
                Require(report.Rules is { Count: <= ItemsMax } && report.Identities is { Count: <= ItemsMax }, "impossible rules");
                Require(IsTime(report.DueAt) && IsTime(report.AppliedAt) && IsTime(report.LastPacketAt), "an impossible time");
                Require(report.FlowsCut >= 0, "negative numbers of cuts");
                return report;
            case Ready ready:
                return ready with { Listening = Sound(ready.Listening, listening => IsText(listening, TextMax) ? null : WrongText, skipped) };
            case TunnelReport report:
                return report with { Tunnels = Sound(report.Tunnels, WhatIsWrong, skipped) };
            case FlowReport report:
                return report with { Flows = Sound(report.Flows, WhatIsWrong, skipped) };
            case DnsReport report:
                return report with { Queries = Sound(report.Queries, WhatIsWrong, skipped) };
            case EventReport report:
                return report with { Events = Sound(report.Events, WhatIsWrong, skipped) };
            case MeterReport report:
                return report with { Meters = Sound(report.Meters, WhatIsWrong, skipped) };
            case DropReport report:
                Require(report.Drops is { Count: <= 256 }, "impossible drops");
                return new DropReport(Sound([.. report.Drops], WhatIsWrong, skipped).ToDictionary());
            default:
                throw new NodeProtocolException($"a {message.GetType().Name}, which only control sends");
        }
    }

    private const string WrongText = "a text that is missing or too long";
    private const string WrongTime = "an impossible time";
    private const string WrongCounter = "negative counters";

    private static string? WhatIsWrong(TunnelState? tunnel) =>
        tunnel is null ? "an empty tunnel"
        : !AreTexts(
            tunnel.Protocol, tunnel.OuterAddress, tunnel.Cipher, tunnel.Tls, tunnel.Wrapping, tunnel.ClientVersion, tunnel.ClientPlatform,
            tunnel.EndReason) ? WrongText
        : !IsTime(tunnel.Since) || !IsTime(tunnel.LastSeen) ? WrongTime
        : (tunnel.BytesIn | tunnel.BytesOut | tunnel.PacketsIn | tunnel.PacketsOut | (long)tunnel.Renegotiations) < 0 ? WrongCounter
        : tunnel.Uplink is < 1 or > PeerInput.UplinksMax ? "an impossible uplink"
        : tunnel.Sas is null || tunnel.Sas.Count > SasMax ? "more SAs than a tunnel has"
        : tunnel.Ike is { } ike && WhatIsWrong(ike) is { } wrong ? wrong
        : tunnel.Sas.Select(WhatIsWrong).FirstOrDefault(why => why is not null);

    private static string? WhatIsWrong(IkeState ike) =>
        !AreTexts(ike.Suite) ? WrongText
        : !IsTime(ike.Since) ? WrongTime
        : ike.Rekeys < 0 ? WrongCounter
        : null;

    private static string? WhatIsWrong(SaState? sa) =>
        sa is null ? "an empty SA"
        : !AreTexts(sa.Suite, sa.Mode) || !AreSelectors(sa.Local) || !AreSelectors(sa.Remote) ? WrongText
        : !IsTime(sa.Since) ? WrongTime
        : (sa.BytesIn | sa.BytesOut | sa.PacketsIn | sa.PacketsOut | sa.BadTags | sa.Replays | (long)sa.Rekeys) < 0 ? WrongCounter
        : null;

    private static bool AreSelectors(IReadOnlyList<string>? selectors) => selectors is not null && selectors.Count <= IkeLimits.SelectorsMax && selectors.All(text => IsText(text, TextMax));

    private static string? WhatIsWrong(FlowState? flow) =>
        flow is null ? "an empty flow"
        : !AreTexts(flow.Protocol, flow.Source, flow.Destination, flow.Reason, flow.FarSource ?? "", flow.FarDestination ?? "") ? WrongText
        : !IsTime(flow.FirstSeen) || !IsTime(flow.LastSeen) ? WrongTime
        : flow.SourcePort is < 0 or > 65535 || flow.DestinationPort is < 0 or > 65535 || flow.FarSourcePort is < 0 or > 65535 ? "impossible ports"
        : (flow.BytesOut | flow.BytesBack | flow.PacketsOut | flow.PacketsBack) < 0 ? WrongCounter
        : null;

    private static string? WhatIsWrong(DnsQueryState? query) =>
        query is null ? "an empty question for a name"
        : !AreTexts(query.Name, query.Type, query.Code) ? WrongText
        : query.Addresses is not { Count: <= AddressesMax } || !query.Addresses.All(address => IsText(address, NameMax)) ? "impossible addresses"
        : !IsTime(query.FirstAt) || !IsTime(query.LastAt) ? WrongTime
        : query.Count < 1 ? "an impossible count"
        : null;

    private static string? WhatIsWrong(GatewayEvent? happened) =>
        happened is null ? "an empty event"
        : !AreTexts(happened.Kind, happened.OuterAddress) || !IsText(happened.Detail, DetailMax) ? WrongText
        : !IsTime(happened.At) ? WrongTime
        : null;

    private static string? WhatIsWrong(MeterState? meter) =>
        meter is null ? "an empty meter"
        : meter.Kind is not ("rule" or "identity") ? "a meter of no kind"
        : meter.Id <= 0 || meter.Period < 0 || meter.Bytes < 0 ? WrongCounter
        : null;

    private static string? WhatIsWrong(KeyValuePair<string, long> drop) =>
        drop.Key.Length is > 0 and <= NameMax && drop.Key.All(char.IsAsciiLetterOrDigit) ? null : "a drop reason that is no name";

    /// <summary>The list itself where nothing is wrong with it, which is always so with a gateway of ours.</summary>
    private static IReadOnlyList<T> Sound<T>(IReadOnlyList<T> items, Func<T, string?> whatIsWrong, SkippedRecords skipped)
    {
        Require(items is { Count: <= ItemsMax }, "a report of impossible length");
        var before = skipped.Count;
        var sound = new List<T>(items.Count);
        foreach (var item in items)
        {
            if (whatIsWrong(item) is { } why)
            {
                skipped.Add(why);
            }
            else
            {
                sound.Add(item);
            }
        }

        return skipped.Count == before ? items : sound;
    }

    private static bool AreTexts(params ReadOnlySpan<string?> texts)
    {
        foreach (var text in texts)
        {
            if (!IsText(text, TextMax))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsTime(long nanoseconds) => nanoseconds is >= 0 and < TimeMax;

    private static bool IsText(string? text, int max) => text is not null && text.Length <= max;

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new NodeProtocolException(otherwise);
        }
    }
}
