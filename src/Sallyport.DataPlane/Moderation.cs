using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane;

/// <summary>
/// Says how long messages may gather before the next look, as the interrupt moderation of a network card does: at thousands a second a
/// thread that sleeps after each spends most of its time on falling asleep and waking, and neither sealed packets nor the host's stack
/// get runs where they could. It aims at the same number in each look however fast they come. What comes seldom never waits, and a thread
/// that is late already does not pause. Acknowledgements of what the host sends do not count: waiting, they would let it send in bursts
/// that a client's socket has no room for.
/// </summary>
/// <param name="busyMessages">In a millisecond, from which on they may gather.</param>
/// <param name="enoughMessages">To find in one look.</param>
/// <param name="gatherTimeMax">From one look to the next, however few there would be.</param>
internal sealed class Moderation(int busyMessages, int enoughMessages, TimeSpan gatherTimeMax)
{
    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(1);

    private Instant _windowEnd;
    private Instant _lastLook;
    private long _atWindowStart;
    private TimeSpan _gatherTime;

    /// <summary>Asked before the wait of each turn; goes by the last whole millisecond. Zero where there is nothing to wait for.</summary>
    /// <param name="messages">That may gather, since the beginning.</param>
    public TimeSpan PauseBefore(long messages, Instant now)
    {
        if (now >= _windowEnd)
        {
            _gatherTime = GatherTime(messages - _atWindowStart, now - _windowEnd + Window);
            _atWindowStart = messages;
            _windowEnd = now + Window;
        }

        // The look before may have come early, when a signal ended the pause.
        var next = _gatherTime > TimeSpan.Zero ? Instant.Min(_lastLook, now) + _gatherTime : now;
        _lastLook = next > now ? next : now;
        return _lastLook - now;
    }

    private TimeSpan GatherTime(long messages, TimeSpan span)
    {
        if (messages < busyMessages || span >= 2 * Window)
        {
            return TimeSpan.Zero;
        }

        var untilEnough = span * ((double)enoughMessages / messages);
        return untilEnough < gatherTimeMax ? untilEnough : gatherTimeMax;
    }
}
