using System.Security.Cryptography;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>
/// A thread that speaks with peers beside the packet path, whatever their protocol: it waits for packets, news of tunnels and deadlines, and stands back for the
/// threads that carry packets. What it decides reaches those as commands.
/// </summary>
internal abstract class PeerThread : IDisposable
{
    /// <summary>Packets between two looks at the timers: a handshake has a dozen.</summary>
    protected const int PacketsPerTurn = 16;

    /// <summary>News of tunnels between two looks at the packets: a revoked fleet does not keep others waiting.</summary>
    protected const int NoticesPerTurn = 256;

    private static readonly TimeSpan FaultLogPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(1);

    private readonly string _what;
    private readonly TaskCompletionSource _goodbyeSaid = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread _thread;
    private Instant _lastFaultLogged;
    private volatile bool _isLeaving;
    private volatile bool _stop;

    /// <param name="what">In the log: "handshake", "ike".</param>
    protected PeerThread(string what, int index, HandshakeInbox inbox, HandshakeContext context)
    {
        (_what, Index, Inbox, Context) = (what, index, inbox, context);
        _thread = new Thread(Run) { IsBackground = true, Name = $"{what}-{index}" };
    }

    public HandshakeInbox Inbox { get; }

    public DropCounters Drops { get; } = new();

    /// <summary>Raised on this thread when it cannot go on.</summary>
    public event Action<Exception>? Failed;

    protected int Index { get; }

    protected HandshakeContext Context { get; }

    /// <summary>Nobody is taken in any more.</summary>
    protected bool IsLeaving => _isLeaving;

    /// <summary>Beside what is in the inbox.</summary>
    protected virtual bool HasWork => false;

    protected abstract Instant NextDeadline { get; }

    public void Start() => _thread.Start();

    /// <summary>Takes nobody in any more and tells every live peer. Done when that has been said; bounded by the caller.</summary>
    public Task SayGoodbyeAsync()
    {
        _isLeaving = true;
        Inbox.WakeAlways();
        return _goodbyeSaid.Task;
    }

    public void Stop()
    {
        _stop = true;
        Inbox.WakeAlways();
        if (_thread.ThreadState != ThreadState.Unstarted)
        {
            _thread.Join();
        }
    }

    public void Dispose()
    {
        Stop();
        DisposePeers();
        Inbox.Dispose();
    }

    protected abstract void DisposePeers();

    protected virtual void Begin()
    {
    }

    /// <summary>More may be about to come: a busy thread need not wake for each.</summary>
    protected virtual void Gather()
    {
    }

    protected abstract void RunTurn();

    protected void GoodbyeIsSaid() => _goodbyeSaid.TrySetResult();

    /// <summary>Mistakes of ours that one peer may bring out.</summary>
    protected static bool IsFault(Exception e) => e is InvariantException or CryptographicException;

    /// <summary>At a rate that no peer chooses.</summary>
    protected void LogFault(Exception e, Instant now)
    {
        if (now - _lastFaultLogged > FaultLogPause)
        {
            _lastFaultLogged = now;
            Context.Log.Write($"{_what}.fault", e.ToString());
        }
    }

    private void Run()
    {
        try
        {
            Begin();
            Niceness.StepBack(DataPlaneLimits.HandshakeNiceness);
            while (!_stop)
            {
                Gather();
                Inbox.Wait(WaitTime());
                RunTurn();
            }
        }
        catch (Exception e)
        {
            Context.Log.Write($"{_what}.stopped", e.ToString());
            Failed?.Invoke(e);
        }
    }

    private TimeSpan WaitTime()
    {
        if (!Inbox.IsEmpty || HasWork)
        {
            return TimeSpan.Zero;
        }

        var longest = _isLeaving && !_goodbyeSaid.Task.IsCompleted ? Farewell.Step : WaitMax;
        var next = NextDeadline;
        if (next == Instant.Never)
        {
            return longest;
        }

        var wait = next - Context.Clock.Now;
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait > longest ? longest : wait + TimeSpan.FromMilliseconds(1);
    }
}
