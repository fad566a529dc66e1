using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>Where a session stands, in this order.</summary>
internal enum IkePhase : byte
{
    /// <summary>IKE_SA_INIT or IKE_SESSION_RESUME is under way.</summary>
    FirstExchange,

    /// <summary>Additional key exchanges are to come.</summary>
    Intermediate,
    Authenticating,
    Up,

    /// <summary>It has ended, and its last words are under way.</summary>
    Closing,
    Finished,
}

internal enum IkeTimer : byte
{
    Handshake,
    Rekey,

    /// <summary>Of the keys of the IKE SA.</summary>
    Expire,
    Reauthenticate,
    Probe,

    /// <summary>The peer has not shown that it receives where it speaks from.</summary>
    Show,
    ForgetAnswers,

    /// <summary>What the peer had no time for is asked again.</summary>
    Retry,
    Linger,
}

/// <summary>One deadline for each timer.</summary>
internal struct IkeTimers
{
    private const int Count = (int)IkeTimer.Linger + 1;

    private Deadlines _deadlines;

    public IkeTimers() => StopAll();

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

    public readonly Instant At(IkeTimer timer) => _deadlines[(int)timer];

    public void Set(IkeTimer timer, Instant at) => _deadlines[(int)timer] = at;

    public void Stop(IkeTimer timer) => _deadlines[(int)timer] = Instant.Never;

    public void StopAll()
    {
        for (var i = 0; i < Count; i++)
        {
            _deadlines[i] = Instant.Never;
        }
    }

    /// <summary>True once where its time has come.</summary>
    public bool TakeExpired(IkeTimer timer, Instant now)
    {
        if (_deadlines[(int)timer] > now)
        {
            return false;
        }

        Stop(timer);
        return true;
    }

    [System.Runtime.CompilerServices.InlineArray(Count)]
    private struct Deadlines
    {
        private Instant _first;
    }
}
