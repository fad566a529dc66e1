using Sallyport.Control.Changes;

namespace Sallyport.Control.Policies;

/// <summary>
/// The fleet as its policy means it: what has an end of its own is taken away. Everybody who has not left for good is there, be it that he was
/// never set up, and neither a lock nor a quarantine of any degree is in the way.
/// </summary>
internal static class Unhindered
{
    /// <param name="locked">Rules that a lock keeps from the gateways, where they are to count.</param>
    public static FleetState Of(FleetState fleet, IReadOnlySet<int> retired, IEnumerable<RuleRow>? locked = null) => fleet with
    {
        Identities = fleet.Identities.SetItems(
            from identity in fleet.Identities.Values
            let active = !retired.Contains(identity.Id)
            where identity.Active != active || identity.Quarantine.Length > 0
            select KeyValuePair.Create(identity.Id, identity with { Active = active, Quarantine = "", ForensicApplicationId = 0 })),
        Applications = fleet.Applications.SetItems(
            from application in fleet.Applications.Values
            where application.Locked
            select KeyValuePair.Create(application.Id, application with { Locked = false })),
        Rules = fleet.Rules.SetItems((locked ?? []).Where(rule => rule.IsLocked).Select(rule => KeyValuePair.Create(rule.Id, rule.ToUnlockedModel()))),
    };
}
