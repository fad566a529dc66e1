using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Policy;

/// <summary>The policy as one would explain it on a whiteboard: lists, walked from the beginning for each question.</summary>
internal sealed class NaiveFleet
{
    private readonly SortedDictionary<int, Network> _networks = [];
    private readonly SortedDictionary<int, Identity> _identities = [];
    private readonly SortedDictionary<int, Application> _applications = [];
    private readonly SortedDictionary<int, Rule> _rules = [];
    private readonly SortedDictionary<int, Appearance> _appearances = [];

    public Instant Now { get; set; } = Instant.FromUnixSeconds(1_800_000_000);

    public IEnumerable<Identity> Identities => _identities.Values;

    public IEnumerable<Application> Applications => _applications.Values;

    public void Apply(FleetChange change)
    {
        foreach (var id in change.RemovedNetworks)
        {
            _networks.Remove(id);
        }

        foreach (var id in change.RemovedIdentities)
        {
            _identities.Remove(id);
        }

        foreach (var id in change.RemovedApplications)
        {
            _applications.Remove(id);
        }

        foreach (var id in change.RemovedRules)
        {
            _rules.Remove(id);
        }

        foreach (var id in change.RemovedAppearances)
        {
            _appearances.Remove(id);
        }

        foreach (var appearance in change.Appearances)
        {
            _appearances[appearance.Id] = appearance;
        }

        foreach (var network in change.Networks)
        {
            _networks[network.Id] = network;
        }

        foreach (var identity in change.Identities)
        {
            _identities[identity.Id] = identity;
        }

        foreach (var application in change.Applications)
        {
            _applications[application.Id] = application;
        }

        foreach (var rule in change.Rules)
        {
            _rules[rule.Id] = rule;
        }
    }

    public bool IsBroadcast(int networkId, IpAddress address) =>
        _networks.TryGetValue(networkId, out var network)
        && network.Prefixes.Any(prefix => prefix.IsV4 && (address == prefix.First || address == prefix.Last));

    public Identity? Find(int id) => _identities.GetValueOrDefault(id);

    public Identity? At(int networkId, IpAddress address)
    {
        if (!_networks.ContainsKey(networkId))
        {
            return null;
        }

        Identity? best = null;
        var bestLength = -1;
        foreach (var identity in _identities.Values.Where(identity => identity.NetworkId == networkId))
        {
            if (identity.AddressV4 == address || identity.AddressV6 == address)
            {
                return identity;
            }

            foreach (var subnet in identity.Subnets)
            {
                if (subnet.Contains(address) && subnet.Length > bestLength)
                {
                    (best, bestLength) = (identity, subnet.Length);
                }
            }
        }

        return best;
    }

    /// <summary>Who is meant by an address, and what it is at his place.</summary>
    public (Identity? Carrier, IpAddress Address) Resolve(int networkId, IpAddress address)
    {
        if (At(networkId, address) is { } own)
        {
            return (own, address);
        }

        foreach (var service in _networks.ContainsKey(networkId) ? Of(AppearanceKind.Service, networkId) : [])
        {
            if (service.At.Contains(address))
            {
                var inside = Moved(address, service.At, service.Of);
                return (At(service.HomeId, inside), inside);
            }
        }

        return (null, default);
    }

    public IpAddress? Guest(int networkId, int homeId, IpAddress source) => Outside(AppearanceKind.Guest, networkId, homeId, source);

    public IpAddress? Service(int networkId, int homeId, IpAddress inside) => Outside(AppearanceKind.Service, networkId, homeId, inside);

    public (int HomeId, IpAddress Inside)? Home(int networkId, IpAddress guest)
    {
        foreach (var appearance in Of(AppearanceKind.Guest, networkId))
        {
            if (appearance.At.Contains(guest))
            {
                return (appearance.HomeId, Moved(guest, appearance.At, appearance.Of));
            }
        }

        return null;
    }

