using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Ike;

/// <summary>
/// Peers that are here when the gateway is told to send them elsewhere (RFC 5685): one after the other, so that the other gateway is not called by a whole fleet
/// in one second.
/// </summary>
internal sealed class Departures
{
    /// <summary>Fifty a second: 10,000 peers have left in little more than three minutes.</summary>
    public static readonly TimeSpan Between = TimeSpan.FromMilliseconds(20);

    private readonly Queue<long> _sessions = new();
    private Instant _next = Instant.Never;

    /// <summary>Where they go; null: they stay.</summary>
    public string? Gateway { get; private set; }

    public Instant NextDeadline => _sessions.Count > 0 ? _next : Instant.Never;

    /// <summary>A place that is known already moves nobody once more: who does not know of redirection, or came since, stays.</summary>
    /// <param name="sessions">Numbers of all that are here.</param>
    public void Send(IEnumerable<long> sessions, string? gateway, Instant now)
    {
        if (gateway == Gateway)
        {
            return;
        }

        Gateway = gateway;
        _sessions.Clear();
        if (gateway is not null)
        {
            foreach (var session in sessions)
            {
                _sessions.Enqueue(session);
            }

            _next = now;
        }
    }

    public bool TryTakeDue(Instant now, out long session)
    {
        session = 0;
        if (now < NextDeadline)
        {
            return false;
        }

        _next = now + Between;
        return _sessions.TryDequeue(out session);
    }
}
