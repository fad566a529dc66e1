using Sallyport.Api.Nodes;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Nodes;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>
/// Tells operators of handshakes that failed, at a rate that strangers do not choose: the same thing from the same source once in a
/// while, everything together so many a second.
/// </summary>
internal sealed class FailureEvents(Uplink uplink, Clock clock)
{
    private const int RememberedMax = 4096;
    private const int Burst = 100;
    private const double PerSecond = 5;

    private static readonly TimeSpan Again = TimeSpan.FromSeconds(30);

    private readonly Dictionary<(UInt128 Source, string Detail), Instant> _told = [];
    private double _tokens = Burst;
    private Instant _filled;

    public void Raise(string kind, int identityId, OuterAddress from, string detail, Instant now)
    {
        if (!MayRaise(from, detail, now))
        {
            return;
        }

        uplink.Put(new GatewayEvent(kind, clock.ToWall(now), identityId, from.ToString(), detail));
    }

    private bool MayRaise(OuterAddress from, string detail, Instant now)
    {
        _tokens = Math.Min(Burst, _tokens + ((now - _filled).TotalSeconds * PerSecond));
        _filled = now;
        var key = (SourcePrefix.Of(from.Ip), detail);
        if (_tokens < 1 || (_told.TryGetValue(key, out var last) && now - last < Again))
        {
            return false;
        }

        if (_told.Count >= RememberedMax)
        {
            _told.Clear();
        }

        _told[key] = now;
        _tokens--;
        return true;
    }
}
