using Sallyport.Core.Flows;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Gateway;

/// <summary>
/// Which limits a flow is under: its rule's, and those of both its ends. A packet that one of them refuses may have been counted by one
/// before it, so that who tries too much gets a little less.
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
        var reason = Take(model, MeterKind.Rule, flow.RuleId, model.Rule(flow.RuleId)?.Limit, length, now);
        reason = reason != DropReason.None ? reason : Take(model, MeterKind.Identity, flow.FromId, model.Identity(flow.FromId)?.Limit, length, now);
        return reason != DropReason.None ? reason : Take(model, MeterKind.Identity, flow.ToId, model.Identity(flow.ToId)?.Limit, length, now);
    }

    /// <summary>The same for a packet between an identity and the gateway itself: only its own limit counts.</summary>
    public DropReason Take(FleetModel model, Identity identity, int length, Instant now) =>
        Take(model, MeterKind.Identity, identity.Id, identity.Limit, length, now);

    private bool IsUsedUp(FleetModel model, MeterKind kind, int id, Limit? limit) => limit is not null && meters.IsUsedUp(kind, id, limit, model.AsOf);

    private DropReason Take(FleetModel model, MeterKind kind, int id, Limit? limit, int length, Instant now)
    {
        if (limit is null)
        {
            return DropReason.None;
        }

        var reason = meters.Take(kind, id, limit, length, now, model.AsOf, out var usedUp);
        if (usedUp)
        {
            _usedUp.Enqueue(new MeterReading(kind, id, limit.PeriodAt(model.AsOf), limit.VolumeBytes));
        }

        return reason;
    }
}
