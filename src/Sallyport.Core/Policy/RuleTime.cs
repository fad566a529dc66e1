using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>When a rule is in force: until an end, and only while one of its windows is open where it has any.</summary>
public sealed record RuleTime(Instant Until, ImmutableArray<TimeWindow> Windows)
{
    public static readonly RuleTime Always = new(Instant.Never, []);

    public bool IsInForce(Instant now) => now < Until && (Windows.IsEmpty || IsAnyOpen(now.UnixSeconds));

    /// <summary>The first moment after <paramref name="now"/> at which <see cref="IsInForce"/> says something else, or its end; <see cref="Instant.Never"/> for none.</summary>
    public Instant NextChange(Instant now)
    {
        if (now >= Until)
        {
            return Instant.Never;
        }

        // Where one window closes another may be open, or open at that moment.
        var inForce = IsInForce(now);
        var at = NextOfWindows(now.UnixSeconds);
        while (at - now.UnixSeconds <= TimeWindow.SearchSeconds && IsAnyOpen(at) == inForce)
        {
            at = NextOfWindows(at);
        }

        var changes = at - now.UnixSeconds <= TimeWindow.SearchSeconds;
        return changes ? Instant.Min(Until, Instant.FromUnixSeconds(at)) : Until;
    }

    /// <summary><see cref="long.MaxValue"/> for never.</summary>
    private long NextOfWindows(long unixSeconds)
    {
        var next = long.MaxValue;
        foreach (var window in Windows)
        {
            next = Math.Min(next, window.NextChange(unixSeconds));
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
