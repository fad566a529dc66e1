using System.Globalization;
using Sallyport.Api.Nodes;
using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;

namespace Sallyport.DataPlane.Nodes;

/// <summary>A flow record in the words of the node protocol.</summary>
internal static class FlowStates
{
    public static FlowState Of(in FlowRecord flow, Clock clock) => new()
    {
        FlowId = flow.FlowId,
        NetworkId = flow.NetworkId,
        FromId = flow.FromId,
        ToId = flow.ToId,
        Protocol = Name(flow.Protocol),
        Source = flow.Source.ToString(),
        SourcePort = flow.SourcePort,
        Destination = flow.Destination.ToString(),
        DestinationPort = flow.DestinationPort,
        Allowed = flow.Allowed,
        Cut = flow.Cut,
        RuleId = flow.RuleId,
        ApplicationId = flow.ApplicationId,
        Reason = flow.Reason == DropReason.None ? "" : flow.Reason.ToString(),
        FirstSeen = clock.ToWall(flow.FirstSeen),
        LastSeen = clock.ToWall(flow.LastSeen),
        PacketsOut = flow.PacketsOut,
        BytesOut = flow.BytesOut,
        PacketsBack = flow.PacketsBack,
        BytesBack = flow.BytesBack,
        Ended = flow.Ended,
        FarSource = flow.FarSource == default ? null : flow.FarSource.ToString(),
        FarSourcePort = flow.FarSourcePort,
        FarDestination = flow.FarSource == default ? null : flow.FarDestination.ToString(),
        DnsName = flow.DnsName,
        ServerName = flow.ServerName,
    };

    private static string Name(IpProtocol protocol) => protocol switch
    {
        IpProtocol.Tcp => "tcp",
        IpProtocol.Udp => "udp",
        IpProtocol.Icmp or IpProtocol.IcmpV6 => "icmp",
        _ => ((int)protocol).ToString(CultureInfo.InvariantCulture),
    };
}
