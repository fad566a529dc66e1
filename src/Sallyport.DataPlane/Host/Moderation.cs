using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Host;

/// <summary>
/// Says when packets may gather for a moment: at tens of thousands a second a thread that sleeps after each spends a third of its time on
/// falling asleep and waking, and the host's stack gets packets where it could get pieces. What comes seldom never waits: a conversation
/// of questions and answers stays far below the rate. Nor do acknowledgements of what the host sends: waiting, they would
/// let it send in bursts that a client's socket has no room for.
/// </summary>
internal sealed class Moderation
{
    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(1);

    private Instant _windowEnd;
    private long _atWindowStart;
    private bool _isBusy;

    /// <summary>Asked before the wait of each turn; goes by the last whole millisecond.</summary>
    /// <param name="packets">To the host since the beginning, as far as they go in pieces.</param>
    public bool MayGather(long packets, Instant now)
    {
        if (now >= _windowEnd)
        {
            _isBusy = packets - _atWindowStart >= DataPlaneLimits.HostBusyPackets && now - _windowEnd < Window;
            _atWindowStart = packets;
            _windowEnd = now + Window;
        }

        return _isBusy;
    }
}
