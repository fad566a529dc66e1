using System.Collections.Immutable;
using Sallyport.Core.Gateway;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>
/// The whole fleet with its indexes: who is where, and who may reach what. Immutable, so that every thread sees one state;
/// a change makes the next model, which shares all that did not change.
/// Ids are positive and dense, as a store gives them out.
/// </summary>
public sealed partial class FleetModel
{
    public static readonly FleetModel Empty = new(
        0, Instant.FromUnixSeconds(0), Timetable.Empty, Timetable.Empty, FleetNeeds.None, IdMap<NetworkMap>.Empty, IdMap<Identity>.Empty,
        IdMap<ApplicationPolicy>.Empty, IdMap<Rule>.Empty, IdMap<OwnerPolicy>.Empty, IdMap<Appearance>.Empty, FleetNames.Empty, 0);

    private readonly IdMap<NetworkMap> _networks;
    private readonly IdMap<Identity> _identities;
    private readonly IdMap<ApplicationPolicy> _applications;
    private readonly IdMap<Rule> _rules;
    private readonly IdMap<OwnerPolicy> _owners;
    private readonly IdMap<Appearance> _appearances;
    private readonly FleetNames _names;
    private readonly int _egressId;

    private readonly Timetable _timetable;
    private readonly Timetable _aging;
    private readonly FleetNeeds _needs;

    private FleetModel(
        int epoch,
        Instant asOf,
        Timetable timetable,
        Timetable aging,
        in FleetNeeds needs,
        IdMap<NetworkMap> networks,
        IdMap<Identity> identities,
        IdMap<ApplicationPolicy> applications,
        IdMap<Rule> rules,
        IdMap<OwnerPolicy> owners,
        IdMap<Appearance> appearances,
        FleetNames names,
        int egressId)
    {
        Epoch = epoch;
        AsOf = asOf;
        _timetable = timetable;
        _aging = aging;
        _needs = needs;
        _networks = networks;
        _identities = identities;
        _applications = applications;
        _rules = rules;
        _owners = owners;
        _appearances = appearances;
        _names = names;
        _egressId = egressId;
    }

    /// <summary>Rises by one with every change.</summary>
    public int Epoch { get; }

    /// <summary>The time by which rules are in force or not: of the last change.</summary>
    public Instant AsOf { get; }

    /// <summary>When <see cref="At"/> has something to do next; <see cref="Instant.Never"/> for never.</summary>
    public Instant NextChange => Instant.Min(
        Instant.Min(_timetable.Next, _aging.Next), _needs.Volumes > 0 ? CalendarDays.NextMidnight(AsOf) : Instant.Never);

    /// <summary>The rules that <see cref="At"/> is going to bring into force or out of it.</summary>
    public IEnumerable<int> RulesDue(Instant now) => _timetable.Due(now);

    /// <summary>The identities of which a fact stops to count for some rule.</summary>
    public IEnumerable<int> IdentitiesDue(Instant now) => _aging.Due(now);

    /// <summary>Whether any rule looks at the tunnel of who sends.</summary>
    public bool LooksAtTunnels => _needs.TunnelRules > 0;

    /// <summary>Whether any rule or identity has a limit.</summary>
    public bool HasLimits => _needs.Limits > 0;

    public int IdentityCount => _identities.Count;

    /// <summary>By rising id, as are the other three.</summary>
    public IEnumerable<Identity> Identities => _identities.All();

    public IEnumerable<Network> Networks => _networks.All().Where(map => map.Network is not null).Select(map => map.Network!);

    public IEnumerable<Application> Applications =>
        _applications.All().Where(policy => policy.Application is not null).Select(policy => policy.Application!);

    public IEnumerable<Rule> Rules => _rules.All();

    public IEnumerable<Appearance> Appearances => _appearances.All();

    /// <summary>What lies beyond the gateway host; null while no application is there.</summary>
    public Identity? Egress => _egressId == 0 ? null : Identity(_egressId);

