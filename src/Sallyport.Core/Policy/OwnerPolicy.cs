using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>The applications that one site or device carries, found by target. Immutable; the same object as long as none of them and none of their rules changes.</summary>
internal sealed class OwnerPolicy
{
    public static readonly OwnerPolicy Empty = new([]);

    private readonly Dictionary<IpPrefix, ImmutableArray<ApplicationPolicy>> _byTarget = [];

    /// <summary>Lengths of targets that occur, longest first.</summary>
    private readonly ImmutableArray<int> _lengthsV4;
    private readonly ImmutableArray<int> _lengthsV6;
    private EgressWays? _ways;

    /// <param name="applications">By rising id; each has its application.</param>
    public OwnerPolicy(ImmutableArray<ApplicationPolicy> applications)
    {
        Applications = applications;
        var lengthsV4 = new SortedSet<int>();
        var lengthsV6 = new SortedSet<int>();
        foreach (var policy in applications)
        {
            var target = policy.Application!.Target;
            (target.IsV4 ? lengthsV4 : lengthsV6).Add(target.Length);
            _byTarget[target] = _byTarget.GetValueOrDefault(target, []).Add(policy);
        }

        _lengthsV4 = [.. lengthsV4.Reverse()];
        _lengthsV6 = [.. lengthsV6.Reverse()];
    }

    public ImmutableArray<ApplicationPolicy> Applications { get; }

    /// <summary>Whether nothing of the owner is reachable at all.</summary>
    public bool IsEmpty => Applications.IsEmpty;

    /// <summary>Who is sent routes to its applications, where it is what lies beyond the gateway host. Made when first asked for; two threads may both make it, and make the same.</summary>
    public EgressWays Ways => _ways ??= new EgressWays(Applications.SelectMany(policy => policy.Rules.Select(rule => (policy.Application!, rule))));

    public ImmutableArray<int> LengthsFor(IpAddress destination) => destination.IsV4 ? _lengthsV4 : _lengthsV6;

    /// <summary>The applications whose target is exactly the prefix of this length around the destination.</summary>
    public ImmutableArray<ApplicationPolicy> At(IpAddress destination, int length) =>
        _byTarget.TryGetValue(IpPrefix.Around(destination, length), out var policies) ? policies : [];
}
