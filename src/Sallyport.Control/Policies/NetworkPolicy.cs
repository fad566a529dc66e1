using Sallyport.Api.Nodes;
using Sallyport.Control.Changes;
using Sallyport.Control.Networks;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Mapping;
using Sallyport.Mapping.Appearances;
using Sallyport.Mapping.Applications;
using Sallyport.Mapping.Identities;
using Sallyport.Mapping.Networks;
using Sallyport.Mapping.Rules;

namespace Sallyport.Control.Policies;

/// <summary>
/// The fleet as the policy engine of the gateways reads it, so that an explanation is the gateways' own decision: made of the very messages
/// that they are sent, by the mapping that they use.
/// </summary>
internal static class NetworkPolicy
{
    /// <summary>As of a time before all rules.</summary>
    public static FleetModel Of(FleetState fleet, CountryTable countries)
    {
        var rules = fleet.Rules.Values.OrderBy(rule => rule.Id).ToList();
        var everything = new Delta
        {
            Version = fleet.Version,
            CommittedAt = 0,
            Networks = [.. fleet.Networks.Values.OrderBy(network => network.Id)],
            Identities = [.. fleet.Identities.Values.OrderBy(identity => identity.Id)],
            Applications = [.. fleet.Applications.Values.OrderBy(application => application.Id)],
            Rules = rules,
            Zones = ZoneTable.Of(rules),
            Countries = countries.Of(rules),
            Appearances = [.. fleet.Appearances.Values.OrderBy(one => one.Id)],
        };
        return FleetModel.Empty.With(ChangeOf(everything), Instant.FromUnixSeconds(0));
    }

    /// <summary>One commit as the engine takes it.</summary>
    public static FleetChange Of(ChangeSet change, CountryTable countries) => ChangeOf(change.ToDelta(countries));

    /// <summary>Those that a rule leads to: one, or a group's.</summary>
    public static IReadOnlyList<int> Targets(RuleModel rule) => RuleMapping.Targets(rule);

    public static Identity Identity(IdentityModel identity) => IdentityMapping.Of(identity);

    /// <summary>Nobody asks it for names.</summary>
    public static Network Network(NetworkModel network) => NetworkMapping.Of(network, zone: null);

    /// <summary>Who is sent routes beyond the gateway host.</summary>
    public static EgressWays EgressWays(FleetState fleet)
    {
        if (fleet.Networks.Values.FirstOrDefault(EgressNetwork.Is) is not { } network)
        {
            return Core.Policy.EgressWays.None;
        }

        // Time and conditions do not count, so that neither zones nor countries are needed.
        var there = fleet.Applications.Values.Where(application => application.NetworkId == network.Id).ToDictionary(application => application.Id, ApplicationMapping.Of);
        return new EgressWays(
            from rule in fleet.Rules.Values
            from id in RuleMapping.Targets(rule)
            where there.ContainsKey(id)
            select (there[id], RuleMapping.Of(rule with { Until = null, Windows = [], Conditions = null }, FleetTables.Empty)));
    }

    internal static Appearance Appearance(AppearanceModel appearance) => AppearanceMapping.Of(appearance);

    /// <summary>"icmp" stands for echo of both families.</summary>
    public static IEnumerable<Service> Services(string service) => ServiceMapping.Of(service);

    public static Rule Rule(RuleModel rule, CountryTable countries) => RuleMapping.Of(rule, FleetTables.Empty.With(ZoneTable.Of([rule]), countries.Of([rule])));

    /// <summary>Nobody asks this model for names.</summary>
    private static FleetChange ChangeOf(Delta delta) => FleetMapping.Change(delta, FleetTables.Empty.With(delta.Zones, delta.Countries), zone: null);
}
