using System.Globalization;
using Sallyport.Api.Flows;
using Sallyport.Api.Nodes;
using Sallyport.Api.Policy;
using Sallyport.Control.Changes;
using Sallyport.Control.Flows;
using Sallyport.Control.Identities;
using Sallyport.Control.Store;
using Sallyport.Control.Tunnels;
using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

/// <summary>
/// Flows as people are told of them. The gateway records that no rule allowed one; which rule would have, but for a condition or for its hours, is
/// found as <see cref="PolicyQueries"/> finds it: with the rules, facts and tunnel of now, at the time when the flow was last seen. What is told by the
/// policy of today says so. A fleet at a time is a model to be made, and devices have the making of denied flows in their hands: so many are made in a
/// second, and beyond that the record stands as it is.
/// </summary>
internal sealed class FlowReasons(Database database, PolicyModels models, TunnelRegistry tunnels, TimeProvider time)
{
    private const int ModelsAtOnce = 32;
    private const int ModelsPerSecond = 4;

    private readonly Lock counting = new();
    private double left = ModelsAtOnce;
    private long counted = time.GetTimestamp();

    public FlowInfo Tell(FleetState fleet, FlowRow row)
    {
        var info = row.ToInfo(fleet);
        if (!row.Allowed && row.Reason == nameof(DropReason.IdentityNotActive))
        {
            return info with { ReasonText = NotActive(fleet, row) };
        }

        var (nearest, by) = Look(fleet, row, MayMake);
        if (by != 0)
        {
            return info with
            {
                ReasonText = string.Create(CultureInfo.InvariantCulture, $"no rule allowed it then; rule {by} does now"), AllowCommand = null, AllowForCommand = null,
            };
        }

        if (nearest is null)
        {
            return info;
        }

        var told = info with { Nearest = nearest, ReasonText = string.Create(CultureInfo.InvariantCulture, $"no rule allowed it then; rule {nearest.RuleId} would now, but {nearest.Why}") };
        // The very rule that would be made is there: it can be changed, and not be made again.
        return IsTheRule(fleet, row, nearest) ? told with { AllowCommand = nearest.Fix, AllowForCommand = null } : told;
    }

    /// <summary>Those of the two ends that are shut out or gone now, and by what; the record does not tell whose state it was.</summary>
    private string NotActive(FleetState fleet, FlowRow row)
    {
        var shut = ((string?[])[ShutOut(fleet, row.FromId, $"{row.FromKind} {row.FromName}"), row.ToId == 0 ? null : ShutOut(fleet, row.ToId, $"{row.ToKind} {row.ToName}")]).OfType<string>().ToList();
        return shut.Count == 0 ? "the sender or the carrier was not active then" : string.Join(", and ", shut);
    }

    private string? ShutOut(FleetState fleet, int id, string who)
    {
        if (fleet.Identities.TryGetValue(id, out var identity) && identity.Active)
        {
            return null;
        }

        return database.Read(sql => IdentityRow.Find(sql, id)) switch
        {
            null => $"{who} is gone",
            { Locks: { Count: > 0 } locks } => $"{who} is locked ({string.Join(", ", locks.Select(number => string.Create(CultureInfo.InvariantCulture, $"lock {number}")))})",
            { State: IdentityStates.Quarantined } => $"{who} is in quarantine",
            { State: IdentityStates.Active } => $"{who} is not active",
            var row => $"{who} is {row.State}",
        };
    }

    /// <summary>The rule whose condition or hours a rule for this flow alone goes around; null for none.</summary>
    public NearestRule? NearestOf(FleetState fleet, FlowRow row) => Look(fleet, row, () => true).Nearest;

    /// <param name="By">The rule that allows it by now; 0 for none.</param>
    private readonly record struct Looked(NearestRule? Nearest, int By);

    /// <summary>As of the flow; a rule that would have allowed it and is over since does not allow it now.</summary>
    private Looked Look(FleetState fleet, FlowRow row, Func<bool> mayMake)
    {
        if (row.Allowed || row.Reason != nameof(DropReason.NoRule) || !IpAddress.TryParse(row.Destination, out var destination) || !IsConcerned(fleet, row))
        {
            return default;
        }

        var situation = tunnels.SituationOf(row.FromId);
        var seen = new Instant(row.LastSeen);
        var now = new Instant(time.NowNanoseconds());
        var looked = LookAt(seen);
        return looked.By != 0 && fleet.Rules[looked.By].Until <= now.Nanoseconds ? LookAt(now) : looked;

        Looked LookAt(Instant at)
        {
            if (models.At(fleet, at, mayMake) is not { } model)
            {
                return default;
            }

            var why = model.Explain(row.FromId, situation, destination, ServiceText.ProtocolOf(row.Protocol, destination), (ushort)row.DestinationPort);
            return why.Decision.Allowed ? new Looked(null, why.Decision.RuleId)
                : why.Kind is ExplanationKind.ConditionNotMet or ExplanationKind.NotInForce ? new Looked(NearestRules.Of(fleet, why, [], situation, at, at), 0)
                : default;
        }
    }

    private bool MayMake()
    {
        lock (counting)
        {
            var now = time.GetTimestamp();
            left = Math.Min(ModelsAtOnce, left + (time.GetElapsedTime(counted, now).TotalSeconds * ModelsPerSecond));
            counted = now;
            if (left < 1)
            {
                return false;
            }

            left--;
            return true;
        }
    }

    /// <summary>Whether a rule that is not always in force speaks of who opened it. Most flows are denied without one, and need no model to be asked.</summary>
    private static bool IsConcerned(FleetState fleet, FlowRow row) =>
        fleet.Identities.TryGetValue(row.FromId, out var from) && fleet.Applications.TryGetValue(row.ApplicationId, out var application)
        && fleet.RulesTo(application.Id).Any(rule => rule.Effect == "allow" && IsConditional(rule) && RuleSubject.Of(rule, application.NetworkId).Speaks(from));

    private static bool IsConditional(RuleModel rule) =>
        rule.Until is not null || rule.Windows.Count > 0 || RuleConditionInput.IsConditioned(rule);

    private static bool IsTheRule(FleetState fleet, FlowRow row, NearestRule nearest) =>
        nearest.Condition is "hours" or "ended" && fleet.Rules.GetValueOrDefault(nearest.RuleId) is { } rule
        && rule.SubjectId == row.FromId && rule.ApplicationId == row.ApplicationId && !RuleConditionInput.IsConditioned(rule);
}