    private IpAddress? Outside(AppearanceKind kind, int networkId, int homeId, IpAddress inside)
    {
        foreach (var appearance in Of(kind, networkId))
        {
            if (appearance.HomeId == homeId && appearance.Of.Contains(inside))
            {
                return Moved(inside, appearance.Of, appearance.At);
            }
        }

        return null;
    }

    private IEnumerable<Appearance> Of(AppearanceKind kind, int networkId) =>
        _appearances.Values.Where(appearance => appearance.Kind == kind && appearance.NetworkId == networkId);

    private static IpAddress Moved(IpAddress address, IpPrefix from, IpPrefix to) =>
        new(address.Bits - from.First.Bits + to.First.Bits);

    public Decision Decide(Identity from, IpAddress asked, IpProtocol protocol, ushort port)
    {
        var (to, destination) = Resolve(from.NetworkId, asked);
        if (!from.Active)
        {
            return Decision.Deny(DropReason.IdentityNotActive);
        }

        if (to is null)
        {
            return Decision.Deny(DropReason.NotRouted);
        }

        if (to == from)
        {
            return Decision.Deny(DropReason.ToItself);
        }

        if (!to.Active)
        {
            return Decision.Deny(DropReason.IdentityNotActive);
        }

        var echo = protocol is IpProtocol.Icmp or IpProtocol.IcmpV6;
        var candidates = _applications.Values
            .Where(application => application.OwnerId == to.Id && application.NetworkId == to.NetworkId && application.Target.Contains(destination))
            .Where(application => application.Services.Any(service => echo
                ? service.Protocol is IpProtocol.Icmp or IpProtocol.IcmpV6
                : service.Protocol == protocol && port >= service.FromPort && port <= service.ToPort))
            .OrderByDescending(application => application.Target.Length).ThenBy(application => application.Id)
            .ToList();
        var rules = candidates
            .SelectMany(application => _rules.Values.Where(rule => rule.ApplicationId == application.Id))
            .Where(rule => SpeaksOf(rule.Subject, from, to.NetworkId) && IsInForce(rule.Time))
            .ToList();
        // Application by application: of one that is locked and one that is denied the more specific is named.
        foreach (var application in candidates)
        {
            if (application.Locked)
            {
                return Decision.Deny(DropReason.ApplicationLocked, application.Id);
            }

            if (rules.Exists(rule => rule.Effect == RuleEffect.Deny && rule.ApplicationId == application.Id))
            {
                break;
            }
        }

        if (rules.Find(rule => rule.Effect == RuleEffect.Deny) is { } deny)
        {
            return Decision.Deny(DropReason.RuleDenies, deny.ApplicationId, deny.Id);
        }

        if (rules.Count > 0)
        {
            return Decision.Allow(rules[0].Id, rules[0].ApplicationId);
        }

        return candidates.Count == 0 ? Decision.Deny(DropReason.NoApplication) : Decision.Deny(DropReason.NoRule, candidates[0].Id);
    }

    /// <summary>By the runtime's own calendar.</summary>
    private bool IsInForce(RuleTime time) =>
        Now < time.Until && (time.Windows.IsEmpty || time.Windows.Any(window => Zones.IsOpen(window, Now.UnixSeconds)));

    private static bool SpeaksOf(Subject subject, Identity from, int ownNetworkId)
    {
        return subject.Kind switch
        {
            SubjectKind.Device => from.Kind == IdentityKind.Device && from.Id == subject.IdentityId,
            SubjectKind.Site => from.Kind == IdentityKind.Site && from.Id == subject.IdentityId,
            SubjectKind.Host => from.Kind == IdentityKind.Host && from.Id == subject.IdentityId,
            SubjectKind.Group => from.Groups.Contains(subject.Name) && IsMember(),
            SubjectKind.Label => from.Labels.Contains(subject.Name) && IsMember(),
            SubjectKind.Network => from.Kind != IdentityKind.Host && IsMember(),
            _ => false,
        };

        bool IsMember() => from.NetworkId == (subject.NetworkId == 0 ? ownNetworkId : subject.NetworkId);
    }
}
