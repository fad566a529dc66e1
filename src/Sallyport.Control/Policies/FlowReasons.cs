using System.Globalization;
using Sallyport.Api.Flows;
using Sallyport.Api.Nodes;
using Sallyport.Api.Policy;
using Sallyport.Control.Changes;
using Sallyport.Control.Flows;
using Sallyport.Control.Tunnels;
using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

/// <summary>
/// Flows as people are told of them. The gateway records that no rule allowed one; which rule would have, but for a condition or for its hours, is
/// found as <see cref="PolicyQueries"/> finds it: with the rules, facts and tunnel of now, at the time when the flow was last seen.
/// </summary>
internal sealed class FlowReasons(PolicyModels models, TunnelRegistry tunnels)
{
    public FlowInfo Tell(FleetState fleet, FlowRow row)
    {
        var info = row.ToInfo(fleet);
        var (nearest, by) = Look(fleet, row);
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

        var told = info with { Nearest = nearest, ReasonText = string.Create(CultureInfo.InvariantCulture, $"rule {nearest.RuleId} would allow it, but {nearest.Why}") };
        // The very rule that would be made is there: it can be changed, and not be made again.
        return IsTheRule(fleet, row, nearest) ? told with { AllowCommand = nearest.Fix, AllowForCommand = null } : told;
    }

    /// <summary>The rule whose condition or hours a rule for this flow alone goes around; null for none.</summary>
    public NearestRule? NearestOf(FleetState fleet, FlowRow row) => Look(fleet, row).Nearest;

    /// <param name="By">The rule that allows it by now; 0 for none.</param>
    private readonly record struct Looked(NearestRule? Nearest, int By);

    private Looked Look(FleetState fleet, FlowRow row)
    {
        if (row.Allowed || row.Reason != nameof(DropReason.NoRule) || !IpAddress.TryParse(row.Destination, out var destination) || !IsConcerned(fleet, row))
        {
            return default;
        }

        var situation = tunnels.SituationOf(row.FromId);
        var seen = new Instant(row.LastSeen);
        var why = models.Of(fleet).At(seen).Explain(row.FromId, situation, destination, ServiceText.ProtocolOf(row.Protocol, destination), (ushort)row.DestinationPort);
        return why.Decision.Allowed ? new Looked(null, why.Decision.RuleId)
            : why.Kind is ExplanationKind.ConditionNotMet or ExplanationKind.NotInForce ? new Looked(NearestRules.Of(fleet, why, [], situation, seen, seen), 0)
            : default;
    }

    /// <summary>Whether a rule that is not always in force speaks of who opened it. Most flows are denied without one, and need no model to be asked.</summary>
    private static bool IsConcerned(FleetState fleet, FlowRow row) =>
        fleet.Identities.TryGetValue(row.FromId, out var from) && fleet.Applications.TryGetValue(row.ApplicationId, out var application)
        && fleet.RulesTo(application.Id).Any(rule => rule.Effect == "allow" && IsConditional(rule) && RuleSubject.Of(rule, application.NetworkId).Speaks(from));

    private static bool IsConditional(RuleModel rule) =>
        rule.Until is not null || rule.Windows.Count > 0 || RuleConditionInput.Describe(rule.Conditions).Length > 0;

    private static bool IsTheRule(FleetState fleet, FlowRow row, NearestRule nearest) =>
        nearest.Condition is "hours" or "ended" && fleet.Rules.GetValueOrDefault(nearest.RuleId) is { } rule
        && rule.SubjectId == row.FromId && rule.ApplicationId == row.ApplicationId && RuleConditionInput.Describe(rule.Conditions).Length == 0;
}
