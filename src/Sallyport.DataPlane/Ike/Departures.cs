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

    /// <summary>In which somebody who was told has another gateway, or will not go.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Queue<long> _sessions = new();
    private readonly HashSet<long> _told = [];
    private Instant _next = Instant.Never;
    private Instant _outcomeAt = Instant.Never;
    private int _gone;
    private int _staying;

    /// <summary>Where they go; null: they stay.</summary>
    public string? Gateway { get; private set; }

    public Instant NextDeadline => _sessions.Count > 0 ? _next : _outcomeAt;

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
        _told.Clear();
        (_gone, _staying, _outcomeAt) = (0, 0, Instant.Never);
        if (gateway is not null)
        {
            foreach (var session in sessions)
            {
                _sessions.Enqueue(session);
            }

            (_next, _outcomeAt) = (now, now);
        }
    }

    public bool TryTakeDue(Instant now, out long session)
    {
        session = 0;
        if (_sessions.Count == 0 || now < _next)
        {
            return false;
        }

        _next = now + Between;
        session = _sessions.Dequeue();
        return true;
    }

    /// <summary>What came of one whose turn it was.</summary>
    /// <param name="isTold">False for a peer that does not know of redirection, or that is called from here.</param>
    public void Note(long session, bool isTold, Instant now)
    {
        if (isTold)
        {
            _told.Add(session);
            _outcomeAt = now + Patience;
        }
        else
        {
            _staying++;
        }
    }

    /// <summary>The session is over.</summary>
    public void Left(long session)
    {
        if (_told.Remove(session))
        {
            _gone++;
        }
    }

    /// <summary>One sentence of its thread for operators, once: when everybody who was told has left, or has had the time for it.</summary>
    public bool TryTakeOutcome(Instant now, out string outcome)
    {
        outcome = "";
        if (_sessions.Count > 0 || _outcomeAt == Instant.Never || (now < _outcomeAt && _told.Count > 0))
        {
            return false;
        }

        _outcomeAt = Instant.Never;
        outcome = $"sent to {Gateway}: {_gone} gone, {_told.Count} told and still here, {_staying} staying"
            + (_staying == 0 ? "" : " (they do not know of redirection, RFC 5685, or are sites that the gateway calls)");
        return true;
    }
}
