using Sallyport.Core.Flows;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Gateway;

/// <summary>
/// Which limits a flow is under: its rule's, and those of both its ends. Volumes count what passes all of them. A packet that one rate
/// refuses may have been counted by the rate of another, so that who tries too much gets a little less.
/// </summary>
internal sealed class FlowMetering(Meters meters)
{
    private readonly Queue<MeterReading> _usedUp = new();

    public bool TryDequeueUsedUp(out MeterReading used) => _usedUp.TryDequeue(out used);

    public static bool Concerns(FleetModel model, in Flow flow) =>
        model.HasLimits
        && (model.Rule(flow.RuleId)?.Limit is not null || model.Identity(flow.FromId)?.Limit is not null || model.Identity(flow.ToId)?.Limit is not null);

    public bool IsUsedUp(FleetModel model, in Flow flow) =>
        model.Identity(flow.FromId) is { } from && model.Identity(flow.ToId) is { } to && IsUsedUp(model, flow.RuleId, from, to);

    public bool IsUsedUp(FleetModel model, int ruleId, Identity from, Identity to) =>
        model.HasLimits
        && (IsUsedUp(model, MeterKind.Rule, ruleId, model.Rule(ruleId)?.Limit)
            || IsUsedUp(model, MeterKind.Identity, from.Id, from.Limit)
            || IsUsedUp(model, MeterKind.Identity, to.Id, to.Limit));

    /// <summary>None where the packet passes all limits, and is counted.</summary>
    public DropReason Take(FleetModel model, in Flow flow, int length, Instant now)
    {
        var (rule, from, to) = (model.Rule(flow.RuleId)?.Limit, model.Identity(flow.FromId)?.Limit, model.Identity(flow.ToId)?.Limit);
        if (IsUsedUp(model, MeterKind.Rule, flow.RuleId, rule)
            || IsUsedUp(model, MeterKind.Identity, flow.FromId, from)
            || IsUsedUp(model, MeterKind.Identity, flow.ToId, to))
        {
            return DropReason.VolumeUsed;
        }

        // The rule's is shared: who is over his own limit takes nothing of it from others.
        if (!HasRoom(MeterKind.Identity, flow.FromId, from, length, now)
            || !HasRoom(MeterKind.Identity, flow.ToId, to, length, now)
            || !HasRoom(MeterKind.Rule, flow.RuleId, rule, length, now))
        {
            return DropReason.RateLimited;
        }

        Add(model, MeterKind.Rule, flow.RuleId, rule, length);
        Add(model, MeterKind.Identity, flow.FromId, from, length);
        Add(model, MeterKind.Identity, flow.ToId, to, length);
        return DropReason.None;
    }

    /// <summary>The same for a packet between an identity and the gateway itself: only its own limit counts.</summary>
    public DropReason Take(FleetModel model, Identity identity, int length, Instant now)
    {
        if (IsUsedUp(model, MeterKind.Identity, identity.Id, identity.Limit))
        {
            return DropReason.VolumeUsed;
        }

        if (!HasRoom(MeterKind.Identity, identity.Id, identity.Limit, length, now))
        {
            return DropReason.RateLimited;
        }

        Add(model, MeterKind.Identity, identity.Id, identity.Limit, length);
        return DropReason.None;
    }

    private bool IsUsedUp(FleetModel model, MeterKind kind, int id, Limit? limit) => limit is not null && meters.IsUsedUp(kind, id, limit, model.AsOf);

    private bool HasRoom(MeterKind kind, int id, Limit? limit, int length, Instant now) => limit is null || meters.TryTakeRate(kind, id, limit, length, now);

    private void Add(FleetModel model, MeterKind kind, int id, Limit? limit, int length)
    {
        if (limit is not null && meters.AddVolume(kind, id, limit, length, model.AsOf))
        {
            _usedUp.Enqueue(new MeterReading(kind, id, limit.PeriodAt(model.AsOf), limit.VolumeBytes));
        }
    }
}
