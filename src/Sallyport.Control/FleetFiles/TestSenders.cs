using System.Globalization;
using Sallyport.Api.Nodes;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Control.Policies;
using Sallyport.Core.Policy;

namespace Sallyport.Control.FleetFiles;

/// <summary>Who tries to reach something in a test.</summary>
/// <param name="Each">Of those about whom every rule decides alike two stand for all: one may be the very one that is to be reached.</param>
/// <param name="Count">Of all.</param>
internal sealed record TestedSenders(IReadOnlyList<IdentityRow> Each, int Count)
{
    public static readonly TestedSenders None = new([], 0);

    public IEnumerable<int> Networks => Each.Select(sender => sender.NetworkId).Distinct();
}

/// <summary>
/// From the "from" of tests to identities. Of a group, a label or a network: everybody whom it means, and somebody of whom nothing else is known, so that
/// a test says something before the first device is there.
/// </summary>
internal sealed class TestSenders(Change change, FleetState state)
{
    private readonly SenderClasses classes = new(state);
    private readonly Dictionary<int, TestMembers> members = [];
    private readonly Dictionary<(int NetworkId, string Kind, string Name), TestedSenders> known = [];
    private readonly List<IdentityModel> imagined = [];
    private readonly int lastId = state.Identities.Keys.DefaultIfEmpty().Max();

    /// <summary>Those who are in no store.</summary>
    public IReadOnlyList<IdentityModel> Imagined => imagined;

    /// <summary>Never empty but after adding a problem.</summary>
    public TestedSenders Of(FileTest test, IReadOnlyList<TestTarget> targets, ProblemList found)
    {
        var colon = test.From.IndexOf(':', StringComparison.Ordinal);
        var (kind, name) = colon < 0 ? ("", "") : (test.From[..colon], test.From[(colon + 1)..]);
        var home = targets.Select(target => target.NetworkId).OfType<int>().Select(id => state.Networks[id]).FirstOrDefault(one => one.Name != Egress.Name);
        if (kind is "device" or "site")
        {
            return Member(kind, name, Said(test) ?? home?.Name ?? test.Network, found);
        }

        if (kind is not (HostIdentity.Kind or "group" or "label" or "network"))
        {
            OwnerInput.Read(change.Sql, test.From, "from", found);
            return TestedSenders.None;
        }

        if (kind == "group")
        {
            Label.Check(name, "from", found);
        }
        else if (kind == "label")
        {
            name = RuleSubject.ReadLabels(name, "from", found);
        }

        if (found.Any)
        {
            return TestedSenders.None;
        }

        var network = kind is HostIdentity.Kind or "network" ? Lookup.Network(change.Sql, name).OrProblem("from", found)
            : Lookup.Network(change.Sql, Said(test) ?? home?.Name ?? test.Network).OrProblem("network", found);
        return network is null ? TestedSenders.None : Many(network, kind, name);
    }

    /// <summary>The network that the test itself names; for a group or a label of another network than its destination's.</summary>
    private static string? Said(FileTest test) => test.Node.Find("network") is null ? null : test.Network;

    private TestedSenders Member(string kind, string name, string? near, ProblemList found)
    {
        var local = near is null || name.Contains('.', StringComparison.Ordinal) ? [] : IdentityRow.FindByName(change.Sql, kind, name, near);
        var one = local is [var only] ? only : Lookup.Identity(change.Sql, kind, name).OrProblem("from", found);
        return one is null ? TestedSenders.None : new TestedSenders([one], 1);
    }

    private TestedSenders Many(NetworkRow network, string kind, string name)
    {
        if (!known.TryGetValue((network.Id, kind, name), out var senders))
        {
            known[(network.Id, kind, name)] = senders = kind == HostIdentity.Kind
                ? new TestedSenders([HostIdentity.Find(change.Sql, network) ?? Imagine(network, kind, network.Name, [], [])], 1)
                : AllOf(Anybody(network, kind, name), MembersOf(network).Of(kind, name));
        }

        return senders;
    }