    public Network? Network(int id) => _networks.Find(id)?.Network;

    public Identity? Identity(int id) => _identities.Find(id);

    public Application? Application(int id) => _applications.Find(id)?.Application;

    public Rule? Rule(int id) => _rules.Find(id);

    /// <summary>Who carries an address inside one network: the identity whose own it is, else the site with the longest subnet around it.</summary>
    public Identity? IdentityAt(int networkId, IpAddress address) =>
        _networks.Find(networkId) is { } map ? _identities.Find(map.OwnerOf(address)) : null;

    /// <summary>
    /// Who is meant by an address that a member of the network writes to: somebody of that network, or of the one whose services appear
    /// there. Nobody where guests appear: they are answered, not called. An address of the network's own that nobody has is nobody's: the
    /// whole internet may appear in a network, and its unused and broadcast addresses are not there.
    /// </summary>
    public Place Resolve(int networkId, IpAddress address)
    {
        if (_networks.Find(networkId) is not { Network: not null } map)
        {
            return default;
        }

        if (map.OwnerOf(address) is not 0 and var own)
        {
            return new Place(_identities.Find(own), address);
        }

        return !map.IsOwn(address) && map.Appearances.At(AppearanceKind.Service, address) is { IsShared: false } service && service.Inside(address) is var inside
            ? new Place(IdentityAt(service.HomeId, inside), inside)
            : default;
    }

    /// <summary>As who somebody who sends from an address of network <paramref name="homeId"/> is seen in another one; null where he cannot be.</summary>
    public IpAddress? GuestAddress(int networkId, int homeId, IpAddress source, out bool isShared)
    {
        var guest = _networks.Find(networkId)?.Appearances.Of(AppearanceKind.Guest, homeId, source);
        isShared = guest?.IsShared ?? false;
        return guest?.Outside(source);
    }

    /// <summary>Whom packets of a network with this destination end at: a member, whoever offers a service there, or a guest.</summary>
    public Identity? WhoIs(int networkId, IpAddress address) =>
        Resolve(networkId, address).Carrier
        ?? (TryFindGuest(networkId, address, out var homeId, out var inside) ? IdentityAt(homeId, inside) : null);

    /// <summary>Where an address of network <paramref name="homeId"/> appears in another one for those who reach it; null where nowhere.</summary>
    public IpAddress? ServiceAddress(int networkId, int homeId, IpAddress inside) =>
        _networks.Find(networkId)?.Appearances.Of(AppearanceKind.Service, homeId, inside)?.Outside(inside);

    /// <summary>An application beyond the gateway host that means the name and that a rule in force lets the identity reach; null for none.</summary>
    public Application? EgressFor(Identity from, in Situation situation, string name)
    {
        var asker = new Asker(from, situation, AsOf);
        foreach (var policy in _owners.Find(_egressId)?.Applications ?? [])
        {
            if (NamePattern.MatchesAny(policy.Application!.Names, name) && !policy.Application.Locked
                && policy.FindDeny(asker) == 0 && policy.FindAllow(asker) != 0 && from.Leaves(policy.Application))
            {
                return policy.Application;
            }
        }

        return null;
    }

    /// <summary>What lies beyond the gateway host is reached at its own addresses, to which whoever may go there needs routes.</summary>
    public EgressWays EgressWays => _owners.Find(_egressId)?.Ways ?? EgressWays.None;

    /// <summary>Identities that are to have routes beyond the gateway host which they had not before. By rising id.</summary>
    /// <param name="changed">Those that are others than before.</param>
    public IEnumerable<int> GainingRoutes(FleetModel before, IEnumerable<int> changed)
    {
        var change = new EgressChange(before.EgressWays, EgressWays);
        var asked = change.HasNews ? changed.Concat(Identities.Where(identity => change.MayConcern(identity.Id, identity.NetworkId) && change.MayConcern(identity)).Select(identity => identity.Id)) : changed;
        return asked.Distinct().Order().Where(id => Gains(before, change, id));
    }

