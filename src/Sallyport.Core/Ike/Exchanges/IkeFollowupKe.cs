using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Exchanges;

/// <summary>IKE_FOLLOWUP_KE (RFC 9370 section 2.2.4): one more key exchange of a CREATE_CHILD_SA, of which nothing is made before the last.</summary>
internal sealed class IkeFollowupKe(CreatingExchange of) : Exchange
{
    private KeyExchange? _exchange;

    public override ExchangeType Type => ExchangeType.IkeFollowupKe;

    /// <summary>What belongs to new keys for the IKE SA.</summary>
    public override bool IsAlone => of.IsAlone;

    public override bool Write(IkeSession session, IkeSa sa, ref PayloadWriter to, Instant now)
    {
        if (!of.MayGoOn(session, sa, now))
        {
            return false;
        }

        _exchange = KeyExchange.Start(of.Secrets!.Next);
        to.Ke(_exchange.Method, _exchange.Public);
        to.Notify(NotifyType.AdditionalKeyExchange, of.Link);
        return true;
    }

    public override void HandleResponse(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        using var exchange = _exchange!;
        if (response.FirstError is { } error)
        {
            HandleError(session, sa, error, now);
        }
        else if (response.Ke is not { } value || value.Method != exchange.Method || !exchange.TryFinish(value.Value.AsSpan(), out var secret))
        {
            of.HandleMalformed(session, sa, now);
        }
        else
        {
            of.Secrets!.Add(secret);
            of.GoOn(session, sa, response, now);
        }
    }

    public override void Abandon(IkeSession session)
    {
        _exchange?.Dispose();
        of.Abandon(session);
    }

    /// <summary>The responder's side.</summary>
    public static void Answer(IkeSession session, IkeSa sa, in IkeHeader header, IkePayloads request, Instant now)
    {
        var followups = session.Followups;
        if (request.Find(NotifyType.AdditionalKeyExchange) is not { } link || followups.Find(sa, link.Data.AsSpan()) is not { } chain)
        {
            session.AnswerError(sa, header, NotifyType.StateNotFound, now);
            return;
        }

        if (chain.Old is { State: ChildState.Deleting } || !session.MayExchangeKeys(now))
        {
            // RFC 7296 section 2.25.1; or the peer wants too much at once.
            followups.Drop(chain);
            session.AnswerError(sa, header, NotifyType.TemporaryFailure, now);
            return;
        }

        if (request.Ke is not { } value || value.Method != chain.Secrets.Next || !KeyExchange.TryRespond(value.Method, value.Value.AsSpan(), out var own, out var secret))
        {
            session.RefuseMalformed(sa, header, "IKE_FOLLOWUP_KE came without the key exchange that is next", now);
            return;
        }

        chain.Secrets.Add(secret);
        var writer = new PayloadWriter(new byte[IkeLimits.MessageMax]);
        writer.Ke(value.Method, own);
        if (!chain.Secrets.IsComplete)
        {
            writer.Notify(NotifyType.AdditionalKeyExchange, followups.Expect(chain, now));
            session.Answer(sa, header, ref writer, now);
            return;
        }

        followups.Take(chain);
        session.Answer(sa, header, ref writer, now);
        using (chain)
        {
            chain.Finish(session, now);
        }
    }

    /// <summary>What the peer has forgotten is begun anew, but not for ever.</summary>
    private void HandleError(IkeSession session, IkeSa sa, Notification error, Instant now)
    {
        if (error.Type == NotifyType.StateNotFound && !session.Followups.TryLose())
        {
            of.Abandon(session);
            session.EndTelling(
                IkeEnd.Refused, "the peer forgets, again and again, the additional key exchanges that it agreed to (STATE_NOT_FOUND)", InformationalKind.DeleteIke, now);
            return;
        }

        of.HandleError(session, sa, error, now);
    }
}
