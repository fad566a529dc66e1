namespace Sallyport.Core.Primitives;

/// <summary>
/// So many at once, then one each interval. Kept as the time at which the next would be due if all were spaced evenly (the generic cell
/// rate algorithm, ITU-T I.371), so that it takes eight bytes and no timer. The default one is full.
/// </summary>
public struct TokenBucket
{
    private Instant _next;

    public bool TryTake(int burst, TimeSpan interval, Instant now)
    {
        var next = (_next > now ? _next : now) + interval;
        if (next - now > burst * interval)
        {
            return false;
        }

        _next = next;
        return true;
    }

    /// <summary>As good as one that was never used.</summary>
    public readonly bool IsFull(Instant now) => _next <= now;
}