    /// <summary>Whether that one is among them.</summary>
    public bool GainsRoutes(FleetModel before, int identityId) => Gains(before, new EgressChange(before.EgressWays, EgressWays), identityId);

    private bool Gains(FleetModel before, EgressChange change, int id) =>
        before.Identity(id) is { } was && Identity(id) is { } now && !change.Gained(was, now, Network(now.NetworkId)).IsEmpty;

    public Appearance? Appearance(int id) => _appearances.Find(id);

    /// <summary>Whose address a guest's address is, as his own network knows it.</summary>
    public bool TryFindGuest(int networkId, IpAddress address, out int homeId, out IpAddress inside)
    {
        if (_networks.Find(networkId)?.Appearances.At(AppearanceKind.Guest, address) is { IsShared: false } guest)
        {
            (homeId, inside) = (guest.HomeId, guest.Inside(address));
            return true;
        }

        (homeId, inside) = (0, default);
        return false;
    }

    /// <summary>Whether several guests have this address of a network, whose ports tell them apart.</summary>
    public bool IsSharedGuest(int networkId, IpAddress address) =>
        _networks.Find(networkId)?.Appearances.At(AppearanceKind.Guest, address) is { IsShared: true };

    /// <summary>
    /// Whether the identity may send from the address. A longer subnet or an own address of somebody else inside a site's subnet is not the site's.
    /// </summary>
    public bool Owns(int identityId, IpAddress address) =>
        _identities.Find(identityId) is { } identity && _networks.Find(identity.NetworkId) is { } map && map.OwnerOf(address) == identityId;

    /// <summary>
    /// Whether <paramref name="from"/> may open a flow to <paramref name="destination"/>, which <paramref name="to"/> carries in its own
    /// network (<see cref="Resolve"/>; null for nobody). Of several applications the most specific target is asked first, then the lowest id;
    /// the first one that a rule allows decides, unless one of them is locked or a rule denies it. The cost depends on the sender's groups and labels and on
    /// the applications at that very address, never on rules that lead elsewhere. What a quarantine does not leave is passed over.
    /// </summary>
    /// <param name="situation">Of the sender's tunnel.</param>
    /// <param name="names">Which names the sender was told this destination for; applications of names ask for it.</param>
    public Decision Decide(
        Identity from, Identity? to, IpAddress destination, IpProtocol protocol, ushort port, in Situation situation, in TiedNames names = default)
    {
        if (!from.Active)
        {
            return Decision.Deny(DropReason.IdentityNotActive);
        }

        if (to is null)
        {
            return Decision.Deny(DropReason.NotRouted);
        }

        if (to.Id == from.Id)
        {
            return Decision.Deny(DropReason.ToItself);
        }

        if (!to.Active)
        {
            return Decision.Deny(DropReason.IdentityNotActive);
        }

        if (_owners.Find(to.Id) is not { } owner)
        {
            return Decision.Deny(DropReason.NoApplication);
        }

        var asker = new Asker(from, situation, AsOf);
        var (allowed, quarantined, deniedApplication, unnamed) = (default(Decision), default(Decision), 0, 0);
        foreach (var length in owner.LengthsFor(destination))
        {
            foreach (var policy in owner.At(destination, length))
            {
                if (policy.Application!.NetworkId != to.NetworkId || !policy.Serves(protocol, port))
                {
                    continue;
                }

                if (!policy.Covers(to, destination, names))
                {
                    unnamed = unnamed == 0 && policy.MayCover(destination) && policy.FindAllow(asker) != 0 ? policy.Application.Id : unnamed;
                    continue;
                }

                if (policy.Application.Locked)
                {
                    return Decision.Deny(DropReason.ApplicationLocked, policy.Application.Id);
                }

                if (policy.FindDeny(asker) is not 0 and var deny)
                {
                    return Decision.Deny(DropReason.RuleDenies, policy.Application.Id, deny);
                }

                if (!allowed.Allowed && policy.FindAllow(asker) is not 0 and var allow)
                {
                    if (from.Leaves(policy.Application) && to.Leaves(policy.Application))
                    {
                        allowed = Decision.Allow(allow, policy.Application.Id);
                    }
                    else if (quarantined == default)
                    {
                        quarantined = Decision.Deny(DropReason.Quarantined, policy.Application.Id, allow);
                    }
                }

                deniedApplication = deniedApplication == 0 ? policy.Application.Id : deniedApplication;
            }
        }

        if (allowed.Allowed)
        {
            return allowed;
        }

        return quarantined != default ? quarantined
            : unnamed != 0 ? Decision.Deny(DropReason.NameNotAsked, unnamed)
            : deniedApplication == 0
            ? Decision.Deny(DropReason.NoApplication)
            : Decision.Deny(DropReason.NoRule, deniedApplication);
    }

