using Sallyport.Core.Ike.Exchanges;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>What goes out: requests that wait for their turn, answers, repetition.</summary>
public sealed partial class IkeSession
{
    /// <summary>Longest time in which a peer asks again for an answer that it did not get: stock peers stop after 165 s (strongSwan's retransmit_tries).</summary>
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(180);

    /// <summary>Until what the peer had no time for is asked again (RFC 7296 section 2.25).</summary>
    private static readonly TimeSpan RetryTime = TimeSpan.FromSeconds(5);

    /// <summary>Requests of the owner's and of timers that wait for their turn.</summary>
    private const int WaitingMax = 256;

    private readonly Queue<(byte[] Datagram, IkePath Path)> _transmits = new();
    private readonly LinkedList<(IkeSa Sa, Exchange Exchange)> _waiting = new();
    private readonly List<Exchange> _late = [];
    private readonly List<byte[]> _again = [];

    internal void Transmit(IReadOnlyList<byte[]> datagrams)
    {
        foreach (var datagram in datagrams)
        {
            Transmit(datagram, Path);
        }
    }

    internal void Enqueue(IkeSa sa, Exchange exchange, bool isFirst = false)
    {
        if (_waiting.Count >= WaitingMax)
        {
            exchange.Abandon(this);
        }
        else if (isFirst)
        {
            _waiting.AddFirst((sa, exchange));
        }
        else
        {
            _waiting.AddLast((sa, exchange));
        }
    }

    /// <summary>The peer is busy: in a while, then.</summary>
    internal void EnqueueLater(Exchange exchange, Instant now)
    {
        if (_late.Count < WaitingMax)
        {
            _late.Add(exchange);
            SetTimer(IkeTimer.Retry, now + RetryTime);
        }
    }

    /// <summary>What waits to go under one pair of SPIs goes under another.</summary>
    internal void MoveWaiting(IkeSa from, IkeSa to)
    {
        for (var node = _waiting.First; node is not null; node = node.Next)
        {
            if (node.Value.Sa == from)
            {
                node.Value = (to, node.Value.Exchange);
            }
        }
    }

    /// <summary>A first request, in the clear: its message is number 0, however often it is made anew.</summary>
    internal void Begin(Exchange exchange, Instant now)
    {
        var writer = new PayloadWriter(new byte[IkeLimits.MessageMax]);
        _ = exchange.Write(this, Current, ref writer, now);
        var message = Current.ComposeClear(exchange.Type, 0, isResponse: false, writer.First, writer.Written);
        Handshake!.Request = message;
        Current.Keep(exchange, 0, [message], Options.RetransmitAfter, now);
        Transmit(message, Path);
    }

    internal void Answer(IkeSa sa, in IkeHeader request, ref PayloadWriter payloads, Instant now)
    {
        foreach (var datagram in sa.Answer(request.Exchange, request.MessageId, payloads.First, payloads.Written))
        {
            Transmit(datagram, _asker);
        }

        _timers.Set(IkeTimer.ForgetAnswers, now + AnswerTime);
    }

    internal void AnswerError(IkeSa sa, in IkeHeader request, NotifyType error, Instant now, ReadOnlySpan<byte> data = default)
    {
        var writer = new PayloadWriter(new byte[64]);
        writer.Notify(error, data);
        Answer(sa, request, ref writer, now);
    }

    /// <summary>INVALID_SYNTAX ends an IKE SA at both ends (RFC 7296 section 2.21.3).</summary>
    internal void RefuseMalformed(IkeSa sa, in IkeHeader request, string detail, Instant now)
    {
        AnswerError(sa, request, NotifyType.InvalidSyntax, now);
        End(IkeEnd.Malformed, detail, now);
    }

    private void Transmit(byte[] datagram, in IkePath path) => _transmits.Enqueue((datagram, path));

    private void EnqueueLate()
    {
        _late.ForEach(exchange => Enqueue(Current, exchange));
        _late.Clear();
    }

    /// <summary>Under the pair of SPIs that is in use, what was asked under one that goes.</summary>
    private void AskAgain(IkeSa sa)
    {
        foreach (var request in sa.Pending)
        {
            if (request.Exchange.Again() is { } again)
            {
                request.Exchange = new DisownedExchange(request.Exchange.Type);
                Enqueue(Current, again);
            }
        }

        sa.AbandonRequests(this);
    }

    private void DisownRequests()
    {
        foreach (var (_, exchange) in _waiting)
        {
            exchange.Abandon(this);
        }

        _waiting.Clear();
        _sas.ForEach(sa => sa.Disown(this));
    }

    private void RepeatRequests(Instant now)
    {
        foreach (var sa in _sas)
        {
            if (!sa.Repeat(now, Options.DeadAfter, _again))
            {
                continue;
            }

            if (sa == Current)
            {
                _again.Clear();
                End(IkeEnd.Silent, "the peer does not answer", now);
                Finish();
                return;
            }

            // The last word on an old pair of SPIs was not answered: nobody needs that answer.
            sa.AbandonRequests(this);
        }

        TransmitAgain();
    }

    private void SendAgain()
    {
        Current.RepeatAll(_again);
        TransmitAgain();
    }

    private void TransmitAgain()
    {
        Transmit(_again);
        _again.Clear();
    }

    private void Advance(Instant now)
    {
        if (Phase < IkePhase.Finished)
        {
            Pump(now);
        }

        // The cached answers of the peer's last request linger as long as it may ask for them.
        if (Phase == IkePhase.Closing && _waiting.Count == 0 && !Current.HasCachedResponses && !_sas.Exists(sa => sa.HasRequestUnderWay))
        {
            Finish();
        }
    }

    /// <summary>Sends what waits and may go.</summary>
    private void Pump(Instant now)
    {
        for (var node = _waiting.First; node is not null;)
        {
            var next = node.Next;
            var (sa, exchange) = node.Value;
            var mayGo = exchange.IsAlone ? !sa.HasRequestUnderWay : sa.HasRoomForRequest && !sa.Pending.Any(request => request.Exchange.IsAlone);
            if (mayGo && !Followups.Hold(exchange))
            {
                _waiting.Remove(node);
                Send(sa, exchange, now);
                next = _waiting.First;
            }

            node = next;
        }
    }

    private void Send(IkeSa sa, Exchange exchange, Instant now)
    {
        var writer = new PayloadWriter(new byte[IkeLimits.MessageMax]);
        if (!exchange.Write(this, sa, ref writer, now))
        {
            exchange.Abandon(this);
            return;
        }

        if (exchange.Type == ExchangeType.IkeIntermediate)
        {
            var transcript = new IntermediateTranscript(sa.Header(exchange.Type, sa.NextRequestId, isResponse: false), writer.First);
            Handshake!.AddIntermediate(sa.Keys!, ofInitiator: true, transcript.Write(writer.Written));
        }

        Transmit(sa.Send(exchange, writer.First, writer.Written, Options.RetransmitAfter, now));
    }
}
