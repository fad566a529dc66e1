using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>
/// Where policy has to be asked so that all of it is known: cuts every application into parts in which one answer holds for all
/// (<see cref="ReachCell"/>), and knows to which applications rules may lead an identity. Says nothing about who may: that the model decides.
/// Holds for its fleet at every time, because the clock changes rules and nothing else. For one thread.
/// </summary>
public sealed class ReachMap
{
    private readonly FleetModel _model;
    private readonly Dictionary<int, Application[]> _byOwner;
    private readonly Dictionary<Subject, List<int>> _bySubject = [];
    private readonly Dictionary<int, List<Rule>> _byApplication = [];
    private readonly Dictionary<int, IpPrefix[]> _placesOfNetwork = [];
    private readonly Dictionary<int, ImmutableArray<ReachCell>> _cells = [];

    public ReachMap(FleetModel model)
    {
        _model = model;
        _byOwner = model.Applications.GroupBy(application => application.OwnerId).ToDictionary(group => group.Key, group => group.ToArray());
        foreach (var rule in model.Rules)
        {
            foreach (var id in rule.ApplicationIds)
            {
                Add(_byApplication, id, rule);
                if (rule.Effect == RuleEffect.Allow && model.Application(id) is { } application)
                {
                    Add(_bySubject, SubjectOf(rule, application), application.Id);
                }
            }
        }
    }

    /// <summary>Those to which a rule that allows, in force or not, leads this identity, by rising id. It may reach no other.</summary>
    public IReadOnlyList<Application> ApplicationsFor(Identity from)
    {
        var ids = new SortedSet<int>();
        foreach (var subject in SubjectsOf(from))
        {
            ids.UnionWith(_bySubject.GetValueOrDefault(subject, []));
        }

        return [.. ids.Select(_model.Application).OfType<Application>()];
    }

    public Application? ApplicationOf(int id) => _model.Application(id);

    /// <summary>Empty where its owner carries nothing of it.</summary>
    public ImmutableArray<ReachCell> CellsOf(Application application)
    {
        if (!_cells.TryGetValue(application.Id, out var cells))
        {
            _cells[application.Id] = cells = [.. PartsOf(application).SelectMany(place => CellsAt(application, place.Prefix, place.Example))];
        }

        return cells;
    }

    /// <summary>All rules that lead to an application, of whatever effect, in force or not.</summary>
    public IReadOnlyList<Rule> RulesOf(int applicationId) => _byApplication.GetValueOrDefault(applicationId, []);

    /// <summary>Those of the same owner that share addresses with it, itself among them.</summary>
    public IEnumerable<Application> Beside(Application application) =>
        _byOwner.GetValueOrDefault(application.OwnerId, [])
            .Where(other => other.NetworkId == application.NetworkId && other.Target.Overlaps(application.Target));

    /// <summary>Everything by which a rule may speak of it, as <see cref="SubjectOf"/> has it.</summary>
    public static IEnumerable<Subject> SubjectsOf(Identity identity) =>
    [
        new Subject(KindOf(identity.Kind), identity.Id, ""),
        .. identity.Groups.Select(group => new Subject(SubjectKind.Group, 0, group) { NetworkId = identity.NetworkId }),
        .. identity.Labels.Select(label => new Subject(SubjectKind.Label, 0, label) { NetworkId = identity.NetworkId }),
        .. identity.Kind == IdentityKind.Host ? [] : (Subject[])[new Subject(SubjectKind.Network, 0, "") { NetworkId = identity.NetworkId }],
    ];

    /// <summary>
    /// Whom a rule speaks of, with the network whose members are meant; none for a single identity. Of a selector of several labels the
    /// first: more may have it than the rule speaks of.
    /// </summary>
    public static Subject SubjectOf(Rule rule, Application application) => rule.Subject.Kind is SubjectKind.Group or SubjectKind.Label or SubjectKind.Network
        ? rule.Subject with
        {
            NetworkId = rule.Subject.NetworkId == 0 ? application.NetworkId : rule.Subject.NetworkId,
            Name = rule.Subject.Kind == SubjectKind.Label ? LabelSelector.Read(rule.Subject.Name)[0] : rule.Subject.Name,
        }
        : rule.Subject with { NetworkId = 0 };

    /// <summary>Those whose members may reach applications of the network: itself, and where its services appear.</summary>
    public IReadOnlySet<int> NetworksAround(int networkId) => _model.Appearances
        .Where(one => one.Kind == AppearanceKind.Service && one.HomeId == networkId).Select(one => one.NetworkId).Append(networkId).ToHashSet();

    private static SubjectKind KindOf(IdentityKind kind) => kind switch
    {
        IdentityKind.Device => SubjectKind.Device,
        IdentityKind.Site => SubjectKind.Site,
        IdentityKind.Host => SubjectKind.Host,
        _ => throw new InvariantException("every kind of identity can be a subject"),
    };

    private static void Add<TKey, TValue>(Dictionary<TKey, List<TValue>> lists, TKey key, TValue value)
        where TKey : notnull
    {
        if (!lists.TryGetValue(key, out var list))
        {
            lists[key] = list = [];
        }

        list.Add(value);
    }

