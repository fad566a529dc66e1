using Sallyport.Core.Ike.Door;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Exchanges;

/// <summary>IKE_SESSION_RESUME (RFC 5723 section 4.3): back with a ticket, without a key exchange or a signature.</summary>
internal sealed class SessionResume(ResumptionTicket ticket) : Exchange
{
    private readonly byte[] _nonce = new byte[IkeLimits.NonceLength];
    private byte[] _cookie = [];
    private bool _begun;

    public override ExchangeType Type => ExchangeType.IkeSessionResume;

    public override bool IsAlone => true;

    public override bool Write(IkeSession session, IkeSa sa, ref PayloadWriter to, Instant now)
    {
        if (!_begun)
        {
            _begun = true;
            session.Entropy.Fill(_nonce);
        }

        if (_cookie.Length > 0)
        {
            to.Notify(NotifyType.Cookie, _cookie);
        }

        to.Nonce(_nonce);
        to.Notify(NotifyType.TicketOpaque, ticket.Opaque);
        IkeSaInit.WriteAbilities(session, sa, ref to);
        return true;
    }

    public override void HandleResponse(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        if (response.Find(NotifyType.Cookie) is { Data: { Length: > 0 and <= IkeLimits.CookieMax } cookie } && _cookie.Length == 0)
        {
            _cookie = [.. cookie];
            session.Begin(this, now);
            return;
        }

        if (response.Has(NotifyType.TicketNack) || response.FirstError is not null)
        {
            // The ticket is of no use any more: the whole way, then.
            session.Begin(new IkeSaInit(), now);
            return;
        }

        if (!response.HasNonce || session.AnswererSpi == 0)
        {
            return;
        }

        session.FirstExchangeDone();
        var handshake = session.Handshake!;
        (handshake.InitiatorNonce, handshake.ResponderNonce) = (_nonce, [.. response.Nonce]);
        var agreed = ticket.Agreed;
        handshake.Resumed = new TicketContent(ticket.Remote, IkeProof.Ticket, agreed, [.. ticket.Derivation], [], ticket.Expires);
        session.AgreedIke = agreed;
        sa.UseKeys(IkeKeys.Resume(IkeSuite.Of(agreed), ticket.Derivation, new IkeNonces(_nonce, response.Nonce.AsSpan(), sa.InitiatorSpi, sa.ResponderSpi)));
        IkeSaInit.ReadAbilities(session, sa, response, ofRequest: false);
        IkeSaInit.GoOn(session, sa, now);
    }

    /// <summary>The responder's side: the door has opened the ticket.</summary>
    public static void Answer(IkeSession session, IkeSa sa, IkeAdmission admission, TicketContent resumed, Instant now)
    {
        var handshake = session.Handshake!;
        var nonce = new byte[IkeLimits.NonceLength];
        session.Entropy.Fill(nonce);
        handshake.Request = admission.Message;
        (handshake.InitiatorNonce, handshake.ResponderNonce) = ([.. admission.Payloads.Nonce], nonce);
        handshake.Resumed = resumed;
        session.AgreedIke = resumed.Agreed;
        var writer = new PayloadWriter(new byte[IkeLimits.MessageMax]);
        writer.Nonce(nonce);
        IkeSaInit.ReadAbilities(session, sa, admission.Payloads, ofRequest: true);
        IkeSaInit.WriteAbilities(session, sa, ref writer);
        sa.UseKeys(IkeKeys.Resume(
            IkeSuite.Of(resumed.Agreed), resumed.Derivation, new IkeNonces(admission.Payloads.Nonce.AsSpan(), nonce, sa.InitiatorSpi, sa.ResponderSpi)));
        handshake.Response = sa.ComposeClear(ExchangeType.IkeSessionResume, 0, isResponse: true, writer.First, writer.Written);
        sa.CountFirstExchange();
        session.Transmit([handshake.Response]);
        session.Phase = IkePhase.Authenticating;
    }
}
