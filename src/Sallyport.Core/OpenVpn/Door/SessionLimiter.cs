using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Door;

/// <summary>
/// How often one credential or identity may begin a session. Only who was proven to be somebody is counted, so there are as many entries
/// as credentials at most; a bound keeps even that small. One thread.
/// </summary>
public sealed class SessionLimiter
{
    private readonly Dictionary<UInt128, TokenBucket> _buckets = [];

    public int Count => _buckets.Count;

    public bool TryTake(UInt128 who, Instant now)
    {
        _buckets.TryGetValue(who, out var bucket);
        if (!bucket.TryTake(OpenVpnLimits.SessionBurst, OpenVpnLimits.SessionInterval, now))
        {
            return false;
        }

        if (_buckets.Count >= OpenVpnLimits.SessionBuckets && !_buckets.ContainsKey(who))
        {
            MakeRoom(now);
        }

        _buckets[who] = bucket;
        return true;
    }

    /// <summary>Forgets whom it has nothing against; where that is nobody, it forgets all: better a session too many than a device locked out.</summary>
    private void MakeRoom(Instant now)
    {
        foreach (var (who, bucket) in _buckets)
        {
            if (bucket.IsFull(now))
            {
                _buckets.Remove(who);
            }
        }

        if (_buckets.Count >= OpenVpnLimits.SessionBuckets)
        {
            _buckets.Clear();
        }
    }
}
