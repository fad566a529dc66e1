using Sallyport.Core.Esp;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Ike;

/// <summary>
/// Sites that we called and that have a CHILD_SA for each pair of selectors: which are there, and when those that are missing are asked for again. A router deletes
/// what is idle, or has no such row yet; nobody else would ask.
/// </summary>
internal sealed class PairKeeper
{
    /// <summary>After which a missing one is asked for; each time in vain doubles it.</summary>
    public static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(5);

    public static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(10);

    private readonly Dictionary<long, Kept> _sessions = [];
    private readonly Deadlines _deadlines = new();

    public Instant NextDeadline => _deadlines.Next;

    /// <summary>The pairs of this session are kept from now on; those of others are nobody's business here.</summary>
    public void Watch(long session) => _sessions.TryAdd(session, new Kept());

    public void Forget(long session)
    {
        if (_sessions.Remove(session))
        {
            _deadlines.Forget(session);
        }
    }

    public void Came(long session, uint inboundSpi, in TrafficSelector local, in TrafficSelector remote)
    {
        if (_sessions.TryGetValue(session, out var kept))
        {
            kept.Pairs[inboundSpi] = (local, remote);
        }
    }

    /// <summary>One is gone; new keys may have taken its place.</summary>
    public void Left(long session, uint inboundSpi, Instant now)
    {
        if (_sessions.TryGetValue(session, out var kept) && kept.Pairs.Remove(inboundSpi))
        {
            _deadlines.Want(session, now + kept.Pause);
        }
    }

    /// <summary>The router did not agree to one.</summary>
    public void Refused(long session, Instant now)
    {
        if (_sessions.TryGetValue(session, out var kept))
        {
            _deadlines.Want(session, now + kept.Pause);
        }
    }

    public bool TryTakeDue(Instant now, out long session) => _deadlines.TryTakeDue(now, out session);

    /// <summary>Those of <paramref name="wanted"/> of which no part is there. They are looked for once more after a longer pause.</summary>
    public IReadOnlyList<(TrafficSelector Local, TrafficSelector Remote)> TakeMissing(
        long session, IEnumerable<(TrafficSelector Local, TrafficSelector Remote)> wanted, Instant now)
    {
        if (!_sessions.TryGetValue(session, out var kept))
        {
            return [];
        }

        List<(TrafficSelector, TrafficSelector)> missing = [.. wanted.Where(pair => !kept.Pairs.Values.Any(there => Meet(pair, there)))];
        kept.Pause = missing.Count == 0 ? FirstPause : TimeSpan.FromTicks(Math.Min(2 * kept.Pause.Ticks, LongestPause.Ticks));
        if (missing.Count > 0)
        {
            _deadlines.Want(session, now + kept.Pause);
        }

        return missing;
    }

    /// <summary>A router may have agreed to less than it was asked for.</summary>
    private static bool Meet((TrafficSelector Local, TrafficSelector Remote) wanted, (TrafficSelector Local, TrafficSelector Remote) there) =>
        wanted.Local.TryIntersect(there.Local, out _) && wanted.Remote.TryIntersect(there.Remote, out _);

    private sealed class Kept
    {
        public Dictionary<uint, (TrafficSelector Local, TrafficSelector Remote)> Pairs { get; } = [];

        public TimeSpan Pause { get; set; } = FirstPause;
    }
}
