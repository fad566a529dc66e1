using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>
/// Who is sent routes to what lies beyond the gateway host: whoever a rule that allows it names. Hours, ends and conditions of the rule do not count, nor do
/// locks of the application: a device takes new routes by connecting anew, and should not do that at every shift. Immutable.
/// </summary>
public sealed class EgressWays
{
    public static readonly EgressWays None = new([]);

    private readonly Dictionary<Subject, ImmutableArray<Way>> _ways = [];

    /// <param name="allowances">Applications beyond the host, each with each of the rules that lead to it.</param>
    public EgressWays(IEnumerable<(Application Application, Rule Rule)> allowances)
    {
        foreach (var (application, rule) in allowances)
        {
            // All that is there is no route but the default one, which a network has or has not.
            if (rule.Effect != RuleEffect.Allow || application.Target.Length == 0)
            {
                continue;
            }

            var subject = ReachMap.SubjectOf(rule, application);
            var labels = rule.Subject.Kind == SubjectKind.Label ? LabelSelector.Read(rule.Subject.Name) : [];
            _ways[subject] = _ways.GetValueOrDefault(subject, []).Add(new Way(application.Target, labels));
        }
    }

    public bool IsEmpty => _ways.Count == 0;

    /// <summary>In the order of addresses, each once; none for who has no address to send from.</summary>
    public ImmutableArray<IpPrefix> Of(Identity identity)
    {
        if (IsEmpty || identity.AddressV4 is null || identity.Kind == IdentityKind.Host)
        {
            return [];
        }

        var targets = new SortedSet<IpPrefix>(AddressOrder);
        foreach (var subject in ReachMap.SubjectsOf(identity))
        {
            foreach (var way in _ways.GetValueOrDefault(subject, []))
            {
                if (way.Labels.All(identity.Labels.Contains))
                {
                    targets.Add(way.Target);
                }
            }
        }

        return [.. targets];
    }

    /// <summary>Those of whom it says more than another one does: nobody else has more routes by it, but who is another than he was.</summary>
    internal HashSet<Subject> SaysMoreOf(EgressWays other)
    {
        var subjects = new HashSet<Subject>();
        foreach (var (subject, ways) in _ways)
        {
            var known = other._ways.GetValueOrDefault(subject, []);
            if (ways.Any(way => !known.Any(one => one.Target == way.Target && one.Labels.AsSpan().SequenceEqual(way.Labels.AsSpan()))))
            {
                subjects.Add(subject);
            }
        }

        return subjects;
    }

    private static readonly Comparer<IpPrefix> AddressOrder =
        Comparer<IpPrefix>.Create((a, b) => a.First.CompareTo(b.First) is not 0 and var order ? order : a.Length.CompareTo(b.Length));

    /// <param name="Labels">All of which one must have.</param>
    private readonly record struct Way(IpPrefix Target, ImmutableArray<string> Labels);
}

/// <summary>Who has to connect anew for a change of the ways. Routes that are taken back may stay until the next connection: policy denies what they lead to.</summary>
public sealed class EgressChange(EgressWays before, EgressWays after)
{
    private HashSet<Subject>? _news;

    /// <summary>Whether somebody may gain who is as he was.</summary>
    public bool HasNews => News.Count > 0;

    private HashSet<Subject> News => _news ??= ReferenceEquals(before, after) ? [] : after.SaysMoreOf(before);

    /// <summary>Whether somebody of that id in that network may gain, if he is as he was: to be asked first of many.</summary>
    public bool MayConcern(int identityId, int networkId) =>
        News.Any(subject => subject.Kind is SubjectKind.Device or SubjectKind.Site ? subject.IdentityId == identityId : subject.NetworkId == networkId);

    /// <summary>Whether he may gain, if he is as he was.</summary>
    public bool MayConcern(Identity identity) => HasNews && ReachMap.SubjectsOf(identity).Any(News.Contains);

    /// <summary>The routes that he is to have and that lead where none of those before did; none for who sends everything into the tunnel in any case.</summary>
    /// <param name="network">His.</param>
    public ImmutableArray<IpPrefix> Gained(Identity was, Identity now, Network? network)
    {
        if (network is null || network.SendsEverything(now))
        {
            return [];
        }

        if (ReferenceEquals(before, after) && ReferenceEquals(was, now))
        {
            return [];
        }

        var known = before.Of(was);
        return after.Of(now).RemoveAll(route => known.Any(one => one.Contains(route)));
    }
}
