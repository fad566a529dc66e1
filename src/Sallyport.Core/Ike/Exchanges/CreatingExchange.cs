using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Exchanges;

/// <summary>
/// CREATE_CHILD_SA as who asks: what it makes is there with its answer, or, where additional key exchanges were agreed on, with the answer to the last
/// IKE_FOLLOWUP_KE (RFC 9370 section 2.2.4).
/// </summary>
internal abstract class CreatingExchange : Exchange
{
    public override ExchangeType Type => ExchangeType.CreateChildSa;

    /// <summary>The CHILD_SA that it replaces; null for none.</summary>
    public virtual ChildSa? Old => null;

    /// <summary>From the answer on.</summary>
    public KeyChain? Secrets { get; protected set; }

    /// <summary>What the peer wants to be reminded of.</summary>
    public byte[] Link { get; private set; } = [];

    /// <summary>Whether it is still wanted, before another key exchange.</summary>
    public abstract bool MayGoOn(IkeSession session, IkeSa sa, Instant now);

    /// <summary>The peer does not go on, or not now.</summary>
    public abstract void HandleError(IkeSession session, IkeSa sa, Notification error, Instant now);

    /// <summary>The peer's answer is none.</summary>
    public abstract void HandleMalformed(IkeSession session, IkeSa sa, Instant now);

    /// <summary>After each answer with a key exchange in it: to the next one, or to the end.</summary>
    public void GoOn(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        if (Secrets!.IsComplete)
        {
            session.Followups.Leave(this);
            session.Followups.Succeed();
            using (Secrets)
            {
                Complete(session, sa, now);
            }

            Secrets = null;
        }
        else if (response.Find(NotifyType.AdditionalKeyExchange) is { Data: { Length: > 0 and <= IkeLimits.LinkMax } link })
        {
            Link = [.. link];
            session.Followups.Follow(this);
            session.Enqueue(sa, new IkeFollowupKe(this), isFirst: true);
        }
        else
        {
            HandleMalformed(session, sa, now);
        }
    }

    public override void Abandon(IkeSession session)
    {
        session.Followups.Leave(this);
        Secrets?.Dispose();
        Secrets = null;
    }

    /// <summary>All secrets are there.</summary>
    protected abstract void Complete(IkeSession session, IkeSa sa, Instant now);

    internal static byte[] Lower(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) => (a.SequenceCompareTo(b) <= 0 ? a : b).ToArray();
}
