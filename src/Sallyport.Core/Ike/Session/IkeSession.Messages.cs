using Sallyport.Core.Gateway;
using Sallyport.Core.Ike.Exchanges;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>What comes in: which message may come when, and what an answer belongs to.</summary>
public sealed partial class IkeSession
{
    /// <summary>Our answer to a first message goes out again so many times: the message is in the clear, and anybody can repeat it.</summary>
    private const int FirstAnswersMax = 8;

    /// <summary>Any other answer goes to elsewhere than where the peer is so many times: more than a peer asks while it is moving.</summary>
    private const int AnswersElsewhereMax = 16;

    private IkeHeader _firstAnswer;
    private int _firstAnswers;

    /// <summary>Where the request came from that is being handled: its answer goes there, wherever the session is (RFC 7296 section 2.11).</summary>
    private IkePath _asker;

    /// <summary>The SPI that the responder chose, of the answer that is being handled.</summary>
    internal ulong AnswererSpi => _firstAnswer.ResponderSpi;

    /// <summary>The first exchange is done, and is not repeated any more.</summary>
    internal void FirstExchangeDone()
    {
        Current.AbandonRequests(this);
        Current.RemoteSpi = AnswererSpi;
        Current.CountFirstExchange();
        _refusal = null;
        _timers.Set(IkeTimer.Handshake, Since + Options.DeadAfter);
    }

    /// <summary>The first message came again before anything else did.</summary>
    internal void RepeatFirstAnswer(ReadOnlySpan<byte> message, in IkePath from)
    {
        if (Handshake is { Response.Length: > 0 } handshake && _firstAnswers < FirstAnswersMax && message.SequenceEqual(handshake.Request))
        {
            _firstAnswers++;
            Transmit(handshake.Response, from);
        }
    }

    private DropReason TakeRequest(IkeSa sa, Span<byte> message, in IkeHeader header, in IkePath from, Instant now)
    {
        // A responder that is up before we are may ask something of us that overtakes its answer: it asks again.
        if (sa.Keys is null || (Target is not null && Phase < IkePhase.Up))
        {
            return DropReason.NotRequested;
        }

        var reason = sa.Admit(header.MessageId, out var answer);
        if (answer is not null)
        {
            return Repeat(sa, message, header, answer, from);
        }

        if (reason != DropReason.None)
        {
            return reason;
        }

        reason = sa.Open(message, header, out var first, out var bytes, out var transcript);
        if (reason != DropReason.None)
        {
            return reason == DropReason.IpFragment ? DropReason.None : reason;
        }

        sa.Took(header.MessageId);
        HeardFrom(sa, from, now);
        _asker = from;
        var fault = IkePayloads.Read(first, bytes, out var payloads);
        if (fault != PayloadFault.None)
        {
            Refuse(sa, header, fault, payloads, now);
            return DropReason.ControlMalformed;
        }

        return Dispatch(sa, header, payloads, transcript, bytes, from, now);
    }

    /// <summary>A genuine request that was answered gets the same answer. Of one in parts, the first asks for it (RFC 7383 section 2.6.1).</summary>
    private DropReason Repeat(IkeSa sa, Span<byte> message, in IkeHeader header, CachedResponse answer, in IkePath from)
    {
        // What is tried under wrong keys is not what it was any more.
        if (!(sa.KeysBefore is { } before && MessageCipher.TryOpen(before, message.ToArray(), header, fromInitiator: !sa.IsInitiator, out var repeated))
            && !MessageCipher.TryOpen(sa.Keys!, message, header, fromInitiator: !sa.IsInitiator, out repeated))
        {
            return DropReason.BadTag;
        }

        // Whoever has seen the request can say it again under any source.
        var mayGo = repeated.Number <= 1 && (from.Peer.Ip == Path.Peer.Ip || answer.TimesElsewhere++ < AnswersElsewhereMax);
        foreach (var datagram in mayGo ? answer.Datagrams : [])
        {
            Transmit(datagram, from);
        }

        return DropReason.Replayed;
    }

    /// <summary>The table of what may come when: everything else is refused, whatever it says (CVE-2014-2338, CVE-2019-12312).</summary>
    private DropReason Dispatch(
        IkeSa sa, in IkeHeader header, IkePayloads payloads, in IntermediateTranscript transcript, byte[] bytes, in IkePath from, Instant now)
    {
        switch (Phase, header.Exchange)
        {
            case (IkePhase.Intermediate, ExchangeType.IkeIntermediate):
                IkeIntermediate.Answer(this, sa, header, payloads, transcript.Write(bytes), now);
                return DropReason.None;
            case (IkePhase.Authenticating, ExchangeType.IkeAuth):
                IkeAuth.Answer(this, sa, header, payloads, now);
                return DropReason.None;
            case (IkePhase.Authenticating, ExchangeType.Informational) when IsFarewell(payloads):
                // Stock clients do not answer a failure inside EAP, but take their leave.
                var nothing = new PayloadWriter(default);
                Answer(sa, header, ref nothing, now);
                End(IkeEnd.AuthenticationFailed, WhyLeft(Handshake!), now);
                return DropReason.None;
            case (IkePhase.Up, ExchangeType.CreateChildSa):
                CreateChildSa.Answer(this, sa, header, payloads, now);
                return DropReason.None;
            case (IkePhase.Up, ExchangeType.IkeFollowupKe):
                IkeFollowupKe.Answer(this, sa, header, payloads, now);
                return DropReason.None;
            case (IkePhase.Up, ExchangeType.Informational):
                Informational.Answer(this, sa, header, payloads, from, now);
                return DropReason.None;
            case (IkePhase.Closing, ExchangeType.Informational):
                var empty = new PayloadWriter(default);
                Answer(sa, header, ref empty, now);
                return DropReason.None;
            case (IkePhase.Closing, ExchangeType.CreateChildSa):
                AnswerError(sa, header, NotifyType.TemporaryFailure, now);
                return DropReason.None;
            case (IkePhase.Closing, ExchangeType.IkeFollowupKe):
                AnswerError(sa, header, NotifyType.StateNotFound, now);
                return DropReason.None;
            default:
                AnswerError(sa, header, NotifyType.InvalidSyntax, now);
                if (!IsUp)
                {
                    End(IkeEnd.Malformed, $"{header.Exchange} came where it may not", now);
                }

                return DropReason.NotRequested;
        }
    }

