using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane;

/// <summary>
/// The gateway's one clock: wall time when it started plus monotonic time since, so that it never steps back. Any thread.
/// </summary>
public sealed class Clock
{
    /// <summary>Smaller differences are those between two readings, and slow corrections.</summary>
    private const long WallWasSet = 20_000_000;

    private readonly TimeProvider _time;
    private readonly long _startTicks;
    private readonly long _startWall;
    private readonly double _nanosecondsPerTick;
    private long _offset;

    public Clock(TimeProvider time)
    {
        _time = time;
        _startTicks = time.GetTimestamp();
        _startWall = WallNanoseconds;
        _nanosecondsPerTick = 1e9 / time.TimestampFrequency;
    }

    public Instant Now
    {
        get
        {
            var ticks = _time.GetTimestamp() - _startTicks;
            var nanoseconds = _time.TimestampFrequency == 1_000_000_000 ? ticks : (long)(ticks * _nanosecondsPerTick);
            return new Instant(_startWall + nanoseconds);
        }
    }

    /// <summary>
    /// The time that the wall clock shows for an instant: what other processes understand, even where the wall clock was set after
    /// we had started. In nanoseconds since the Unix epoch. The same instant gives the same time until the wall clock is set.
    /// </summary>
    public long ToWall(Instant at)
    {
        if (at.Nanoseconds == 0)
        {
            return 0;
        }

        var offset = WallNanoseconds - Now.Nanoseconds;
        var used = Interlocked.Read(ref _offset);
        if (Math.Abs(offset - used) > WallWasSet)
        {
            Interlocked.Exchange(ref _offset, offset);
            used = offset;
        }

        return at.Nanoseconds + used;
    }

    private long WallNanoseconds => (_time.GetUtcNow().UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) * 100;
}
