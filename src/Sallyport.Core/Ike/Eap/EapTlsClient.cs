using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Eap;

/// <summary>EAP-TLS (RFC 5216, with TLS 1.3 as RFC 9190 has it) of a client that has a certificate, and judges the server's.</summary>
public sealed class EapTlsClient : EapClient
{
    private readonly TlsPump _tls;
    private EapTlsFraming _framing;
    private State _state;

    /// <param name="context">Of a client; its anchors judge the server.</param>
    /// <param name="identity">Said where it is asked for; it need not be the certificate's.</param>
    /// <param name="now">At which certificates are judged, however long it takes.</param>
    public EapTlsClient(TlsContext context, string identity, Instant now, int fragmentLength = EapLimits.FragmentLength)
        : base(EapType.Tls, identity)
    {
        Invariant.Check(!context.IsServer, "a client of EAP-TLS is a client of TLS");
        Invariant.Check(fragmentLength is > 0 and <= EapLimits.MaxTlsMessage, "a fragment has a length");
        _tls = new TlsPump(context, now);
        _framing = new EapTlsFraming(fragmentLength);
    }

    private enum State : byte
    {
        New,
        Handshake,

        /// <summary>Of TLS 1.3: the handshake is done, and the byte that says so is missing.</summary>
        Finished,

        /// <summary>TLS refused. The server is told why, and is to say that it is over.</summary>
        Refused,
        Proven,
    }

    /// <summary>Why TLS refused, where it did.</summary>
    public TlsFailure TlsFailure { get; private set; }

    private protected override string Reason => _state == State.Refused ? $"TLS: {TlsFailure}, {_refusal}" : "";

    private string _refusal = "";

    private protected override EapStep Proceed(byte identifier, ReadOnlySpan<byte> data)
    {
        var piece = _framing.Take(data);
        switch (piece)
        {
            case EapTlsPiece.Malformed:
                return Fail(EapFailure.Malformed, "not a packet of EAP-TLS");
            case EapTlsPiece.TooLong:
                return Fail(EapFailure.TooLong, "more TLS at once than anybody needs");
            case EapTlsPiece.Start when _state == State.New:
                _state = State.Handshake;
                return Shake(identifier);
            case EapTlsPiece.Acknowledgement when _framing.HasMore:
                return Respond(identifier, _framing.Next());
            case EapTlsPiece.Fragment when !_framing.HasMore && _state is State.Handshake or State.Finished:
                return Respond(identifier, EapTlsFraming.Acknowledgement);
            case EapTlsPiece.Whole when !_framing.HasMore && _state == State.Handshake:
                FeedMessage();
                return Shake(identifier);
            case EapTlsPiece.Whole when !_framing.HasMore && _state == State.Finished:
                FeedMessage();
                return Conclude(identifier);
            default:
                return Fail(EapFailure.OutOfOrder, "TLS that nobody waits for");
        }
    }

    private protected override void Erase()
    {
        _tls.Dispose();
        _framing.Erase();
    }

    private void FeedMessage()
    {
        _tls.Feed(_framing.Message);
        _framing.Clear();
    }

    private EapStep Shake(byte identifier)
    {
        switch (_tls.Handshake())
        {
            case TlsStatus.Done when EapKeys.IsTls13(_tls):
                _state = State.Finished;
                return Say(identifier);
            case TlsStatus.Done when _tls.PendingOutput == 0:
                return Prove(identifier);
            case TlsStatus.WantRead when _tls.PendingOutput > 0:
                return Say(identifier);
            case TlsStatus.Done or TlsStatus.WantRead:
                return Fail(EapFailure.Malformed, "a flight of TLS that is not whole");
            default:
                return Refuse(identifier);
        }
    }

    /// <summary>RFC 9190 section 2.5: one byte of data, and nothing else, says that the server is content. Tickets may come before it.</summary>
    private EapStep Conclude(byte identifier)
    {
        Span<byte> room = stackalloc byte[2];
        switch (_tls.Read(room, out var count))
        {
            case TlsStatus.Done when count == 1 && room[0] == 0:
                return Prove(identifier);
            case TlsStatus.WantRead:
                return Respond(identifier, EapTlsFraming.Acknowledgement);
            case TlsStatus.Failed:
                return Refuse(identifier);
            default:
                return Fail(EapFailure.Malformed, "data that have no place in EAP-TLS");
        }
    }

    private EapStep Prove(byte identifier)
    {
        Span<byte> room = stackalloc byte[1];
        if (_tls.Read(room, out _) != TlsStatus.WantRead || _tls.HasPartialRecord || !EapKeys.TryExport(_tls, out var msk))
        {
            return Fail(EapFailure.Malformed, "TLS with something behind its end");
        }

        _state = State.Proven;
        return Accept(identifier, EapTlsFraming.Acknowledgement, msk);
    }

    private EapStep Refuse(byte identifier)
    {
        (TlsFailure, _refusal) = (_tls.Failure, _tls.FailureDetail);
        _state = State.Refused;
        return _tls.PendingOutput > 0 ? Say(identifier)
            : TlsFailure == TlsFailure.PeerAlert ? Respond(identifier, EapTlsFraming.Acknowledgement)
            : Fail(EapFailure.NotProven, Reason);
    }

    private EapStep Say(byte identifier)
    {
        _framing.Say(_tls);
        return Respond(identifier, _framing.Next());
    }
}
