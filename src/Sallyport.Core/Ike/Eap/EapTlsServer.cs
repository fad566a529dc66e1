using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Eap;

/// <summary>
/// EAP-TLS (RFC 5216, with TLS 1.3 as RFC 9190 has it): the client proves itself by a certificate. Whether TLS accepts it is libssl's to say, with the
/// anchors of its context; who it is of is the caller's question, once it is proven.
/// </summary>
public sealed class EapTlsServer : EapServer
{
    private readonly TlsContext _context;
    private readonly Instant _began;
    private TlsPump? _tls;
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
        (_context, _began) = (context, now);
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

    /// <summary>From the client's first word of TLS until the end: who is asked for a method that it does not speak costs none.</summary>
    public bool HoldsTls => _tls is not null;

    /// <summary>Why TLS refused, where it did.</summary>
    public TlsFailure TlsFailure { get; private set; }

    private protected override byte[] First() => [EapTlsFraming.StartFlag];

    private protected override EapStep Proceed(ReadOnlySpan<byte> data)
    {
        var tls = _tls ??= new TlsPump(_context, _began);
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
                return Acknowledged(tls);
            case EapTlsPiece.Fragment when !_framing.HasMore && _state == State.Handshake:
                return Ask(EapTlsFraming.Acknowledgement);
            case EapTlsPiece.Whole when !_framing.HasMore && _state == State.Handshake:
                return Shake(tls);
            case EapTlsPiece.Whole when _state == State.Proven:
                return Objected(tls);
            default:
                return Fail(EapFailure.OutOfOrder, "TLS that nobody waits for");
        }
    }

    private protected override void Erase()
    {
        _tls?.Dispose();
        _tls = null;
        _framing.Erase();
    }

    private EapStep Shake(TlsPump tls)
    {
        tls.Feed(_framing.Message);
        _framing.Clear();
        switch (tls.Handshake())
        {
            case TlsStatus.Done:
                return Finish(tls);
            case TlsStatus.WantRead when tls.PendingOutput > 0:
                _framing.Say(tls);
                return Ask(_framing.Next());
            case TlsStatus.WantRead:
                return Fail(EapFailure.Malformed, "a flight of TLS that is not whole");
            default:
                return Refuse(tls);
        }
    }

    private EapStep Finish(TlsPump tls)
    {
        // Nothing of the client's follows its Finished, and libssl has seen its certificate: both are sure without this, and both are worth a second look.
        Span<byte> room = stackalloc byte[1];
        if (tls.Read(room, out _) != TlsStatus.WantRead || tls.HasPartialRecord || tls.PeerCertificateDer() is not { Length: > 0 } certificate)
        {
            return Fail(EapFailure.NotProven, "a handshake without a certificate, or with something behind its end");
        }

        // RFC 9190 section 2.5: one byte of data says that nothing else of TLS follows. Below TLS 1.3 our Finished is the last word.
        if (EapKeys.IsTls13(tls) && tls.Write([0]) != TlsStatus.Done)
        {
            return Refuse(tls);
        }

        _state = State.Proven;
        _provenCertificate = certificate;
        _framing.Say(tls);
        return Ask(_framing.Next());
    }

    private EapStep Acknowledged(TlsPump tls)
    {
        switch (_state)
        {
            case State.Proven when EapKeys.TryExport(tls, out var msk):
                PeerCertificateDer = _provenCertificate;
                return Succeed(msk);
            case State.Refused:
                return Fail(EapFailure.NotProven, RefusalDetail(tls));
            default:
                return Fail(EapFailure.OutOfOrder, "nothing to go on with");
        }
    }

    /// <summary>A client that refuses our Finished says so by an alert, where it should have said "go on".</summary>
    private EapStep Objected(TlsPump tls)
    {
        Span<byte> room = stackalloc byte[1];
        tls.Feed(_framing.Message);
        var isAlert = tls.Read(room, out _) == TlsStatus.Failed && tls.Failure == TlsFailure.PeerAlert;
        return isAlert
            ? Fail(EapFailure.Refused, tls.FailureDetail)
            : Fail(EapFailure.OutOfOrder, "TLS that nobody waits for");
    }

    private EapStep Refuse(TlsPump tls)
    {
        TlsFailure = tls.Failure;
        _state = State.Refused;
        if (tls.PendingOutput == 0)
        {
            return Fail(tls.Failure == TlsFailure.PeerAlert ? EapFailure.Refused : EapFailure.NotProven, RefusalDetail(tls));
        }

        _framing.Say(tls);
        return Ask(_framing.Next());
    }

    private static string RefusalDetail(TlsPump tls) => $"TLS: {tls.Failure}, {tls.FailureDetail}";
}
