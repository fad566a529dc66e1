using Sallyport.Api.Flows;
using Sallyport.Api.Policy;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Flows;

/// <summary>A flow as one line, what came of it first, and what would allow a denied one under it.</summary>
internal static class FlowText
{
    public static string Line(FlowInfo flow)
    {
        var what = flow.DestinationPort > 0
            ? $"{flow.Protocol} {Host(flow.Destination)}:{flow.DestinationPort}"
            : $"{flow.Protocol} {flow.Destination}";
        what += NamesOf(flow) + FarOf(flow);
        var application = flow.Application is null ? "" : $" ({flow.Application})";
        var head = $"{Human.Time(flow.LastSeen)}  {OpenerOf(flow)}  {Word(flow)} {what}{application}";
        if (flow.Verdict == "cut")
        {
            return $"{head}: {flow.ReasonText ?? flow.Reason}; before, {Human.Bytes(flow.BytesOut)} out, {Human.Bytes(flow.BytesBack)} back";
        }

        if (IsDenied(flow))
        {
            return $"{head}: {flow.ReasonText ?? flow.Reason}{(flow.PacketsOut > 1 ? $"; {flow.PacketsOut} packets" : "")}";
        }

        var by = flow.RuleId is { } rule ? $"rule {rule}" : "no rule of today";
        if (flow.State == "unreachable")
        {
            return $"{head}: {flow.ReasonText ?? flow.Reason}; {by} allows it, {Human.Count(flow.PacketsOut, "packet")}";
        }

        var back = flow.PacketsBack == 0 ? (flow.State == "opening" ? "no answer yet" : "no answer") : $"{Human.Bytes(flow.BytesBack)} back";
        return $"{head}: {by}, {Human.Bytes(flow.BytesOut)} out, {back}, {(flow.Ended ? "ended" : "live")}";
    }

    /// <summary>Who opened it; between two networks with his own, so that whoever looks from the other one knows from where it came.</summary>
    private static string OpenerOf(FlowInfo flow) => flow.From.Kind == "host" ? $"host:{flow.From.Name}"
        : $"{flow.From.Kind}:{(flow.Far is null ? flow.From.Reference ?? flow.From.Name : $"{flow.From.Name}.{flow.Network}")}";

    /// <summary>What the destination was asked for as, and what the client calls it where that is another name.</summary>
    private static string NamesOf(FlowInfo flow) =>
        flow.DnsName is null ? flow.ServerName is null ? "" : $" [TLS {flow.ServerName}]"
        : flow.ServerName is null || flow.ServerName == flow.DnsName ? $" [{flow.DnsName}]" : $" [{flow.DnsName}, TLS {flow.ServerName}]";

    /// <summary>What the other network knows it as: the address that was meant, and as who the opener is seen.</summary>
    private static string FarOf(FlowInfo flow)
    {
        if (flow.Far is not { } far)
        {
            return "";
        }

        var target = far.Destination == flow.Destination ? $"in {far.Network}" : $"{far.Destination} in {far.Network}";
        return far.Source is null ? $" [{target}]"
            : $" [{target}, as {(far.SourcePort is > 0 and var port ? $"{Host(far.Source)}:{port}" : far.Source)}]";
    }

    /// <summary>A permission is told as such only where it did something.</summary>
    private static string Word(FlowInfo flow) => flow.State is "unreachable" or "unanswered" ? flow.State.ToUpperInvariant() : flow.Verdict.ToUpperInvariant();

    /// <summary>The commands that would allow it, indented; empty where none can.</summary>
    public static IEnumerable<string> AllowLines(FlowInfo flow)
    {
        if (!IsDenied(flow) || string.IsNullOrEmpty(flow.AllowCommand))
        {
            yield break;
        }

        var first = true;
        foreach (var command in flow.AllowCommand.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            yield return $"{(first ? "    to allow it:" : "                ")} {command}";
            first = false;
        }

        if (Around(flow.Nearest) is { } around && flow.AllowCommand != flow.Nearest!.Fix)
        {
            yield return $"                 {around}";
        }

        if (!string.IsNullOrEmpty(flow.AllowForCommand))
        {
            yield return $"    for a while: {flow.AllowForCommand}";
        }
    }

    /// <summary>What a rule of its own for a flow does to the one that would have allowed it; null where there is none.</summary>
    public static string? Around(NearestRule? rule) => rule is null ? null
        : $"which goes around rule {rule.RuleId} ({rule.Rule})";

    private static bool IsDenied(FlowInfo flow) => flow.Verdict != "allowed";

    private static string Host(string address) => address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;
}
