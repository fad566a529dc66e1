using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>A state that a rule may ask for.</summary>
public enum SubjectState : byte
{
    Active,

    /// <summary>In a quarantine that is not dark: in that nothing passes in any case.</summary>
    Quarantined,
}

/// <summary>Which condition of a rule does not hold.</summary>
public enum ConditionKind : byte
{
    None,
    State,
    Protocol,
    Cipher,
    Source,
    Country,
    Posture,
}

/// <summary>The first condition that does not hold, and the test of a fact where it is one.</summary>
public readonly record struct Unmet(ConditionKind Kind, PostureTest? Test)
{
    public bool Any => Kind != ConditionKind.None;
}

/// <summary>
/// What must be so of the sender and its tunnel for a rule to count: of each kind that has any one of them, of facts all. Where its
/// tunnel comes from and what seals it is of the sender, a site or a device, not of what is behind it.
/// </summary>
public sealed record RuleConditions
{
    public static readonly RuleConditions None = new();

    public ImmutableArray<SubjectState> States { get; init; } = [];

    public ImmutableArray<TunnelProtocol> Protocols { get; init; } = [];

    public ImmutableArray<TunnelCipher> Ciphers { get; init; } = [];

    /// <summary>Of the tunnel's outer address.</summary>
    public ImmutableArray<IpPrefix> Sources { get; init; } = [];

    /// <summary>Of the tunnel's outer address.</summary>
    public ImmutableArray<Country> Countries { get; init; } = [];

    public ImmutableArray<PostureTest> Posture { get; init; } = [];

    /// <summary>A fact that is older does not count; null for any age.</summary>
    public TimeSpan? PostureAge { get; init; }

    public bool LookAtTunnel => !(Protocols.IsEmpty && Ciphers.IsEmpty && Sources.IsEmpty && Countries.IsEmpty);

    /// <summary>After which facts stop to count; null where they do not.</summary>
    public TimeSpan? Ages => Posture.IsEmpty ? null : PostureAge;

    internal Unmet FirstUnmet(in Asker asker)
    {
        if (ReferenceEquals(this, None))
        {
            return default;
        }

        var (tunnel, state) = (asker.Situation, asker.From.Quarantine == QuarantineDegree.None ? SubjectState.Active : SubjectState.Quarantined);
        return !States.IsEmpty && !States.Contains(state) ? new Unmet(ConditionKind.State, null)
            : !Protocols.IsEmpty && !Protocols.Contains(tunnel.Protocol) ? new Unmet(ConditionKind.Protocol, null)
            : !Ciphers.IsEmpty && !Ciphers.Contains(tunnel.Cipher) ? new Unmet(ConditionKind.Cipher, null)
            : !Sources.IsEmpty && !(HasTunnel(tunnel) && IsFrom(Sources, tunnel.Source)) ? new Unmet(ConditionKind.Source, null)
            : !Countries.IsEmpty && !(HasTunnel(tunnel) && IsIn(Countries, tunnel.Source)) ? new Unmet(ConditionKind.Country, null)
            : FirstUnmetTest(asker) is { } test ? new Unmet(ConditionKind.Posture, test)
            : default;
    }

    private PostureTest? FirstUnmetTest(in Asker asker)
    {
        foreach (var test in Posture)
        {
            if (!IsMet(test, asker))
            {
                return test;
            }
        }

        return null;
    }

    private bool IsMet(PostureTest test, in Asker asker)
    {
        foreach (var fact in asker.From.Posture)
        {
            if (fact.Name == test.Name)
            {
                return (PostureAge is not { } age || asker.AsOf < fact.At + age) && test.IsMet(fact.Value);
            }
        }

        return false;
    }

    private static bool HasTunnel(in Situation situation) => situation.Protocol != TunnelProtocol.None;

    private static bool IsFrom(ImmutableArray<IpPrefix> prefixes, IpAddress address)
    {
        foreach (var prefix in prefixes)
        {
            if (prefix.Contains(address))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsIn(ImmutableArray<Country> countries, IpAddress address)
    {
        foreach (var country in countries)
        {
            if (country.Addresses.Contains(address))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>Who asks, how it stands with it, and by what time it is judged.</summary>
internal readonly record struct Asker(Identity From, Situation Situation, Instant AsOf);
