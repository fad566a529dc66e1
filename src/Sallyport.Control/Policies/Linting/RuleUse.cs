using Sallyport.Control.Flows;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies.Linting;

/// <summary>What one rule was used for in the observed time.</summary>
internal sealed class RuleUse
{
    /// <summary>Beyond that many different ones a rule is used as wide as it is.</summary>
    private const int DifferentMax = 4_096;

    public long Flows { get; private set; }

    public HashSet<int> Senders { get; } = [];

    public HashSet<(IpProtocol Protocol, ushort Port)> Services { get; } = [];

    public HashSet<IpAddress> Destinations { get; } = [];

    public bool IsManifold => Services.Count >= DifferentMax || Destinations.Count >= DifferentMax;

    public void Add(RecordedFlow flow)
    {
        Flows++;
        Senders.Add(flow.FromId);
        if (!IsManifold)
        {
            Services.Add((flow.Protocol == IpProtocol.IcmpV6 ? IpProtocol.Icmp : flow.Protocol, flow.Port));
            Destinations.Add(flow.Destination);
        }
    }
}
