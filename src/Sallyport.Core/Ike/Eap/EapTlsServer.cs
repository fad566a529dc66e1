using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Eap;

/// <summary>
/// EAP-TLS (RFC 5216, with TLS 1.3 as RFC 9190 has it): the client proves itself by a certificate. Whether TLS accepts it is libssl's to say, with the
/// anchors of its context; who it is of is the caller's question, once it is proven.
/// </summary>
public sealed class EapTlsServer : EapServer
{
    private readonly TlsPump _tls;
    private EapTlsFraming _framing;
    private State _state;
    private byte[]? _provenCertificate;

    /// <param name="context">Of a server that requires a certificate of its clients.</param>
    /// <param name="now">At which certificates are judged, however long it takes.</param>
    /// <param name="firstIdentifier">One more than that of the question for the identity, where that was asked.</param>
    public EapTlsServer(TlsContext context, Instant now, byte firstIdentifier, int fragmentLength = EapLimits.FragmentLength)
        : base(EapType.Tls, firstIdentifier)
    {
        Invariant.Check(context.IsServer && context.RequireClientCertificate, "EAP-TLS is a server's that requires a certificate");
        Invariant.Check(fragmentLength is > 0 and <= EapLimits.MaxTlsMessage, "a fragment has a length");
        _tls = new TlsPump(context, now);
        _framing = new EapTlsFraming(fragmentLength);
    }

    private enum State : byte
    {
        Handshake,

        /// <summary>Both have proven themselves; the client's last "go on" is missing.</summary>
        Proven,

        /// <summary>TLS refused. The client is told why, and its "go on" awaited.</summary>
        Refused,
    }

    /// <summary>The certificate that was proven; null before the success.</summary>
    public byte[]? PeerCertificateDer { get; private set; }

    /// <summary>Why TLS refused, where it did.</summary>
    public TlsFailure TlsFailure { get; private set; }

    private protected override byte[] First() => [EapTlsFraming.StartFlag];

    private protected override EapStep Proceed(ReadOnlySpan<byte> data)
    {
        var piece = _framing.Take(data);
        switch (piece)
        {
            case EapTlsPiece.Malformed or EapTlsPiece.Start:
                return Fail(EapFailure.Malformed, "not a packet of EAP-TLS");
            case EapTlsPiece.TooLong:
                return Fail(EapFailure.TooLong, "more TLS at once than anybody needs");
            case EapTlsPiece.Acknowledgement when _framing.HasMore:
                return Ask(_framing.Next());
            case EapTlsPiece.Acknowledgement:
                return Acknowledged();
            case EapTlsPiece.Fragment when !_framing.HasMore && _state == State.Handshake:
                return Ask(EapTlsFraming.Acknowledgement);
            case EapTlsPiece.Whole when !_framing.HasMore && _state == State.Handshake:
                return Shake();
            case EapTlsPiece.Whole when _state == State.Proven:
                return Objected();
            default:
                return Fail(EapFailure.OutOfOrder, "TLS that nobody waits for");
        }
    }

    private protected override void Erase()
    {
        _tls.Dispose();
        _framing.Erase();
    }

    private EapStep Shake()
    {
        _tls.Feed(_framing.Message);
        _framing.Clear();
        switch (_tls.Handshake())
        {
            case TlsStatus.Done:
                return Finish();
            case TlsStatus.WantRead when _tls.PendingOutput > 0:
                _framing.Say(_tls);
                return Ask(_framing.Next());
            case TlsStatus.WantRead:
                return Fail(EapFailure.Malformed, "a flight of TLS that is not whole");
            default:
                return Refuse();
        }
    }

    private EapStep Finish()
    {
        // Nothing of the client's follows its Finished, and libssl has seen its certificate: both are sure without this, and both are worth a second look.
        Span<byte> room = stackalloc byte[1];
        if (_tls.Read(room, out _) != TlsStatus.WantRead || _tls.HasPartialRecord || _tls.PeerCertificateDer() is not { Length: > 0 } certificate)
        {
            return Fail(EapFailure.NotProven, "a handshake without a certificate, or with something behind its end");
        }

        // RFC 9190 section 2.5: one byte of data says that nothing else of TLS follows. Below TLS 1.3 our Finished is the last word.
        if (EapKeys.IsTls13(_tls) && _tls.Write([0]) != TlsStatus.Done)
        {
            return Refuse();
        }

        _state = State.Proven;
        _provenCertificate = certificate;
        _framing.Say(_tls);
        return Ask(_framing.Next());
    }

    private EapStep Acknowledged()
    {
        switch (_state)
        {
            case State.Proven when EapKeys.TryExport(_tls, out var msk):
                PeerCertificateDer = _provenCertificate;
                return Succeed(msk);
            case State.Refused:
                return Fail(EapFailure.NotProven, RefusalDetail());
            default:
                return Fail(EapFailure.OutOfOrder, "nothing to go on with");
        }
    }

    /// <summary>A client that refuses our Finished says so by an alert, where it should have said "go on".</summary>
    private EapStep Objected()
    {
        Span<byte> room = stackalloc byte[1];
        _tls.Feed(_framing.Message);
        var isAlert = _tls.Read(room, out _) == TlsStatus.Failed && _tls.Failure == TlsFailure.PeerAlert;
        return isAlert
            ? Fail(EapFailure.Refused, _tls.FailureDetail)
            : Fail(EapFailure.OutOfOrder, "TLS that nobody waits for");
    }

    private EapStep Refuse()
    {
        TlsFailure = _tls.Failure;
        _state = State.Refused;
        if (_tls.PendingOutput == 0)
        {
            return Fail(_tls.Failure == TlsFailure.PeerAlert ? EapFailure.Refused : EapFailure.NotProven, RefusalDetail());
        }

        _framing.Say(_tls);
        return Ask(_framing.Next());
    }

    private string RefusalDetail() => $"TLS: {_tls.Failure}, {_tls.FailureDetail}";
}
