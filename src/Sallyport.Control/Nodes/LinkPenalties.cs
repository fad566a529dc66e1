namespace Sallyport.Control.Nodes;

/// <summary>
/// Gateways whose link we had to end soon after their hello wait longer for each next welcome, so that one that is broken does not keep
/// control busy with hellos and snapshots. A link that lived for a while wipes the slate.
/// </summary>
internal sealed class LinkPenalties
{
    private const int GatewaysMax = 64; // as many as may be connected at once

    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30); // a gateway that was mended by hand is back within it

    /// <summary>A link that lived this long did not end of what it began with.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private readonly Dictionary<string, (int Breaches, DateTimeOffset EndedAt)> gateways = [];

    /// <summary>We ended a link of this gateway over what it sent.</summary>
    public void Ended(string gateway, TimeSpan lived, DateTimeOffset now)
    {
        lock (gate)
        {
            var breaches = lived < Soon ? gateways.GetValueOrDefault(gateway).Breaches + 1 : 1;
            if (!gateways.ContainsKey(gateway) && gateways.Count >= GatewaysMax)
            {
                gateways.Remove(gateways.MinBy(entry => entry.Value.EndedAt).Key);
            }

            gateways[gateway] = (breaches, now);
        }
    }

    /// <summary>How long its hello waits for an answer.</summary>
    public TimeSpan WaitOf(string gateway, DateTimeOffset now)
    {
        lock (gate)
        {
            if (!gateways.TryGetValue(gateway, out var entry))
            {
                return TimeSpan.Zero;
            }

            var pause = TimeSpan.FromTicks(Math.Min(Longest.Ticks, First.Ticks << Math.Min(entry.Breaches - 1, 16)));
            var wait = entry.EndedAt + pause - now;
            return wait <= TimeSpan.Zero ? TimeSpan.Zero : wait < pause ? wait : pause; // a clock that was set back adds nothing
        }
    }
}