    /// <summary>Prefixes of the target that are carried by the owner, each with an address that lies in none of the narrower ones.</summary>
    private IEnumerable<(IpPrefix Prefix, IpAddress Example)> PartsOf(Application application)
    {
        var open = new Stack<Part>();
        foreach (var prefix in InnerPrefixes(application).Prepend(application.Target))
        {
            while (open.TryPeek(out var around) && !around.Prefix.Contains(prefix))
            {
                if (Finish(open.Pop(), application) is { } place)
                {
                    yield return place;
                }
            }

            if (open.TryPeek(out var outer))
            {
                outer.Cover(prefix);
            }

            open.Push(new Part(prefix));
        }

        while (open.TryPop(out var left))
        {
            if (Finish(left, application) is { } place)
            {
                yield return place;
            }
        }
    }

    private (IpPrefix Prefix, IpAddress Example)? Finish(Part place, Application application) =>
        place.Free is { } example && _model.IdentityAt(application.NetworkId, example)?.Id == application.OwnerId ? (place.Prefix, example) : null;

    /// <summary>What may be decided otherwise inside the target: narrower applications of the owner, and addresses of others. By address, the wider first.</summary>
    private IEnumerable<IpPrefix> InnerPrefixes(Application application)
    {
        var target = application.Target;
        if (target.Length == target.Network.BitLength)
        {
            return [];
        }

        var narrower = _byOwner[application.OwnerId].Where(other => other.NetworkId == application.NetworkId).Select(other => other.Target);
        var places = PlacesOfNetwork(application.NetworkId);
        var first = Array.BinarySearch(places, target, PrefixOrder.Instance);
        return narrower.Concat(places.Skip(first < 0 ? ~first : first).TakeWhile(place => place.First <= target.Last))
            .Where(prefix => prefix.Length > target.Length && target.Contains(prefix))
            .Distinct().Order(PrefixOrder.Instance);
    }

    private IpPrefix[] PlacesOfNetwork(int networkId)
    {
        if (!_placesOfNetwork.TryGetValue(networkId, out var places))
        {
            // Where only a part of the network appears in another one, that part may be decided otherwise for members of the other one.
            var shown = _model.Appearances.Where(one => one.Kind == AppearanceKind.Service && one.HomeId == networkId).Select(one => one.Of);
            places =
            [
                .. _model.Identities.Where(identity => identity.NetworkId == networkId).SelectMany(PlacesOf).Concat(shown).Distinct().Order(PrefixOrder.Instance),
            ];
            _placesOfNetwork.Add(networkId, places);
        }

        return places;
    }

    private static IEnumerable<IpPrefix> PlacesOf(Identity identity)
    {
        if (identity.AddressV4 is { } v4)
        {
            yield return IpPrefix.Host(v4);
        }

        if (identity.AddressV6 is { } v6)
        {
            yield return IpPrefix.Host(v6);
        }

        foreach (var subnet in identity.Subnets)
        {
            yield return subnet;
        }
    }

    private IEnumerable<ReachCell> CellsAt(Application application, IpPrefix prefix, IpAddress example)
    {
        var services = _byOwner[application.OwnerId]
            .Where(other => other.Id != application.Id && other.NetworkId == application.NetworkId && other.Target.Contains(prefix) && Decides(other))
            .SelectMany(other => other.Services).ToList();
        if (application.Services.Any(service => IsEcho(service.Protocol)))
        {
            yield return new ReachCell(prefix, example, example.IsV4 ? IpProtocol.Icmp : IpProtocol.IcmpV6, 0, 0);
        }

        foreach (var protocol in (IpProtocol[])[IpProtocol.Tcp, IpProtocol.Udp])
        {
            var offered = application.Services.Where(service => service.Protocol == protocol).ToList();
            // A range begins at each port at which one of the services begins, or another has ended.
            var cuts = services.Where(service => service.Protocol == protocol).Concat(offered)
                .SelectMany(service => (int[])[service.FromPort, service.ToPort + 1]).Distinct().Order().ToArray();
            for (var i = 0; i + 1 < cuts.Length; i++)
            {
                if (offered.Exists(service => cuts[i] >= service.FromPort && cuts[i] <= service.ToPort))
                {
                    yield return new ReachCell(prefix, example, protocol, (ushort)cuts[i], (ushort)(cuts[i + 1] - 1));
                }
            }
        }
    }

    /// <summary>An application without rules allows and denies nothing.</summary>
    private bool Decides(Application application) => application.Locked || _byApplication.ContainsKey(application.Id);

    private static bool IsEcho(IpProtocol protocol) => protocol is IpProtocol.Icmp or IpProtocol.IcmpV6;

    /// <summary>A prefix, and the first of its addresses that no narrower one covers. Narrower ones come by address.</summary>
    private sealed class Part(IpPrefix prefix)
    {
        private IpAddress? _next = prefix.First;

        public IpPrefix Prefix => prefix;

        /// <summary>Null where narrower prefixes cover all.</summary>
        public IpAddress? Free { get; private set; } = prefix.First;

        public void Cover(IpPrefix narrower)
        {
            if (_next == narrower.First)
            {
                Free = _next = narrower.Last == prefix.Last ? null : new IpAddress(narrower.Last.Bits + 1);
            }
            else
            {
                // What lies before it is free, and nothing that comes later covers it.
                _next = null;
            }
        }
    }

    private sealed class PrefixOrder : IComparer<IpPrefix>
    {
        public static readonly PrefixOrder Instance = new();

        public int Compare(IpPrefix a, IpPrefix b) => a.First == b.First ? a.Length.CompareTo(b.Length) : a.First.CompareTo(b.First);
    }
}
