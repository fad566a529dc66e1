using Sallyport.Core.Dns;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Shards;

namespace Sallyport.DataPlane.Dns;

/// <summary>
/// Asks other servers, with sockets of the gateway host, on a thread of its own: one socket with a port of the kernel's choice and one random
/// number for each attempt, so that who cannot see the question guesses at both (RFC 5452). Time and number of everything is bounded.
/// </summary>
internal sealed class DnsForwarder : IDisposable
{
    private const ulong WakeToken = ulong.MaxValue;
    private static readonly TimeSpan IdleWait = TimeSpan.FromSeconds(10);

    private readonly Clock _clock;
    private readonly IEntropy _entropy;
    private readonly NameTies _ties;
    private readonly GatewayLog _log;
    private readonly Epoll _epoll = new();
    private readonly WakeUp _wakeUp = new();
    private readonly UpstreamInbox _inbox = new();
    private readonly UpstreamAttempt?[] _attempts = new UpstreamAttempt?[DnsServiceLimits.OutstandingMax];
    private readonly Dictionary<int, int> _perIdentity = [];
    private readonly byte[] _buffer = new byte[DnsLimits.MessageMax];
    private readonly HostResolvers _hostResolvers = new();
    private readonly Thread _thread;
    private Mailbox[] _shards = [];
    private int _outstanding;
    private int _streams;
    private int _nextSlot;
    private uint _generation;
    private volatile bool _stop;

    /// <param name="ties">That this thread alone writes.</param>
    public DnsForwarder(Clock clock, IEntropy entropy, NameTies ties, GatewayLog log)
    {
        _ties = ties;
        _clock = clock;
        _entropy = entropy;
        _log = log;
        _epoll.Add(_wakeUp.Fd, Readiness.In, WakeToken);
        _thread = new Thread(Run) { IsBackground = true, Name = "dns" };
    }

    /// <summary>Raised on its thread when it cannot go on; the process should end.</summary>
    public event Action<Exception>? Failed;

    /// <summary>Any thread. False where too many wait, or too many of this identity.</summary>
    public bool TryAsk(UpstreamQuestion question)
    {
        if (!_inbox.TryAdd(question))
        {
            return false;
        }

        _wakeUp.Signal();
        return true;
    }

    /// <param name="shards">Where answers go, by shard.</param>
    public void Start(Mailbox[] shards)
    {
        _shards = shards;
        _thread.Start();
    }

    public void Stop()
    {
        _stop = true;
        _wakeUp.Signal();
        if (_thread.ThreadState != ThreadState.Unstarted)
        {
            _thread.Join();
        }
    }

    public void Dispose()
    {
        Stop();
        foreach (var attempt in _attempts)
        {
            attempt?.Dispose();
        }

        _wakeUp.Dispose();
        _epoll.Dispose();
    }

    private void Run()
    {
        try
        {
            while (!_stop)
            {
                var ready = _epoll.Wait(WaitMilliseconds(_clock.Now));
                for (var i = 0; i < ready; i++)
                {
                    HandleReady(_epoll.Event(i).Token);
                }

                TakeInbox();
                HandleTimeouts(_clock.Now);
            }
        }
        catch (Exception e)
        {
            _log.Write("dns.failed", e.ToString());
            Failed?.Invoke(e);
        }
    }

    private int WaitMilliseconds(Instant now)
    {
        var next = now + IdleWait;
        for (var i = 0; _outstanding > 0 && i < _attempts.Length; i++)
        {
            next = _attempts[i] is { } attempt ? Instant.Min(next, attempt.Deadline) : next;
        }

        return next <= now ? 0 : (int)Math.Ceiling((next - now).TotalMilliseconds);
    }

    private void HandleReady(ulong token)
    {
        if (token == WakeToken)
        {
            _wakeUp.Clear();
            return;
        }

        // Of a socket that was closed meanwhile nothing is left in the kernel but what this very wait had found.
        if (_attempts[(int)(uint)token] is not { } attempt || attempt.Generation != (uint)(token >> 32))
        {
            return;
        }

        switch (attempt.Handle(_buffer, out var length, out var read))
        {
            case AttemptResult.Answer when read.IsTruncated && !attempt.IsStream && _streams < DnsServiceLimits.StreamsMax:
                attempt.Truncated = new UpstreamAnswer(_buffer[..length], read);
                Ask(attempt, isStream: true);
                break;
            case AttemptResult.Answer:
                Finish(attempt, new UpstreamAnswer(_buffer[..length], read));
                break;
            case AttemptResult.Failed:
                AskNext(attempt);
                break;
            case AttemptResult.WantsRead:
                _epoll.Modify(attempt.Fd, Readiness.In, Token(attempt));
                break;
            case AttemptResult.Waiting:
            default:
                break;
        }
    }

