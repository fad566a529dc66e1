using System.Collections.Immutable;
using Sallyport.Core.Esp;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Ike;

/// <summary>
/// Peers whose pairs of selectors we look after: which are there, and when those that are missing are asked for. A router that was called and has a CHILD_SA for each
/// pair deletes what is idle, or has no such row yet, and nobody else would ask; who was rerouted may come back without what is new.
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

    public void Came(long session, uint inboundSpi, ImmutableArray<TrafficSelector> local, ImmutableArray<TrafficSelector> remote)
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

    /// <summary>Something may be missing: the peer did not agree to a pair, or has just come.</summary>
    public void Doubt(long session, Instant now)
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
    private static bool Meet((TrafficSelector Local, TrafficSelector Remote) wanted, (ImmutableArray<TrafficSelector> Local, ImmutableArray<TrafficSelector> Remote) there) =>
        there.Local.Any(one => wanted.Local.TryIntersect(one, out _)) && there.Remote.Any(one => wanted.Remote.TryIntersect(one, out _));

    private sealed class Kept
    {
        public Dictionary<uint, (ImmutableArray<TrafficSelector> Local, ImmutableArray<TrafficSelector> Remote)> Pairs { get; } = [];

        public TimeSpan Pause { get; set; } = FirstPause;
    }
}