    /// <summary>The same question for a person: what decides, or what is missing.</summary>
    public Explanation Explain(
        int fromId, in Situation situation, IpAddress destination, IpProtocol protocol, ushort port, in TiedNames names = default)
    {
        var explanation = new Explanation
        {
            Kind = ExplanationKind.SenderUnknown,
            Decision = Decision.Deny(DropReason.IdentityNotActive),
            Destination = destination,
            Protocol = protocol,
            Port = port,
        };
        if (Identity(fromId) is not { } from)
        {
            return explanation;
        }

        var (to, inside) = Resolve(from.NetworkId, destination);
        var decision = Decide(from, to, inside, protocol, port, situation, names);
        explanation = explanation with { From = from, To = to, Inside = inside, Decision = decision, Application = Application(decision.ApplicationId) };
        if (decision.Allowed)
        {
            return explanation with { Kind = ExplanationKind.Allowed, Rule = Rule(decision.RuleId) };
        }

        if (decision.Reason == DropReason.ApplicationLocked)
        {
            return explanation with { Kind = ExplanationKind.ApplicationLocked };
        }

        if (decision.Reason is DropReason.RuleDenies or DropReason.Quarantined)
        {
            var kind = decision.Reason == DropReason.RuleDenies ? ExplanationKind.RuleDenies : ExplanationKind.Quarantined;
            return explanation with { Kind = kind, Rule = Rule(decision.RuleId) };
        }

        if (!from.Active)
        {
            return explanation with { Kind = ExplanationKind.SenderNotActive };
        }

        if (to is null)
        {
            return explanation with { Kind = ExplanationKind.NotRouted };
        }

        if (to.Id == from.Id)
        {
            return explanation with { Kind = ExplanationKind.ToItself };
        }

        if (!to.Active)
        {
            return explanation with { Kind = ExplanationKind.TargetNotActive };
        }

        if (decision.Reason == DropReason.NameNotAsked)
        {
            return explanation with { Kind = ExplanationKind.NameNotAsked };
        }

        if (explanation.Application is null)
        {
            var candidates = (_owners.Find(to.Id) ?? OwnerPolicy.Empty).Applications
                .Select(policy => policy.Application!)
                .Where(application => application.NetworkId == to.NetworkId && application.Target.Contains(inside))
                .ToImmutableArray();
            return explanation with
            {
                Kind = candidates.IsEmpty ? ExplanationKind.NoApplicationAtAddress : ExplanationKind.NoApplicationAtPort,
                Candidates = candidates,
            };
        }

        var rules = _applications.Find(explanation.Application.Id)!.Rules.RemoveAll(rule => rule.Effect == RuleEffect.Deny);
        return WhyNone(explanation with { OtherRules = rules }, new Asker(from, situation, AsOf), to.NetworkId);
    }

