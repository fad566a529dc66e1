using System.Globalization;
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

    /// <summary>What each sender's tunnel is.</summary>
    public Dictionary<int, Situation> Situations { get; } = [];

    /// <summary>What each was told for which name, and until when that counts.</summary>
    public Dictionary<int, NameTie[]> Ties { get; } = [];

    public Instant Now { get; set; } = Instant.FromUnixSeconds(1_800_000_000);

    /// <summary>When somebody asks, where that is later than what rules are judged by.</summary>
    public Instant? AskedAt { get; set; }

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

    public Limit? LimitOf(int ruleId) => _rules.GetValueOrDefault(ruleId)?.Limit;

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

        if (!_networks.TryGetValue(networkId, out var network) || network.Prefixes.Any(prefix => prefix.Contains(address)))
        {
            return (null, default);
        }

        // The internet is everywhere, but where something else appears.
        var there = _appearances.Values.Where(one => one.NetworkId == networkId && one.At.Contains(address)).MaxBy(one => one.At.Length);
        if (there is not { Kind: AppearanceKind.Service })
        {
            return (null, default);
        }

        var inside = Moved(address, there.At, there.Of);
        return (At(there.HomeId, inside), inside);
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

    /// <param name="held">The name of a conversation that has begun.</param>
    public Decision Decide(Identity from, IpAddress asked, IpProtocol protocol, ushort port, string? held = null)
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
        var served = candidates.ToList();
        candidates.RemoveAll(application => to.IsEgress && !(IsMeantByEgress(destination, application.Target) && (application.Names.IsEmpty || NameOf(from, destination, application.Id, held) is not null)));
        var rules = candidates
            .SelectMany(application => _rules.Values.Where(rule => rule.ApplicationIds.Contains(application.Id)).Select(rule => (Application: application, Rule: rule)))
            .Where(way => SpeaksOf(way.Rule.Subject, from, to.NetworkId) && IsInForce(way.Rule.Time) && Holds(way.Rule.Conditions, from))
            .ToList();
        // Application by application: of one that is locked and one that is denied the more specific is named.
        foreach (var application in candidates)
        {
            if (application.Locked)
            {
                return Decision.Deny(DropReason.ApplicationLocked, application.Id);
            }

            if (rules.Exists(way => way.Rule.Effect == RuleEffect.Deny && way.Application == application))
            {
                break;
            }
        }

        if (rules.Find(way => way.Rule.Effect == RuleEffect.Deny) is { Rule: { } deny } denied)
        {
            return Decision.Deny(DropReason.RuleDenies, denied.Application.Id, deny.Id);
        }

        if (rules.Find(way => IsLeft(from, way.Application) && IsLeft(to, way.Application)) is { Rule: { } allow } allowed)
        {
            return Decision.Allow(allow.Id, allowed.Application.Id);
        }

        if (rules.Count > 0)
        {
            return Decision.Deny(DropReason.Quarantined, rules[0].Application.Id, rules[0].Rule.Id);
        }

        var unnamed = served.Except(candidates).FirstOrDefault(application => !application.Names.IsEmpty && IsMeantByEgress(destination, application.Target) && _rules.Values.Any(rule =>
            rule.Effect == RuleEffect.Allow && rule.ApplicationIds.Contains(application.Id)
            && SpeaksOf(rule.Subject, from, to.NetworkId) && IsInForce(rule.Time) && Holds(rule.Conditions, from)));
        return unnamed is not null ? Decision.Deny(DropReason.NameNotAsked, unnamed.Id)
            : candidates.Count == 0 ? Decision.Deny(DropReason.NoApplication) : Decision.Deny(DropReason.NoRule, candidates[0].Id);
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
            SubjectKind.Label => subject.Name.Split(',').All(label => from.Labels.Contains(label)) && IsMember(),
            SubjectKind.Network => from.Kind != IdentityKind.Host && IsMember(),
            _ => false,
        };

        bool IsMember() => from.NetworkId == (subject.NetworkId == 0 ? ownNetworkId : subject.NetworkId);
    }

    /// <summary>Nothing is for the gateway's machine, its links or groups; a private network is meant by who names it.</summary>
    private static bool IsMeantByEgress(IpAddress destination, IpPrefix target)
    {
        var text = destination.ToString();
        var isNowhere = text.StartsWith("0.", StringComparison.Ordinal) || text.StartsWith("127.", StringComparison.Ordinal)
            || text.StartsWith("169.254.", StringComparison.Ordinal) || int.Parse(text.Split('.')[0], CultureInfo.InvariantCulture) >= 224;
        var kept = ((string[])["10.", "192.168.", "198.18.", "198.19."]).FirstOrDefault(start => text.StartsWith(start, StringComparison.Ordinal));
        return !isNowhere && (kept is null || (target.Length >= 8 && target.First.ToString().StartsWith(kept, StringComparison.Ordinal)));
    }

    /// <summary>By which name the application is meant; of one without names any that the sender was told.</summary>
    public string? NameOf(Identity from, IpAddress destination, int applicationId, string? held)
    {
        var patterns = _applications.GetValueOrDefault(applicationId)?.Names ?? [];
        var told = Ties.GetValueOrDefault(from.Id, []).Where(tie => tie.Address == destination && tie.Expires > (AskedAt ?? Now)).Select(tie => tie.Name);
        return (held is null ? told : told.Prepend(held)).FirstOrDefault(name => patterns.IsEmpty || patterns.Any(pattern => IsNamed(pattern, name)));
    }

    private static bool IsNamed(string pattern, string name)
    {
        var (asked, there) = (pattern.Split('.'), name.Split('.'));
        return asked[0] == "*"
            ? there.Length >= asked.Length && there.TakeLast(asked.Length - 1).SequenceEqual(asked.Skip(1))
            : there.SequenceEqual(asked);
    }

    private static bool IsLeft(Identity identity, Application application) =>
        identity.Quarantine <= QuarantineDegree.Throttled
        || (identity.Quarantine == QuarantineDegree.Management && application.IsManagement)
        || (identity.Quarantine == QuarantineDegree.Forensic && application.Id == identity.ForensicApplicationId);

    private bool Holds(RuleConditions conditions, Identity from)
    {
        var tunnel = Situations.GetValueOrDefault(from.Id);
        var state = from.Quarantine == QuarantineDegree.None ? SubjectState.Active : SubjectState.Quarantined;
        bool Fresh(PostureFact fact) => conditions.PostureAge is not { } age || Now - fact.At < age;
        return (conditions.States.IsEmpty || conditions.States.Contains(state))
            && (conditions.Protocols.IsEmpty || conditions.Protocols.Contains(tunnel.Protocol))
            && (conditions.Ciphers.IsEmpty || conditions.Ciphers.Contains(tunnel.Cipher))
            && (conditions.Sources.IsEmpty || (tunnel != default && conditions.Sources.Any(prefix => prefix.Contains(tunnel.Source))))
            && (conditions.Countries.IsEmpty
                || (tunnel != default && conditions.Countries.Any(country => country.Addresses.Ranges.Any(range => tunnel.Source >= range.First && tunnel.Source <= range.Last))))
            && conditions.Posture.All(test => from.Posture.Any(fact => fact.Name == test.Name && Fresh(fact) && test.IsMet(fact.Value)));
    }
}
