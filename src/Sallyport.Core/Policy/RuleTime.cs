using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>When a rule is in force: until an end, and only while one of its windows is open where it has any.</summary>
public sealed record RuleTime(Instant Until, ImmutableArray<TimeWindow> Windows)
{
    public static readonly RuleTime Always = new(Instant.Never, []);

    public bool IsInForce(Instant now) => now < Until && (Windows.IsEmpty || IsAnyOpen(now.UnixSeconds));

    /// <summary>The first moment after <paramref name="now"/> at which <see cref="IsInForce"/> may say something else; <see cref="Instant.Never"/> for none.</summary>
    public Instant NextChange(Instant now)
    {
        if (now >= Until)
        {
            return Instant.Never;
        }

        var next = Until;
        foreach (var window in Windows)
        {
            var change = window.NextChange(now.UnixSeconds);
            next = change == long.MaxValue ? next : Instant.Min(next, Instant.FromUnixSeconds(change));
        }

        return next;
    }

    private bool IsAnyOpen(long unixSeconds)
    {
        foreach (var window in Windows)
        {
            if (window.IsOpenAt(unixSeconds))
            {
                return true;
            }
        }

        return false;
    }
}
