using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>Rules of one application and one effect, found by whom they speak of. Immutable.</summary>
internal sealed class SubjectIndex
{
    public static readonly SubjectIndex Empty = new([], 0);

    private readonly Dictionary<(SubjectKind Kind, int Id), int> _identities = [];
    private readonly Dictionary<int, int> _networks = [];
    private readonly Dictionary<(int NetworkId, string Name), int> _groups = [];
    private readonly Dictionary<(int NetworkId, string Name), int> _labels = [];
    private readonly bool _isEmpty;

    /// <param name="rules">By rising id, so that of several rules that speak of the same the lowest decides.</param>
    /// <param name="ownNetworkId">Of the application: who speaks of members of no network in particular speaks of its.</param>
    public SubjectIndex(ImmutableArray<Rule> rules, int ownNetworkId)
    {
        _isEmpty = rules.IsEmpty;
        foreach (var rule in rules)
        {
            var networkId = rule.Subject.NetworkId == 0 ? ownNetworkId : rule.Subject.NetworkId;
            switch (rule.Subject.Kind)
            {
                // A rule whose kind is not that of the identity speaks of nobody, see FindRule.
                case SubjectKind.Device or SubjectKind.Site or SubjectKind.Host:
                    _identities.TryAdd((rule.Subject.Kind, rule.Subject.IdentityId), rule.Id);
                    break;
                case SubjectKind.Group:
                    _groups.TryAdd((networkId, rule.Subject.Name), rule.Id);
                    break;
                case SubjectKind.Label:
                    _labels.TryAdd((networkId, rule.Subject.Name), rule.Id);
                    break;
                case SubjectKind.Network:
                    _networks.TryAdd(networkId, rule.Id);
                    break;
                default:
                    break;
            }
        }
    }

    /// <summary>Of the rules that speak of this identity the one with the lowest id; 0 without any. Costs what the identity has groups and labels.</summary>
    public int FindRule(Identity from)
    {
        if (_isEmpty)
        {
            return 0;
        }

        var found = _identities.GetValueOrDefault((KindOf(from), from.Id), int.MaxValue);
        if (_networks.Count > 0 && from.Kind != IdentityKind.Host)
        {
            found = Math.Min(found, _networks.GetValueOrDefault(from.NetworkId, int.MaxValue));
        }

        if (_groups.Count > 0)
        {
            foreach (var group in from.Groups)
            {
                found = Math.Min(found, _groups.GetValueOrDefault((from.NetworkId, group), int.MaxValue));
            }
        }

        if (_labels.Count > 0)
        {
            foreach (var label in from.Labels)
            {
                found = Math.Min(found, _labels.GetValueOrDefault((from.NetworkId, label), int.MaxValue));
            }
        }

        return found == int.MaxValue ? 0 : found;
    }

    private static SubjectKind KindOf(Identity identity) => identity.Kind switch
    {
        IdentityKind.Device => SubjectKind.Device,
        IdentityKind.Site => SubjectKind.Site,
        IdentityKind.Host => SubjectKind.Host,
        _ => throw new InvariantException("every kind of identity can be a subject"),
    };
}