    private static bool IsFarewell(IkePayloads payloads) =>
        payloads.Has(NotifyType.AuthenticationFailed) || payloads.Deletions.Any(deletion => deletion.Protocol == IpsecProtocol.Ike);

    private static string WhyLeft(Handshake handshake) =>
        (handshake.Eap as EapServing)?.Doubt is { Length: > 0 } doubt
            ? $"{handshake.Peer}: {doubt}"
            : $"{handshake.Peer?.ToString() ?? "the peer"} left in the middle of authentication: it does not accept our proof, or has none itself";

    private void Refuse(IkeSa sa, in IkeHeader header, PayloadFault fault, IkePayloads payloads, Instant now)
    {
        if (fault == PayloadFault.Malformed)
        {
            RefuseMalformed(sa, header, $"malformed payloads in {header.Exchange}", now);
            return;
        }

        AnswerError(sa, header, NotifyType.UnsupportedCriticalPayload, now, [payloads.CriticalType]);
        if (!IsUp)
        {
            End(IkeEnd.Malformed, $"{header.Exchange} has a critical payload that is not known here ({payloads.CriticalType})", now);
        }
    }

    private DropReason TakeResponse(IkeSa sa, Span<byte> message, in IkeHeader header, in IkePath from, Instant now)
    {
        var request = sa.FindPending(header.MessageId);
        if (request is null || request.Exchange.Type != header.Exchange)
        {
            return DropReason.NotRequested;
        }

        return sa.Keys is null ? TakeFirstResponse(sa, request, message, header, now) : TakeSealedResponse(sa, request, message, header, from, now);
    }

    /// <summary>The first answer is in the clear; who it is from shows with AUTH.</summary>
    private DropReason TakeFirstResponse(IkeSa sa, PendingRequest request, Span<byte> message, in IkeHeader header, Instant now)
    {
        if (Handshake is not { } handshake || IkePayloads.Read(header.NextPayload, message[IkeLimits.HeaderLength..], out var payloads) != PayloadFault.None)
        {
            return DropReason.ControlMalformed;
        }

        _firstAnswer = header;
        handshake.Response = message.ToArray();
        request.Exchange.HandleResponse(this, sa, payloads, now);
        return DropReason.None;
    }

    private DropReason TakeSealedResponse(IkeSa sa, PendingRequest request, Span<byte> message, in IkeHeader header, in IkePath from, Instant now)
    {
        var reason = sa.Open(message, header, out var first, out var bytes, out var transcript);
        if (reason != DropReason.None)
        {
            return reason == DropReason.IpFragment ? DropReason.None : reason;
        }

        HeardFrom(sa, from, now);
        sa.Done(request);
        var fault = IkePayloads.Read(first, bytes, out var payloads);
        if (fault != PayloadFault.None || (IsUp && payloads.Has(NotifyType.InvalidSyntax)))
        {
            // Either of the two did not understand the other: what they agree on is unknown from here on (RFC 7296 section 2.21.3).
            request.Exchange.Abandon(this);
            var what = fault != PayloadFault.None ? "malformed payloads in the answer to" : "the peer could not read our";
            EndTelling(IkeEnd.Malformed, $"{what} {header.Exchange}", InformationalKind.DeleteIke, now);
            return DropReason.ControlMalformed;
        }

        if (header.Exchange == ExchangeType.IkeIntermediate)
        {
            Handshake?.AddIntermediate(sa.Keys!, ofInitiator: false, transcript.Write(bytes));
        }

        request.Exchange.HandleResponse(this, sa, payloads, now);
        return DropReason.None;
    }

    /// <summary>A genuine message: the peer lives. Before it is up it has moved to the port for NAT; behind a NAT it may have another port by now.</summary>
    private void HeardFrom(IkeSa sa, in IkePath from, Instant now)
    {
        LastHeard = now;
        ArmProbe(now);
        if (from == Path || Target is not null || sa != Current)
        {
            return;
        }

        if (Phase < IkePhase.Up)
        {
            GoTo(from);
        }
        else if (IsUp && !HasMobike && IsPeerBehindNat && from.Peer != Path.Peer)
        {
            GoTo(from);
            ShownAt = from.Peer.Ip;
            Raise(new IkeMoved(Path, IsEncapsulated));
        }
    }

    private void ArmProbe(Instant now)
    {
        if (Options.ProbeAfter > TimeSpan.Zero && IsUp)
        {
            SetTimer(IkeTimer.Probe, now + Options.ProbeAfter);
        }
    }
}
