using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Ike;

/// <summary>
/// Peers that were sent away because they have other routes now. Devices ask for everything when they come back, sites for what their file says; strongSwan from 6.0.2 on asks for what it had before, and has to
/// be offered the rest. Any thread of IKE: a peer may come back to another one.
/// </summary>
internal sealed class Rerouted
{
    /// <summary>A stock peer is back in a second, or after its retransmissions.</summary>
    public static readonly TimeSpan BackWithin = TimeSpan.FromMinutes(5);

    public const int RememberedMax = 65_536;

    private readonly Lock _lock = new();
    private readonly Dictionary<int, Instant> _sentAway = [];

    public void Note(int identityId, Instant now)
    {
        lock (_lock)
        {
            if (_sentAway.Count >= RememberedMax)
            {
                _sentAway.Clear();
            }

            _sentAway[identityId] = now;
        }
    }

    /// <summary>True once for each time that it was sent away, if it is back soon.</summary>
    public bool TryTake(int identityId, Instant now)
    {
        lock (_lock)
        {
            return _sentAway.Remove(identityId, out var at) && now - at <= BackWithin;
        }
    }
}
