using Sallyport.Core.Nat;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;

namespace Sallyport.Core.Flows;

/// <summary>
/// TCP connections that were cut, or had to make room, and whose ends are yet to be told. A connection on which nobody speaks would else be open for ever on both
/// sides, and whoever waits for an answer would wait. An end that has acknowledged nothing is told at its next packet, as all are.
/// </summary>
internal sealed class Resets(FlowTable flows, TranslationTable translations)
{
    private readonly Queue<(int Index, long FlowId)> _cut = new();
    private readonly Queue<(int ToIdentityId, PacketEnds Ends, uint Acknowledged)> _ending = new();
    private bool _openerIsDone;

    /// <summary>Once for each time that a flow loses its permission: so there are never more than flows, and those that came again.</summary>
    public void Add(int index)
    {
        ref var flow = ref flows[index];
        if (flow.Key.Protocol == IpProtocol.Tcp && flow.Opened)
        {
            _cut.Enqueue((index, flow.Id));
        }
    }

    /// <summary>To be called before the flow ends: its place, and its port, are another one's then.</summary>
    public void AddEnding(int index)
    {
        ref var flow = ref flows[index];
        if (flow.Key.Protocol == IpProtocol.Tcp && flow.IsLive)
        {
            AddEnding(flow.FromId, ToOpener(flow), flow.OpenerAcknowledged);
            AddEnding(flow.ToId, ToTarget(flow), flow.TargetAcknowledged);
        }
    }

    private void AddEnding(int toIdentityId, in PacketEnds ends, uint acknowledged)
    {
        if (acknowledged != 0)
        {
            _ending.Enqueue((toIdentityId, ends, acknowledged));
        }
    }

    public int Take(FleetModel model, Span<byte> packet, out int toIdentityId)
    {
        while (_ending.TryDequeue(out var ending))
        {
            if (model.Identity(ending.ToIdentityId) is { Active: true })
            {
                toIdentityId = ending.ToIdentityId;
                return TcpReset.Write(ending.Ends, ending.Acknowledged, packet);
            }
        }

        while (_cut.TryPeek(out var next))
        {
            ref var flow = ref flows[next.Index];
            var toOpener = !_openerIsDone;
            _openerIsDone = toOpener;
            if (!toOpener)
            {
                _cut.Dequeue();
            }

            var acknowledged = toOpener ? flow.OpenerAcknowledged : flow.TargetAcknowledged;
            toIdentityId = toOpener ? flow.FromId : flow.ToId;
            // Nothing is sent to who may not receive, nor for what was given up or allowed again meanwhile.
            if (flow.Id == next.FlowId && flow.Status == FlowStatus.Denied && acknowledged != 0
                && model.Identity(toIdentityId) is { Active: true })
            {
                return TcpReset.Write(toOpener ? ToOpener(flow) : ToTarget(flow), acknowledged, packet);
            }
        }

        toIdentityId = 0;
        return 0;
    }

    private static PacketEnds ToOpener(in Flow flow) => new()
    {
        Kind = PacketKind.Tcp,
        Protocol = IpProtocol.Tcp,
        Source = flow.Destination,
        SourcePort = flow.DestinationPort,
        Destination = flow.Source,
        DestinationPort = flow.SourcePort,
    };

    private PacketEnds ToTarget(in Flow flow)
    {
        var ends = ToOpener(flow).Reversed();
        return flow.Translation == 0 ? ends : translations[flow.Translation].ToFar(ends);
    }
}
