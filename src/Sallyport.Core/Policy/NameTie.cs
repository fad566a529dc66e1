using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>
/// The gateway told one identity this address for a name. It permits nothing: a rule to an application of that name does, to that
/// identity, until the answer is too old.
/// </summary>
/// <param name="Name">That was asked for; what it was another name of does not count.</param>
public readonly record struct NameTie(string Name, IpAddress Address, Instant Expires);

/// <summary>What identities were answered, kept by whoever answers. Any thread asks; the answer is not changed any more.</summary>
public interface INameTies
{
    NameTie[] Of(int identityId);

    /// <summary>Another one than before when the identity was told something since; 0 where it was told nothing that still counts.</summary>
    int VersionOf(int identityId);
}

/// <summary>The names for which an identity was given addresses, as of one moment.</summary>
public readonly struct TiedNames
{
    private readonly NameTie[]? _ties;
    private readonly Instant _now;
    private readonly string? _held;
    private readonly bool _isAssumed;

    /// <param name="held">The name of a conversation that is under way: a name that was right when it began does not become wrong.</param>
    /// <param name="version">From before <paramref name="ties"/> were read, see <see cref="INameTies.VersionOf"/>.</param>
    public TiedNames(NameTie[]? ties, Instant now, string? held = null, int version = 0)
    {
        _ties = ties;
        _now = now;
        _held = held;
        Version = version;
    }

    private TiedNames(bool isAssumed) => _isAssumed = isAssumed;

    /// <summary>Every name was asked for and every address is one of it: what could be reached.</summary>
    public static TiedNames Assumed => new(isAssumed: true);

    internal int Version { get; }

    /// <summary>A name with this address that one of the patterns means; null where there is none.</summary>
    public string? Match(ImmutableArray<string> patterns, IpAddress address)
    {
        if (_isAssumed)
        {
            return patterns[0];
        }

        if (_held is { } held && NamePattern.MatchesAny(patterns, held))
        {
            return held;
        }

        foreach (var tie in _ties ?? [])
        {
            if (tie.Address == address && tie.Expires > _now && NamePattern.MatchesAny(patterns, tie.Name))
            {
                return tie.Name;
            }
        }

        return null;
    }

    /// <summary>Any name with this address, for the record.</summary>
    public string? Any(IpAddress address)
    {
        foreach (var tie in _ties ?? [])
        {
            if (tie.Address == address && tie.Expires > _now)
            {
                return tie.Name;
            }
        }

        return null;
    }
}

/// <summary>Names as applications have them: "ntp.example" for itself, "*.vendor.example" for all names of one label or more below.</summary>
public static class NamePattern
{
    private const string Below = "*.";

    public static bool Matches(string pattern, ReadOnlySpan<char> name) =>
        pattern.StartsWith(Below, StringComparison.Ordinal)
            ? name.Length > pattern.Length - 1 && name.EndsWith(pattern.AsSpan(1), StringComparison.Ordinal)
            : name.SequenceEqual(pattern);

    public static bool MatchesAny(ImmutableArray<string> patterns, ReadOnlySpan<char> name)
    {
        foreach (var pattern in patterns)
        {
            if (Matches(pattern, name))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The domain of a pattern: what stands behind the wildcard.</summary>
    public static string DomainOf(string pattern) => pattern.StartsWith(Below, StringComparison.Ordinal) ? pattern[Below.Length..] : pattern;
}
