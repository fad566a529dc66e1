using Sallyport.Api.Nodes;
using Sallyport.Control.Changes;
using Sallyport.Control.Store;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Mapping;
using Sallyport.Mapping.Appearances;
using Sallyport.Mapping.Applications;
using Sallyport.Mapping.Identities;
using Sallyport.Mapping.Rules;

namespace Sallyport.Control.Policies;

/// <summary>
/// The fleet as the policy engine of the gateways reads it, so that an explanation is the gateways' own decision: made of the very messages
/// that they are sent, by the mapping that they use.
/// </summary>
internal static class NetworkPolicy
{
    /// <summary>As of a time before all rules.</summary>
    public static FleetModel Of(FleetState fleet, CountryTable countries) =>
        ModelOf(fleet.Networks.Values, fleet.Identities.Values, fleet.Applications.Values, fleet.Rules.Values, fleet.Appearances.Values, countries, Instant.FromUnixSeconds(0));

    /// <summary>One network, and those that appear in it or in which it appears: enough for questions about its members.</summary>
    public static FleetModel Of(FleetState fleet, int networkId, CountryTable countries, DateTimeOffset now)
    {
        var appearances = fleet.Appearances.Values.Where(one => one.NetworkId == networkId || one.HomeId == networkId).ToList();
        var networks = appearances.SelectMany(one => new[] { one.NetworkId, one.HomeId }).Append(networkId).ToHashSet();
        var applications = fleet.Applications.Values.Where(application => networks.Contains(application.NetworkId)).ToDictionary(application => application.Id);
        return ModelOf(
            fleet.Networks.Values.Where(network => networks.Contains(network.Id)), fleet.Identities.Values.Where(identity => networks.Contains(identity.NetworkId)),
            applications.Values, fleet.Rules.Values.Where(rule => Targets(rule).Any(applications.ContainsKey)), appearances, countries, new Instant(now.ToUnixNanoseconds()));
    }

    /// <summary>One commit as the engine takes it.</summary>
    public static FleetChange Of(ChangeSet change, CountryTable countries) => ChangeOf(change.ToDelta(countries));

    /// <summary>Those that a rule leads to: one, or a group's.</summary>
    public static IReadOnlyList<int> Targets(RuleModel rule) => RuleMapping.Targets(rule);

    public static Identity Identity(IdentityModel identity) => IdentityMapping.Of(identity);

    internal static Appearance Appearance(AppearanceModel appearance) => AppearanceMapping.Of(appearance);

    /// <summary>"icmp" stands for echo of both families.</summary>
    public static IEnumerable<Service> Services(string service) => ServiceMapping.Of(service);

    public static Rule Rule(RuleModel rule, CountryTable countries) => RuleMapping.Of(rule, FleetTables.Empty.With(ZoneTable.Of([rule]), countries.Of([rule])));

    private static FleetModel ModelOf(
        IEnumerable<NetworkModel> networks, IEnumerable<IdentityModel> identities, IEnumerable<ApplicationModel> applications, IEnumerable<RuleModel> rules,
        IEnumerable<AppearanceModel> appearances, CountryTable countries, Instant now)
    {
        var ordered = rules.OrderBy(rule => rule.Id).ToList();
        var everything = new Delta
        {
            Version = 0,
            CommittedAt = 0,
            Networks = [.. networks.OrderBy(network => network.Id)],
            Identities = [.. identities.OrderBy(identity => identity.Id)],
            Applications = [.. applications.OrderBy(application => application.Id)],
            Rules = ordered,
            Zones = ZoneTable.Of(ordered),
            Countries = countries.Of(ordered),
            Appearances = [.. appearances.OrderBy(one => one.Id)],
        };
        return FleetModel.Empty.With(ChangeOf(everything), now);
    }

    /// <summary>Nobody asks this model for names.</summary>
    private static FleetChange ChangeOf(Delta delta) => FleetMapping.Change(delta, FleetTables.Empty.With(delta.Zones, delta.Countries), zone: null);
}