    private TestedSenders AllOf(IdentityRow anybody, IReadOnlyList<IdentityRow> rows) =>
        new([anybody, .. rows.GroupBy(row => classes.Of(state.Identities[row.Id])).SelectMany(alike => alike.Take(2))], rows.Count + 1);

    private TestMembers MembersOf(NetworkRow network)
    {
        if (!members.TryGetValue(network.Id, out var all))
        {
            members[network.Id] = all = new TestMembers(
                IdentityRow.InNetwork(change.Sql, network.Id).Where(row => row.Kind != HostIdentity.Kind && row.State != IdentityStates.Retired), state);
        }

        return all;
    }

    private IdentityRow Anybody(NetworkRow network, string kind, string name) => kind switch
    {
        "group" => Imagine(network, "device", $"any in group {name}", [name], []),
        "label" => Imagine(
            network, "device", $"any with label {name}", [],
            LabelSelector.Read(name).Select(label => label.Split('=', 2)).DistinctBy(label => label[0]).ToDictionary(label => label[0], label => label[1])),
        _ => Imagine(network, "device", $"any of network {network.Name}", [], []),
    };

    private IdentityRow Imagine(NetworkRow network, string kind, string name, IReadOnlyList<string> groups, Dictionary<string, string> labels)
    {
        var id = lastId + imagined.Count + 1;
        imagined.Add(new IdentityModel
        {
            Id = id, NetworkId = network.Id, Kind = kind, Name = name, Active = true, Subnets = [], Groups = groups, Labels = labels, Credentials = [],
        });
        return new IdentityRow { Id = id, NetworkId = network.Id, Network = network.Name, Kind = kind, Name = name, State = IdentityStates.Active };
    }
}

/// <summary>Members of one network by what tests call them.</summary>
internal sealed class TestMembers
{
    private readonly IReadOnlyList<IdentityRow> all;
    private readonly ILookup<string, IdentityRow> byGroup;
    private readonly ILookup<string, IdentityRow> byLabel;

    public TestMembers(IEnumerable<IdentityRow> rows, FleetState state)
    {
        all = [.. rows];
        byGroup = Index(row => state.Identities[row.Id].Groups);
        byLabel = Index(row => state.Identities[row.Id].Labels.Select(label => $"{label.Key}={label.Value}"));
    }

    public IReadOnlyList<IdentityRow> Of(string kind, string name) => kind switch
    {
        "group" => [.. byGroup[name]],
        "label" => [.. LabelSelector.Read(name).Select(label => byLabel[label]).Aggregate((some, others) => some.Intersect(others))],
        _ => all,
    };

    private ILookup<string, IdentityRow> Index(Func<IdentityRow, IEnumerable<string>> names) =>
        all.SelectMany(row => names(row).Select(name => (name, row))).ToLookup(pair => pair.name, pair => pair.row, StringComparer.Ordinal);
}

/// <summary>
/// Identities of one network about whom every rule decides alike: they are in the same of the groups and have the same of the labels that rules speak of,
/// and no rule names one of them alone.
/// </summary>
internal sealed class SenderClasses
{
    private readonly HashSet<int> named;
    private readonly HashSet<string> groups;
    private readonly HashSet<string> labels;

    public SenderClasses(FleetState state)
    {
        var rules = state.Rules.Values;
        named = [.. rules.Select(rule => rule.SubjectId)];
        groups = [.. rules.Where(rule => rule.SubjectKind == "group").Select(rule => rule.Subject)];
        labels = [.. rules.Where(rule => rule.SubjectKind == "label").SelectMany(rule => LabelSelector.Read(rule.Subject))];
    }

    /// <summary>Equal for who is alike.</summary>
    public string Of(IdentityModel identity) => named.Contains(identity.Id)
        ? string.Create(CultureInfo.InvariantCulture, $"{identity.Id}")
        : string.Join('\n', identity.Groups.Where(groups.Contains).Order(StringComparer.Ordinal)
            .Concat(identity.Labels.Select(label => $"{label.Key}={label.Value}").Where(labels.Contains).Order(StringComparer.Ordinal)).Prepend(""));
}
