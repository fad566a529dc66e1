using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane;

/// <summary>
/// Says how long packets may gather before the next look, as the interrupt moderation of a network card does: at thousands a second a
/// thread that sleeps after each spends most of its time on falling asleep and waking, and neither sealed packets nor the host's stack
/// get runs where they could. What comes seldom never waits, and a thread that is late already does not pause. Acknowledgements of
/// what the host sends do not count: waiting, they would let it send in bursts that a client's socket has no room for.
/// </summary>
/// <param name="busyPackets">In a millisecond, from which on packets may gather.</param>
/// <param name="gatherTime">From one look to the next meanwhile.</param>
internal sealed class Moderation(int busyPackets, TimeSpan gatherTime)
{
    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(1);

    private Instant _windowEnd;
    private Instant _lastLook;
    private long _atWindowStart;
    private bool _isBusy;

    /// <summary>Asked before the wait of each turn; goes by the last whole millisecond. Zero where there is nothing to wait for.</summary>
    /// <param name="packets">That may gather, since the beginning.</param>
    public TimeSpan PauseBefore(long packets, Instant now)
    {
        if (now >= _windowEnd)
        {
            _isBusy = packets - _atWindowStart >= busyPackets && now - _windowEnd < Window;
            _atWindowStart = packets;
            _windowEnd = now + Window;
        }

        // The look before may have come early, when a signal ended the pause.
        var next = _isBusy ? Instant.Min(_lastLook, now) + gatherTime : now;
        _lastLook = next > now ? next : now;
        return _lastLook - now;
    }
}
