using Sallyport.Core.Flows;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Gateway;

/// <summary>
/// How often senders are told no: a token bucket for all and one for each identity, kept as the time at which the next answer would be due
/// if answers were spaced evenly (the generic cell rate algorithm, ITU-T I.371). Each bucket holds two seconds' worth.
/// </summary>
internal sealed class RefusalLimiter(FlowLimits limits, IdentityShares<IdentityShare> shares)
{
    private const long Burst = 2_000_000_000;

    private readonly long _spacing = 1_000_000_000 / limits.RefusalsPerSecond;
    private readonly long _spacingPerIdentity = 1_000_000_000 / limits.RefusalsPerSecondPerIdentity;
    private long _next;

    /// <summary>Refusals that were not sent.</summary>
    public long Suppressed { get; private set; }

    public bool TryTake(int identityId, Instant now)
    {
        ref var own = ref shares[identityId].NextRefusal;
        var next = Math.Max(own, now.Nanoseconds) + _spacingPerIdentity;
        var nextOfAll = Math.Max(_next, now.Nanoseconds) + _spacing;
        if (next - now.Nanoseconds > Burst || nextOfAll - now.Nanoseconds > Burst)
        {
            Suppressed++;
            return false;
        }

        own = next;
        _next = nextOfAll;
        return true;
    }
}
