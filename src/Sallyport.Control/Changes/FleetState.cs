using System.Collections.Immutable;
using Sallyport.Api.Nodes;
using Sallyport.Control.Networks;
using Sallyport.Control.Policies;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Changes;

/// <summary>What the gateways are to know, as of one version. Immutable; a commit makes the next one.</summary>
internal sealed record FleetState(
    long Version,
    ImmutableDictionary<int, NetworkModel> Networks,
    ImmutableDictionary<int, IdentityModel> Identities,
    ImmutableDictionary<int, ApplicationModel> Applications,
    ImmutableDictionary<int, RuleModel> Rules,
    ImmutableDictionary<int, AppearanceModel> Appearances)
{
    private Dictionary<(string Kind, string Name), int>? nameCounts;

    private ILookup<int, Appearance>? appearancesIn;

    private ILookup<int, RuleModel>? rulesTo;

    private (bool IsKnown, IdentityModel? Identity) egress;

    private EgressWays? egressWays;

    /// <summary>What a copy is given anew it finds out anew.</summary>
    private FleetState(FleetState other)
    {
        (Version, Networks, Identities) = (other.Version, other.Networks, other.Identities);
        (Applications, Rules, Appearances) = (other.Applications, other.Rules, other.Appearances);
    }

    /// <summary>Who is sent routes beyond the gateway host.</summary>
    public EgressWays EgressWays => egressWays ??= NetworkPolicy.EgressWays(this);

    /// <summary>What lies beyond the gateway host, as one identity; null while no application is there.</summary>
    public IdentityModel? Egress
    {
        get
        {
            if (!egress.IsKnown)
            {
                egress = (true, Identities.Values.FirstOrDefault(EgressNetwork.IsCarrier));
            }

            return egress.Identity;
        }
    }

    /// <summary>Those that lead to an application, whatever their effect.</summary>
    public IEnumerable<RuleModel> RulesTo(int applicationId)
    {
        // Two threads may both build it; they build the same.
        rulesTo ??= Rules.Values.OrderBy(rule => rule.Id).SelectMany(rule => NetworkPolicy.Targets(rule).Select(target => (target, rule))).ToLookup(pair => pair.target, pair => pair.rule);
        return rulesTo[applicationId];
    }

    /// <summary>Whether the name alone says which device, site or application is meant.</summary>
    public bool IsUnique(string kind, string name)
    {
        // Two threads may both build it; they build the same.
        nameCounts ??= Identities.Values.Select(identity => (identity.Kind, identity.Name))
            .Concat(Applications.Values.Select(application => (Kind: "application", application.Name)))
            .GroupBy(key => key).ToDictionary(group => group.Key, group => group.Count());
        return nameCounts.GetValueOrDefault((kind, name)) <= 1;
    }

    /// <summary>"pump-17", or "pump-17.plant-a" where another network has one of that name.</summary>
    public string ReferenceTo(string kind, string name, int networkId) =>
        IsUnique(kind, name) || !Networks.TryGetValue(networkId, out var network) ? name : $"{name}.{network.Name}";

    /// <summary>What a destination in a network is at home, where it is a service address; else itself.</summary>
    public IpAddress Inside(int networkId, IpAddress destination) => HomeOf(networkId, destination) ?? destination;

    /// <summary>What a service address stands for; null for what is none. The longest prefix counts, as it does at the gateway.</summary>
    public IpAddress? HomeOf(int networkId, IpAddress destination)
    {
        foreach (var one in ServicesIn(networkId).Where(one => one.At.Contains(destination)).OrderByDescending(one => one.At.Length))
        {
            return one.Inside(destination);
        }

        return null;
    }

    /// <summary>Where an address of another network appears in one for those who reach it; null where it does not.</summary>
    public IpAddress? ServiceAddress(int networkId, int homeId, IpAddress inside)
    {
        foreach (var one in ServicesIn(networkId).Where(one => one.HomeId == homeId && one.Of.Contains(inside)).OrderByDescending(one => one.Of.Length))
        {
            return one.Outside(inside);
        }

        return null;
    }

    /// <summary>As who somebody who sends from an address of a network is seen in another one; null where he does not appear there.</summary>
    public IpAddress? GuestAddress(int networkId, int homeId, IpAddress source)
    {
        foreach (var one in AppearancesIn(networkId).Where(one => one.Kind == AppearanceKind.Guest && one.HomeId == homeId && one.Of.Contains(source)))
        {
            return one.Outside(source);
        }

        return null;
    }

    private IEnumerable<Appearance> ServicesIn(int networkId) => AppearancesIn(networkId).Where(one => one.Kind == AppearanceKind.Service);

    private IEnumerable<Appearance> AppearancesIn(int networkId)
    {
        // Asked for flow after flow; two threads may both build it, and build the same.
        appearancesIn ??= Appearances.Values.Select(NetworkPolicy.Appearance).ToLookup(one => one.NetworkId);
        return appearancesIn[networkId];
    }

    public FleetState With(ChangeSet change) => new(
        change.Version,
        Networks.RemoveRange(change.RemovedNetworks).SetItems(change.Networks.Select(item => KeyValuePair.Create(item.Id, item))),
        Identities.RemoveRange(change.RemovedIdentities).SetItems(change.Identities.Select(item => KeyValuePair.Create(item.Id, item))),
        Applications.RemoveRange(change.RemovedApplications).SetItems(change.Applications.Select(item => KeyValuePair.Create(item.Id, item))),
        Rules.RemoveRange(change.RemovedRules).SetItems(change.Rules.Select(item => KeyValuePair.Create(item.Id, item))),
        Appearances.RemoveRange(change.RemovedAppearances).SetItems(change.Appearances.Select(item => KeyValuePair.Create(item.Id, item))))
    {
        // Most changes leave them alone: the next state need not look for them again.
        egressWays = change.Networks.Count + change.RemovedNetworks.Count + change.Applications.Count + change.RemovedApplications.Count
            + change.Rules.Count + change.RemovedRules.Count > 0 ? null : EgressWays,
    };

    public NodeModel ToModel(GatewaySettings settings, CountryTable countries) => new(
        settings,
        [.. Networks.Values.OrderBy(item => item.Id)],
        [.. Identities.Values.OrderBy(item => item.Id)],
        [.. Applications.Values.OrderBy(item => item.Id)],
        [.. Rules.Values.OrderBy(item => item.Id)])
    {
        Zones = ZoneTable.Of(Rules.Values),
        Countries = countries.Of(Rules.Values),
        Appearances = [.. Appearances.Values.OrderBy(item => item.Id)],
    };
}
