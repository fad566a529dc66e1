using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Exchanges;

/// <summary>One request of ours: what it says, and what its answer means. Lives until it is answered, or its IKE SA is gone.</summary>
internal abstract class Exchange
{
    public abstract ExchangeType Type { get; }

    /// <summary>Nothing else may be under way beside it.</summary>
    public virtual bool IsAlone => false;

    /// <summary>Puts the payloads of the request into <paramref name="to"/>; false where there is nothing to ask any more.</summary>
    public abstract bool Write(IkeSession session, IkeSa sa, ref PayloadWriter to, Instant now);

    public abstract void HandleResponse(IkeSession session, IkeSa sa, IkePayloads response, Instant now);

    /// <summary>The same once more, where its IKE SA went before it was answered; null where nobody needs it any more.</summary>
    public virtual Exchange? Again() => null;

    /// <summary>It will never be answered: secrets and numbers that it holds go back.</summary>
    public virtual void Abandon(IkeSession session)
    {
    }
}