    /// <summary>None of the rules that lead to the application allows it: the nearest is one that speaks of the sender.</summary>
    private static Explanation WhyNone(Explanation explanation, Asker asker, int networkId)
    {
        var about = explanation.OtherRules.Where(rule => new SubjectIndex([rule with { Conditions = RuleConditions.None }], networkId).FindRule(asker) != 0).ToList();
        if (about.Find(rule => rule.Time.IsInForce(asker.AsOf)) is { } conditioned)
        {
            return explanation with { Kind = ExplanationKind.ConditionNotMet, Rule = conditioned, Unmet = conditioned.Conditions.FirstUnmet(asker) };
        }

        return about.Count > 0 ? explanation with { Kind = ExplanationKind.NotInForce, Rule = about[0], Unmet = about[0].Conditions.FirstUnmet(asker) }
            : explanation with { Kind = explanation.OtherRules.IsEmpty ? ExplanationKind.NoRule : ExplanationKind.SubjectDoesNotMatch };
    }

    /// <summary>The next model. Costs what the change touches: an identity its path in the indexes, an application or rule the applications of its owner.</summary>
    public FleetModel With(FleetChange change) => With(change, AsOf);

    /// <summary>The same at a later time: rules have come into force and gone out of it. Time never runs backwards.</summary>
    public FleetModel With(FleetChange change, Instant now) => new FleetEdit(this, now < AsOf ? AsOf : now).Apply(change);

    /// <summary>The model at a later time; this one as long as <see cref="NextChange"/> has not come.</summary>
    public FleetModel At(Instant now) => now < NextChange ? this : With(new FleetChange(), now);

    /// <summary>
    /// True where no flow between these identities can be judged differently by <paramref name="next"/>: then it need not be judged at all.
    /// </summary>
    internal bool JudgesAlike(FleetModel next, int networkId, int fromId, int toId) =>
        Same(_identities, next._identities, fromId)
        && Same(_identities, next._identities, toId)
        && Same(_owners, next._owners, toId)
        && Same(_networks, next._networks, networkId)
        && (Identity(toId) is not { } to || to.NetworkId == networkId || Same(_networks, next._networks, to.NetworkId));

    private static bool Same<T>(IdMap<T> before, IdMap<T> after, int id)
        where T : class => ReferenceEquals(before, after) || ReferenceEquals(before.Find(id), after.Find(id));

    /// <summary>One change being applied. Collects what each index must look like, then builds each touched part once.</summary>
    private sealed class FleetEdit(FleetModel from, Instant now)
    {
        private readonly IdMap<NetworkMap>.Editor _networks = from._networks.Edit();
        private readonly IdMap<Identity>.Editor _identities = from._identities.Edit();
        private readonly IdMap<ApplicationPolicy>.Editor _applications = from._applications.Edit();
        private readonly IdMap<Rule>.Editor _rules = from._rules.Edit();
        private readonly IdMap<OwnerPolicy>.Editor _owners = from._owners.Edit();
        private readonly IdMap<Appearance>.Editor _appearances = from._appearances.Edit();
        private readonly FleetNames.Editor _names = from._names.Edit();

        private Timetable _timetable = from._timetable;
        private FleetNeeds _needs = from._needs;
        private int _egressId = from._egressId;

        /// <summary>Identities whose facts are others than before.</summary>
        private readonly HashSet<int> _reported = [.. from._aging.Due(now)];

        // Sorted, so that what is built does not depend on hash codes.
        private readonly SortedDictionary<int, NetworkMap.Editor> _touchedNetworks = [];
        private readonly SortedDictionary<int, TouchedApplication> _touchedApplications = [];
        private readonly SortedDictionary<int, SortedSet<int>> _touchedOwners = [];

