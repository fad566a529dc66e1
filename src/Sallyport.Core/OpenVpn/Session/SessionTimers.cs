using System.Runtime.CompilerServices;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Session;

/// <summary>What a session waits for. One deadline each; none is an object.</summary>
internal enum SessionTimer : byte
{
    /// <summary>The key state being negotiated must be active by then (hand-window).</summary>
    HandshakeWindow,

    /// <summary>Server role: the whole ClientHello must be here by then.</summary>
    Hello,

    /// <summary>The next soft reset of our own (reneg-sec).</summary>
    Renegotiate,

    /// <summary>Client role: ask for the configuration again.</summary>
    PushRequest,

    /// <summary>The rest of a TLS record whose beginning came.</summary>
    PartialRecord,

    /// <summary>A session that has ended stays this long, so that its last words are delivered and late packets find it.</summary>
    Linger,
}

/// <summary>The deadlines of one session.</summary>
internal struct SessionTimers
{
    private const int Count = 6;

    private Deadlines _deadlines;

    public SessionTimers()
    {
        for (var i = 0; i < Count; i++)
        {
            _deadlines[i] = Instant.Never;
        }
    }

    public readonly Instant Next
    {
        get
        {
            var next = Instant.Never;
            for (var i = 0; i < Count; i++)
            {
                next = Instant.Min(next, _deadlines[i]);
            }

            return next;
        }
    }

    public void Set(SessionTimer timer, Instant deadline) => _deadlines[(int)timer] = deadline;

    /// <summary>A timer that runs keeps its deadline.</summary>
    public void Start(SessionTimer timer, Instant deadline)
    {
        if (_deadlines[(int)timer] == Instant.Never)
        {
            Set(timer, deadline);
        }
    }

    public void Stop(SessionTimer timer) => _deadlines[(int)timer] = Instant.Never;

    public void StopAll() => this = new SessionTimers();

    /// <summary>True once per deadline: an expired timer stops.</summary>
    public bool TakeExpired(SessionTimer timer, Instant now)
    {
        if (_deadlines[(int)timer] > now)
        {
            return false;
        }

        Stop(timer);
        return true;
    }

    [InlineArray(Count)]
    private struct Deadlines
    {
        private Instant _first;
    }
}
