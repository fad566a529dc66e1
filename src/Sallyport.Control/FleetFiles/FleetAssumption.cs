using Sallyport.Api.Nodes;
using Sallyport.Control.Changes;
using Sallyport.Core.Policy;

namespace Sallyport.Control.FleetFiles;

/// <summary>
/// What a test takes for granted of conditions, which nobody can know beforehand: over what a tunnel will come, from where, and what will be
/// reported. What must not be reached is judged by the worst that can be, what must be reached by the ordinary.
/// </summary>
internal static class FleetAssumption
{
    private static readonly string Active = ConditionText.States[(int)SubjectState.Active];

    public static FleetState For(FleetState fleet, bool mustReach)
    {
        var rules = fleet.Rules.ToBuilder();
        foreach (var rule in fleet.Rules.Values.Where(rule => rule.Conditions is not null))
        {
            if ((mustReach ? Ordinary(rule) : AtWorst(rule)) is { } counts)
            {
                rules[rule.Id] = counts;
            }
            else
            {
                rules.Remove(rule.Id);
            }
        }

        return fleet with { Rules = rules.ToImmutable() };
    }

    /// <summary>A rule that allows finds everything as it asks for; one that denies counts where its conditions leave nobody out.</summary>
    private static RuleModel? AtWorst(RuleModel rule) =>
        rule.Effect != "deny" || IsAboutAll(rule.Conditions!) ? rule with { Conditions = null } : null;

    /// <summary>
    /// The sender is not in quarantine, and all is well with its tunnel and its facts: what a rule that allows asks of them is so, and what one
    /// that denies speaks of is not.
    /// </summary>
    private static RuleModel? Ordinary(RuleModel rule) =>
        rule.Effect != "deny" ? rule with { Conditions = StatesOf(rule.Conditions!) }
        : rule.Conditions!.States.Contains(Active) && IsAboutStates(rule.Conditions) ? rule with { Conditions = null } : null;

    /// <summary>Kept where it is not met, so that the answer says so.</summary>
    private static ConditionModel? StatesOf(ConditionModel conditions) =>
        conditions.States.Count == 0 || conditions.States.Contains(Active) ? null : new ConditionModel { States = conditions.States };

    private static bool IsAboutAll(ConditionModel conditions) => ConditionText.States.All(conditions.States.Contains) && IsAboutStates(conditions);

    private static bool IsAboutStates(ConditionModel conditions) =>
        conditions.Protocols.Count + conditions.Ciphers.Count + conditions.Sources.Count + conditions.Countries.Count + conditions.Posture.Count == 0;
}
