using Sallyport.Control.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies.Learning;

/// <summary>One service at one address.</summary>
internal readonly record struct ServiceKey(IpAddress Destination, IpProtocol Protocol, ushort Port);

/// <summary>Who used a service, and how much.</summary>
internal sealed class ServiceUse
{
    public HashSet<int> Members { get; } = [];

    public long Flows { get; private set; }

    public long Denied { get; private set; }

    public bool IsAnswered { get; private set; }

    /// <summary>What allowed it, of a range that one service may belong to.</summary>
    public HashSet<int> Applications { get; } = [];

    /// <summary>By which rules what was allowed came.</summary>
    public HashSet<int> Rules { get; } = [];

    public long Packets { get; private set; }

    public long LastSeen { get; private set; }

    public void Add(RecordedFlow flow)
    {
        Members.Add(flow.FromId);
        Applications.Add(flow.ApplicationId);
        if (flow is { Allowed: true, RuleId: not 0 })
        {
            Rules.Add(flow.RuleId);
        }

        Flows++;
        Denied += flow.Allowed || flow.WasCut ? 0 : 1;
        IsAnswered |= flow.IsAnswered;
        Packets += flow.Packets;
        LastSeen = Math.Max(LastSeen, flow.LastSeen.Nanoseconds);
    }
}

/// <summary>
/// What members of a subject did, as far as it can be the base of a proposal. A scan is none: whoever was denied at more services than
/// <see cref="ScanMin"/> was looking for something, and none of what it was denied counts.
/// </summary>
internal sealed class Observed(IReadOnlySet<int> members, bool withDenied)
{
    /// <summary>Different services at which one identity was denied.</summary>
    public const int ScanMin = 20;

    /// <summary>A denied service that was asked for once was a mistake or a probe.</summary>
    public const int DeniedFlowsMin = 2;

    /// <summary>UDP that nobody answers, as telemetry is, goes on; a probe does not.</summary>
    public const int OneWayPacketsMin = 5;

    private const int ServicesMax = 20_000; // so that no number of flows fills the memory

    private readonly Dictionary<ServiceKey, ServiceUse> allowed = [];
    private readonly Dictionary<int, Dictionary<ServiceKey, ServiceUse>> denied = [];
    private readonly Dictionary<int, long> scanners = [];
    private readonly Dictionary<DropReason, long> undecided = [];

    public long Flows { get; private set; }

    /// <summary>Flows to more services than are kept apart.</summary>
    public long LeftOut { get; private set; }

    public IReadOnlyDictionary<int, long> Scanners => scanners;

    /// <summary>Flows that were denied for a reason that no new rule is about.</summary>
    public IReadOnlyDictionary<DropReason, long> Undecided => undecided;

    public void Add(RecordedFlow flow)
    {
        if (!members.Contains(flow.FromId))
        {
            return;
        }

        Flows++;
        if (!flow.WasDecidedByPolicy)
        {
            Count(undecided, flow.Protocol == 0 ? DropReason.ProtocolNotSupported : flow.Reason);
        }
        else if (flow.Allowed || flow.WasCut)
        {
            Add(allowed, flow);
        }
        else if (flow.Reason is not (DropReason.NoRule or DropReason.NoApplication or DropReason.NotRouted))
        {
            Count(undecided, flow.Reason);
        }
        else if (withDenied)
        {
            AddDenied(flow);
        }
    }

    /// <summary>All that counts, those that were allowed and denied together.</summary>
    public IReadOnlyDictionary<ServiceKey, IReadOnlyList<ServiceUse>> Uses() =>
        allowed.Concat(denied.Values.SelectMany(services => services))
            .GroupBy(pair => pair.Key).ToDictionary(group => group.Key, group => (IReadOnlyList<ServiceUse>)[.. group.Select(pair => pair.Value)]);

    private void AddDenied(RecordedFlow flow)
    {
        if (scanners.TryGetValue(flow.FromId, out var probes))
        {
            scanners[flow.FromId] = probes + 1;
            return;
        }

        if (!denied.TryGetValue(flow.FromId, out var services))
        {
            denied[flow.FromId] = services = [];
        }

        Add(services, flow);
        if (services.Count > ScanMin)
        {
            scanners[flow.FromId] = services.Values.Sum(use => use.Flows);
            denied.Remove(flow.FromId);
        }
    }

    private void Add(Dictionary<ServiceKey, ServiceUse> services, RecordedFlow flow)
    {
        var key = new ServiceKey(flow.Destination, flow.Protocol, flow.Port);
        if (!services.TryGetValue(key, out var use))
        {
            if (services.Count >= ServicesMax)
            {
                LeftOut++;
                return;
            }

            services[key] = use = new ServiceUse();
        }

        use.Add(flow);
    }

    private static void Count(Dictionary<DropReason, long> counts, DropReason reason) => counts[reason] = counts.GetValueOrDefault(reason) + 1;
}
