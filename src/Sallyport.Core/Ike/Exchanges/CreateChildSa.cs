using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Exchanges;

/// <summary>CREATE_CHILD_SA as who answers (RFC 7296 section 1.3): a new pair of SAs, new keys for one that there is, or new keys for the IKE SA itself.</summary>
internal static class CreateChildSa
{
    public static void Answer(IkeSession session, IkeSa sa, in IkeHeader header, IkePayloads request, Instant now)
    {
        if (!request.HasSa || !request.HasNonce)
        {
            session.RefuseMalformed(sa, header, "CREATE_CHILD_SA has no proposal or no nonce", now);
        }
        else if (sa != session.Current)
        {
            // Nothing is made under keys that are about to go.
            session.AnswerError(sa, header, NotifyType.TemporaryFailure, now);
        }
        else if (request.Ke is not null && !session.MayExchangeKeys(now))
        {
            session.AnswerError(sa, header, NotifyType.TemporaryFailure, now);
        }
        else if (request.Sa[0].Protocol == IpsecProtocol.Ike)
        {
            RekeyIke.Answer(session, sa, header, request, now);
        }
        else if (session.Rekeying is { IsUnderWay: true } || session.Followups.OfIke is not null)
        {
            // RFC 7296 section 2.25.2
            session.AnswerError(sa, header, NotifyType.TemporaryFailure, now);
        }
        else
        {
            CreateChild.Answer(session, sa, header, request, now);
        }
    }
}