        public FleetModel Apply(FleetChange change)
        {
            foreach (var id in from._timetable.Due(now))
            {
                Reschedule(from.Rule(id)!);
            }

            foreach (var id in _reported)
            {
                // Another object, so that its flows are judged again.
                _identities.Set(id, _identities.Find(id)! with { });
            }

            Remove(change);
            Upsert(change);
            foreach (var (id, application) in _touchedApplications)
            {
                TouchOwner(application.Application)?.Add(id);
                var empty = application.Application is null && application.Rules.Count == 0;
                _applications.Set(id, empty ? null : new ApplicationPolicy(application.Application, [.. application.Rules.Values], now));
            }

            foreach (var (id, applications) in _touchedOwners)
            {
                var policies = applications.Select(application => _applications.Find(application)!).ToImmutableArray();
                _owners.Set(id, policies.IsEmpty ? null : new OwnerPolicy(policies));
            }

            foreach (var (id, editor) in _touchedNetworks)
            {
                var map = editor.Done();
                _networks.Set(id, map.IsEmpty ? null : map);
            }

            var identities = _identities.Done();
            return new FleetModel(
                from.Epoch + 1, now, _timetable, Aging(identities), _needs, _networks.Done(), identities, _applications.Done(), _rules.Done(), _owners.Done(),
                _appearances.Done(), _names.Done(), _egressId);
        }

        /// <summary>When which identity's facts stop to count. An age that no rule knew before concerns everybody.</summary>
        private Timetable Aging(IdMap<Identity> identities)
        {
            var aging = from._aging;
            var all = !_needs.Ages.Keys.SequenceEqual(from._needs.Ages.Keys);
            foreach (var id in all ? identities.All().Where(identity => !identity.Posture.IsEmpty).Select(identity => identity.Id).Union(_reported) : _reported)
            {
                aging = aging.With(id, identities.Find(id) is { } identity ? NextAging(identity) : Instant.Never);
            }

            return aging;
        }

        private Instant NextAging(Identity identity)
        {
            var next = Instant.Never;
            foreach (var fact in identity.Posture)
            {
                foreach (var age in _needs.Ages.Keys)
                {
                    next = fact.At + age > now ? Instant.Min(next, fact.At + age) : next;
                }
            }

            return next;
        }

        private void Remove(FleetChange change)
        {
            foreach (var id in change.RemovedRules)
            {
                ReplaceRule(id, null);
            }

            foreach (var id in change.RemovedAppearances)
            {
                ReplaceAppearance(id, null);
            }

            foreach (var id in change.RemovedApplications)
            {
                ReplaceApplication(id, null);
            }

            foreach (var id in change.RemovedIdentities)
            {
                ReplaceIdentity(id, null);
            }

            foreach (var id in change.RemovedNetworks)
            {
                ReplaceNetwork(id, null);
            }
        }

        private void Upsert(FleetChange change)
        {
            foreach (var network in change.Networks)
            {
                ReplaceNetwork(network.Id, network);
            }

            foreach (var identity in change.Identities)
            {
                ReplaceIdentity(identity.Id, identity);
            }

            foreach (var appearance in change.Appearances)
            {
                ReplaceAppearance(appearance.Id, appearance);
            }

            foreach (var application in change.Applications)
            {
                ReplaceApplication(application.Id, application);
            }

            foreach (var rule in change.Rules)
            {
                ReplaceRule(rule.Id, rule);
            }
        }

        private void ReplaceNetwork(int id, Network? next)
        {
            var editor = TouchNetwork(id);
            _names.Replace(editor.Network, next);
            editor.Network = next;
        }

        private void ReplaceIdentity(int id, Identity? next)
        {
            var old = id > 0 ? _identities.Find(id) : null;
            _names.Replace(old, next);
            _egressId = next is { IsEgress: true } ? id : id == _egressId ? 0 : _egressId;
            // Most changes of an identity leave its addresses alone: then the network's map stays the same object.
            if (!SamePlace(old, next))
            {
                if (old is not null)
                {
                    TouchNetwork(old.NetworkId).Remove(old);
                }

                if (next is not null)
                {
                    TouchNetwork(next.NetworkId).Add(next);
                }
            }

            if (old is { Posture.IsEmpty: false } || next is { Posture.IsEmpty: false })
            {
                _reported.Add(id);
            }

            _needs = _needs.Instead(old, next);
            if (old is not null || next is not null)
            {
                _identities.Set(id, next);
            }
        }

