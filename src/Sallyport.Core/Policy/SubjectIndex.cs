using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>Rules of one application and one effect, found by whom they speak of. Immutable.</summary>
internal sealed class SubjectIndex
{
    public static readonly SubjectIndex Empty = new([], 0);

    private readonly Dictionary<(SubjectKind Kind, int Id), ImmutableArray<Entry>> _identities = [];
    private readonly Dictionary<int, ImmutableArray<Entry>> _networks = [];
    private readonly Dictionary<(int NetworkId, string Name), ImmutableArray<Entry>> _groups = [];

    /// <summary>A selector of several labels is found by the one that the fewest others have.</summary>
    private readonly Dictionary<(int NetworkId, string Name), ImmutableArray<Entry>> _labels = [];
    private readonly bool _isEmpty;

    /// <param name="rules">By rising id, so that of several rules that speak of the same the lowest decides.</param>
    /// <param name="ownNetworkId">Of the application: who speaks of members of no network in particular speaks of its.</param>
    public SubjectIndex(ImmutableArray<Rule> rules, int ownNetworkId)
    {
        _isEmpty = rules.IsEmpty;
        var selectors = new List<(Rule Rule, int NetworkId, ImmutableArray<string> Labels)>();
        foreach (var rule in rules)
        {
            var networkId = rule.Subject.NetworkId == 0 ? ownNetworkId : rule.Subject.NetworkId;
            switch (rule.Subject.Kind)
            {
                // A rule whose kind is not that of the identity speaks of nobody, see FindRule.
                case SubjectKind.Device or SubjectKind.Site or SubjectKind.Host:
                    Add(_identities, (rule.Subject.Kind, rule.Subject.IdentityId), new Entry(rule, []));
                    break;
                case SubjectKind.Group:
                    Add(_groups, (networkId, rule.Subject.Name), new Entry(rule, []));
                    break;
                case SubjectKind.Label:
                    selectors.Add((rule, networkId, LabelSelector.Read(rule.Subject.Name)));
                    break;
                case SubjectKind.Network:
                    Add(_networks, networkId, new Entry(rule, []));
                    break;
                default:
                    break;
            }
        }

        AddByRarest(selectors);
    }

    /// <summary>
    /// Of the rules that speak of this identity and whose conditions hold the one with the lowest id; 0 without any. Costs what the identity
    /// has groups and labels and the rules that speak of it have conditions; of selectors of several labels also those that share the rarest
    /// of their labels with it.
    /// </summary>
    public int FindRule(in Asker asker)
    {
        if (_isEmpty)
        {
            return 0;
        }

        var from = asker.From;
        var found = Lowest(_identities, (KindOf(from), from.Id), asker, int.MaxValue);
        if (_networks.Count > 0 && from.Kind != IdentityKind.Host)
        {
            found = Lowest(_networks, from.NetworkId, asker, found);
        }

        if (_groups.Count > 0)
        {
            foreach (var group in from.Groups)
            {
                found = Lowest(_groups, (from.NetworkId, group), asker, found);
            }
        }

        if (_labels.Count > 0)
        {
            foreach (var label in from.Labels)
            {
                found = Lowest(_labels, (from.NetworkId, label), asker, found);
            }
        }

        return found == int.MaxValue ? 0 : found;
    }

    private void AddByRarest(List<(Rule Rule, int NetworkId, ImmutableArray<string> Labels)> selectors)
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var label in selectors.SelectMany(selector => selector.Labels))
        {
            counts[label] = counts.GetValueOrDefault(label) + 1;
        }

        foreach (var (rule, networkId, labels) in selectors)
        {
            var rarest = labels.MinBy(label => counts[label])!;
            Add(_labels, (networkId, rarest), new Entry(rule, labels.Remove(rarest)));
        }
    }

    private static void Add<TKey>(Dictionary<TKey, ImmutableArray<Entry>> index, TKey key, Entry entry)
        where TKey : notnull =>
        index[key] = index.GetValueOrDefault(key, []).Add(entry);

    private static int Lowest<TKey>(Dictionary<TKey, ImmutableArray<Entry>> index, TKey key, in Asker asker, int below)
        where TKey : notnull
    {
        if (!index.TryGetValue(key, out var entries))
        {
            return below;
        }

        foreach (var (rule, others) in entries)
        {
            if (rule.Id >= below)
            {
                break;
            }

            if (HasAll(asker.From, others) && !rule.Conditions.FirstUnmet(asker).Any)
            {
                return rule.Id;
            }
        }

        return below;
    }

    private static bool HasAll(Identity from, ImmutableArray<string> labels)
    {
        foreach (var label in labels)
        {
            if (!from.Labels.Contains(label))
            {
                return false;
            }
        }

        return true;
    }

    private static SubjectKind KindOf(Identity identity) => identity.Kind switch
    {
        IdentityKind.Device => SubjectKind.Device,
        IdentityKind.Site => SubjectKind.Site,
        IdentityKind.Host => SubjectKind.Host,
        _ => throw new InvariantException("every kind of identity can be a subject"),
    };

    /// <param name="Others">Labels that the identity must have beside the one by which it was found.</param>
    private readonly record struct Entry(Rule Rule, ImmutableArray<string> Others);
}
