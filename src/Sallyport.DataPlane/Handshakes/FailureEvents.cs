using Sallyport.Api.Nodes;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Nodes;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>
/// Tells operators of handshakes that failed, at a rate that strangers do not choose: the same thing from the same source once in a
/// while, everything together so many a second. What was left out in between is counted in the next one.
/// </summary>
internal sealed class FailureEvents(Uplink uplink, Clock clock)
{
    private const int RememberedMax = 4096;
    private const int Burst = 100;
    private const double PerSecond = 5;

    private static readonly TimeSpan Again = TimeSpan.FromSeconds(30);

    private readonly Dictionary<(UInt128 Source, string Kind, int IdentityId, string Detail), Told> _told = [];
    private double _tokens = Burst;
    private Instant _filled;

    /// <summary>Of which nobody was told anything, because too many came at once: no more is kept of them than their number.</summary>
    private long _tooMany;

    /// <param name="from">The default value: there is no peer yet.</param>
    public void Raise(string kind, int identityId, OuterAddress from, string detail, Instant now)
    {
        if (MayRaise(kind, identityId, from, detail, now, out var leftOut))
        {
            uplink.Put(new GatewayEvent(kind, clock.ToWall(now), identityId, from == default ? "" : from.ToString(), Text(detail, leftOut, _tooMany)));
            _tooMany = 0;
        }
    }

    /// <summary>A long sentence gives way to the numbers.</summary>
    private static string Text(string detail, long leftOut, long tooMany)
    {
        var note = (leftOut, tooMany) switch
        {
            (0, 0) => "",
            (_, 0) => $" ({leftOut} more like it since the last event of it)",
            (0, _) => $" ({tooMany} of others left out: too many at once)",
            _ => $" ({leftOut} more like it since the last event of it, {tooMany} of others left out: too many at once)",
        };
        return PeerText.Cut(detail, PeerText.DetailMax - note.Length) + note;
    }

    private bool MayRaise(string kind, int identityId, OuterAddress from, string detail, Instant now, out long leftOut)
    {
        _tokens = Math.Min(Burst, _tokens + ((now - _filled).TotalSeconds * PerSecond));
        _filled = now;
        var key = (SourcePrefix.Of(from.Ip), kind, identityId, detail);
        var isKnown = _told.TryGetValue(key, out var told);
        leftOut = told.LeftOut;
        if (_tokens < 1 || (isKnown && now - told.At < Again))
        {
            if (isKnown)
            {
                _told[key] = told with { LeftOut = leftOut + 1 };
            }
            else
            {
                _tooMany++;
            }

            return false;
        }

        if (!isKnown && _told.Count >= RememberedMax)
        {
            _told.Clear();
        }

        _told[key] = new Told(now, 0);
        _tokens--;
        return true;
    }

    private readonly record struct Told(Instant At, long LeftOut);
}
