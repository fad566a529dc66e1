using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.Policy;

namespace Sallyport.Core.Tests.Gateway;

/// <summary>Limits by buckets that leak in fractions, and sums by the runtime's calendar.</summary>
internal sealed class NaiveMeters(NaiveFleet fleet)
{
    private readonly Dictionary<(bool IsRule, int Id, bool IsPackets), (decimal Level, Instant At)> _buckets = [];
    private readonly Dictionary<(bool IsRule, int Id), (string Period, long Bytes)> _volumes = [];

    public bool IsUsedUp(int ruleId, int fromId, int toId) =>
        Of(ruleId, fromId, toId).Any(one => one.Limit.VolumeBytes > 0 && Used(one.IsRule, one.Id, one.Limit) >= one.Limit.VolumeBytes);

    public DropReason Take(int ruleId, int fromId, int toId, int length, Instant now)
    {
        foreach (var (isRule, id, limit) in Of(ruleId, fromId, toId))
        {
            if (limit.VolumeBytes > 0 && Used(isRule, id, limit) >= limit.VolumeBytes)
            {
                return DropReason.VolumeUsed;
            }

            if (!Pour((isRule, id, false), limit.BitsPerSecond, length * 8, 48_000, now) || !Pour((isRule, id, true), limit.PacketsPerSecond, 1, 4, now))
            {
                return DropReason.RateLimited;
            }

            if (limit.VolumeBytes > 0)
            {
                _volumes[(isRule, id)] = (Period(limit), Used(isRule, id, limit) + length);
            }
        }

        return DropReason.None;
    }

    private IEnumerable<(bool IsRule, int Id, Limit Limit)> Of(int ruleId, int fromId, int toId) =>
        ((bool IsRule, int Id, Limit? Limit)[])[(true, ruleId, fleet.LimitOf(ruleId)), (false, fromId, fleet.Find(fromId)?.Limit), (false, toId, fleet.Find(toId)?.Limit)]
            is var all ? all.Where(one => one.Limit is not null).Select(one => (one.IsRule, one.Id, one.Limit!)) : [];

    private long Used(bool isRule, int id, Limit limit) =>
        _volumes.TryGetValue((isRule, id), out var volume) && volume.Period == Period(limit) ? volume.Bytes : 0;

    private string Period(Limit limit) =>
        DateTimeOffset.FromUnixTimeSeconds(fleet.Now.UnixSeconds).ToString(limit.Period == VolumePeriod.Day ? "yyyy-MM-dd" : "yyyy-MM");

    private bool Pour((bool IsRule, int Id, bool IsPackets) key, long perSecond, long cost, long atLeast, Instant now)
    {
        if (perSecond == 0)
        {
            return true;
        }

        var (level, at) = _buckets.GetValueOrDefault(key, (0, now));
        level = Math.Max(0, level - ((now - at).Ticks * perSecond / 10_000_000m)) + cost;
        if (level > Math.Max(perSecond / 4m, atLeast))
        {
            return false;
        }

        _buckets[key] = (level, now);
        return true;
    }
}