    private void TakeInbox()
    {
        while (_inbox.TryTake(out var asked))
        {
            var question = asked;
            var own = _perIdentity.GetValueOrDefault(question.IdentityId);
            if (question.Forward.Servers.IsEmpty)
            {
                question = question with { Forward = question.Forward with { Servers = _hostResolvers.Servers(_clock.Now) } };
            }

            if (question.Forward.Servers.IsEmpty || own >= DnsServiceLimits.OutstandingPerIdentityMax || !TryMakeRoom(own))
            {
                Deliver(question, null);
                continue;
            }

            while (_attempts[_nextSlot] is not null)
            {
                _nextSlot = (_nextSlot + 1) % _attempts.Length;
            }

            var attempt = new UpstreamAttempt(question, _nextSlot);
            _attempts[_nextSlot] = attempt;
            _perIdentity[question.IdentityId] = own + 1;
            _outstanding++;
            Ask(attempt, isStream: false);
        }
    }

    /// <summary>Where there is no place, whoever has clearly more than the one who asks gives up the one that came to nothing most often.</summary>
    private bool TryMakeRoom(int own)
    {
        if (_outstanding < DnsServiceLimits.OutstandingMax)
        {
            return true;
        }

        var (identity, most) = _perIdentity.MaxBy(pair => pair.Value);
        if (most <= own + 1)
        {
            return false;
        }

        UpstreamAttempt? given = null;
        foreach (var attempt in _attempts)
        {
            if (attempt?.Question.IdentityId == identity
                && (given is null || attempt.Count > given.Count || (attempt.Count == given.Count && attempt.Deadline < given.Deadline)))
            {
                given = attempt;
            }
        }

        Finish(given!, given!.Truncated);
        return true;
    }

    private void HandleTimeouts(Instant now)
    {
        for (var i = 0; _outstanding > 0 && i < _attempts.Length; i++)
        {
            if (_attempts[i] is { } attempt && attempt.Deadline <= now)
            {
                AskNext(attempt);
            }
        }
    }

    /// <summary>The server did not answer, or not in a way that can be used.</summary>
    private void AskNext(UpstreamAttempt attempt)
    {
        if (attempt.Truncated is { } truncated)
        {
            // What fits is better than nothing, and says that it is not all.
            Finish(attempt, truncated);
        }
        else if (++attempt.Count >= DnsServiceLimits.AttemptsMax)
        {
            Finish(attempt, null);
        }
        else
        {
            Ask(attempt, isStream: false);
        }
    }

    private void Ask(UpstreamAttempt attempt, bool isStream)
    {
        Close(attempt);
        Span<byte> random = stackalloc byte[sizeof(ushort)];
        _entropy.Fill(random);
        attempt.Generation = ++_generation;
        attempt.Deadline = _clock.Now + (isStream ? DnsServiceLimits.StreamTime : DnsServiceLimits.AttemptTime);
        if (!attempt.TryStart(BitConverter.ToUInt16(random), isStream))
        {
            // Its time runs all the same: a network that is away for a moment does not use up every attempt in it.
            return;
        }

        _streams += isStream ? 1 : 0;
        _epoll.Add(attempt.Fd, isStream ? Readiness.Out : Readiness.In, Token(attempt));
    }

    private void Finish(UpstreamAttempt attempt, UpstreamAnswer? answer)
    {
        Close(attempt);
        _attempts[attempt.Slot] = null;
        _outstanding--;
        var identity = attempt.Question.IdentityId;
        if (_perIdentity[identity] == 1)
        {
            _perIdentity.Remove(identity);
        }
        else
        {
            _perIdentity[identity]--;
        }

        Deliver(attempt.Question, answer);
    }

    private void Close(UpstreamAttempt attempt)
    {
        if (attempt.IsOpen)
        {
            _streams -= attempt.IsStream ? 1 : 0;
            _epoll.Remove(attempt.Fd);
            attempt.Dispose();
        }
    }

    private void Deliver(UpstreamQuestion question, UpstreamAnswer? answer)
    {
        if (answer is not null)
        {
            // Before the answer is on its way: whoever has it may use it.
            _ties.Tie(question, answer, _clock.Now);
        }

        _ = _shards[question.Shard].TryPost(new DeliverAnswer(question, answer));
    }

    private static ulong Token(UpstreamAttempt attempt) => ((ulong)attempt.Generation << 32) | (uint)attempt.Slot;
}