        private static bool SamePlace(Identity? a, Identity? b) =>
            a is null || b is null
                ? a is null && b is null
                : a.NetworkId == b.NetworkId && a.AddressV4 == b.AddressV4 && a.AddressV6 == b.AddressV6
                    && a.Subnets.AsSpan().SequenceEqual(b.Subnets.AsSpan());

        private void ReplaceAppearance(int id, Appearance? next)
        {
            var old = id > 0 ? _appearances.Find(id) : null;
            if (old is not null)
            {
                TouchNetwork(old.NetworkId).Appearances.Remove(old);
            }

            if (next is not null)
            {
                TouchNetwork(next.NetworkId).Appearances.Add(next);
            }

            if (old is not null || next is not null)
            {
                _appearances.Set(id, next);
            }
        }

        private void ReplaceApplication(int id, Application? next)
        {
            if (id <= 0)
            {
                return;
            }

            var touched = TouchApplication(id);
            TouchOwner(touched.Application)?.Remove(id);
            _names.Replace(touched.Application, next);
            touched.Application = next;
        }

        private void ReplaceRule(int id, Rule? next)
        {
            var old = id > 0 ? _rules.Find(id) : null;
            foreach (var application in Targets(old))
            {
                TouchApplication(application).Rules.Remove(id);
            }

            _timetable = _timetable.With(id, Instant.Never);
            _needs = _needs.Instead(old, next);
            if (next is not null)
            {
                foreach (var application in Targets(next))
                {
                    TouchApplication(application).Rules[id] = next;
                }

                Reschedule(next);
            }

            if (old is not null || next is not null)
            {
                _rules.Set(id, next);
            }
        }

        /// <summary>Its applications are going to be built anew, with what is in force now.</summary>
        private void Reschedule(Rule rule)
        {
            _timetable = _timetable.With(rule.Id, rule.Time.NextChange(now));
            foreach (var application in Targets(rule))
            {
                TouchApplication(application);
            }
        }

        private static IEnumerable<int> Targets(Rule? rule) => rule is null ? [] : rule.ApplicationIds.Where(id => id > 0);

        private NetworkMap.Editor TouchNetwork(int id)
        {
            if (!_touchedNetworks.TryGetValue(id, out var editor))
            {
                editor = (_networks.Find(id) ?? NetworkMap.Empty).Edit();
                _touchedNetworks.Add(id, editor);
            }

            return editor;
        }

        private TouchedApplication TouchApplication(int id)
        {
            if (!_touchedApplications.TryGetValue(id, out var touched))
            {
                var policy = _applications.Find(id);
                touched = new TouchedApplication { Application = policy?.Application };
                foreach (var rule in policy?.Rules ?? [])
                {
                    touched.Rules.Add(rule.Id, rule);
                }

                _touchedApplications.Add(id, touched);
            }

            return touched;
        }

        /// <summary>The ids of the applications that their owner is going to have.</summary>
        private SortedSet<int>? TouchOwner(Application? application)
        {
            if (application is null || application.OwnerId <= 0)
            {
                return null;
            }

            if (!_touchedOwners.TryGetValue(application.OwnerId, out var ids))
            {
                ids = [.. (_owners.Find(application.OwnerId) ?? OwnerPolicy.Empty).Applications.Select(policy => policy.Application!.Id)];
                _touchedOwners.Add(application.OwnerId, ids);
            }

            return ids;
        }

        private sealed class TouchedApplication
        {
            public Application? Application { get; set; }

            public SortedDictionary<int, Rule> Rules { get; } = [];
        }
    }
}
