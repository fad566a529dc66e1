using Sallyport.Core.Ike.Exchanges;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>A CREATE_CHILD_SA of the peer's that was answered, and what will come of it when its additional key exchanges are done (RFC 9370 section 2.2.4).</summary>
/// <param name="sa">It was asked for under this one.</param>
/// <param name="secrets">Taken over.</param>
/// <param name="lower">The lower nonce of its exchange.</param>
internal abstract class AnsweredChain(IkeSa sa, KeyChain secrets, byte[] lower) : IDisposable
{
    public IkeSa Sa => sa;

    public KeyChain Secrets => secrets;

    public byte[] LowerNonce => lower;

    /// <summary>What the next request names it by.</summary>
    public byte[] Link { get; set; } = [];

    public Instant Ends { get; set; }

    /// <summary>The CHILD_SA that it takes the place of; null for a new one, and for the IKE SA.</summary>
    public virtual ChildSa? Old => null;

    public virtual bool IsOfIke => false;

    /// <summary>All secrets are there, and the peer has been answered.</summary>
    public abstract void Finish(IkeSession session, Instant now);

    /// <summary>Nothing will come of it: numbers that it holds go back.</summary>
    public virtual void Abandon(IkeSession session)
    {
    }

    public void Dispose() => secrets.Dispose();
}

/// <summary>
/// What is agreed on and waits for additional key exchanges: of the peer's asking, each under the link that the peer was told, and of ours. A peer that does not go on
/// in time finds its own forgotten, and is told so.
/// </summary>
internal sealed class Followups(IkeSession session)
{
    private const int LinkLength = 8;

    /// <summary>RFC 9370 section 2.2.4 names 5 to 20 seconds. Stock peers repeat a request that was lost twice after 11.</summary>
    private static readonly TimeSpan WaitTime = TimeSpan.FromSeconds(20);

    /// <summary>So often in a row the peer may have forgotten what it agreed to.</summary>
    private const int LostMax = 5;

    private readonly List<AnsweredChain> _answered = [];
    private readonly List<CreatingExchange> _ours = [];
    private int _lost;

    public int Answered => _answered.Count;

    public bool HasRoom => _answered.Count < IkeLimits.FollowupsMax;

    /// <summary>The peer's new keys for the IKE SA.</summary>
    public AnsweredChain? OfIke => _answered.Find(chain => chain.IsOfIke);

    /// <summary>A CHILD_SA is in the making, whichever end began.</summary>
    public bool AnyOfChildren => _answered.Exists(chain => !chain.IsOfIke) || _ours.Exists(exchange => exchange is CreateChild);

    /// <summary>One of ours that takes no other's place.</summary>
    public bool IsAddingChild => _ours.Exists(exchange => exchange is CreateChild { IsRekey: false });

    public Instant NextDeadline
    {
        get
        {
            var next = Instant.Never;
            foreach (var chain in _answered)
            {
                next = Instant.Min(next, chain.Ends);
            }

            return next;
        }
    }

    /// <summary>The peer's, which takes the place of this one.</summary>
    public AnsweredChain? Of(ChildSa? old) => old is null ? null : _answered.Find(chain => chain.Old == old);

    /// <summary>Ours is agreed on, and goes on.</summary>
    public bool IsOurs(ChildSa old) => _ours.Exists(exchange => exchange.Old == old);

    public bool IsOurs(CreatingExchange exchange) => _ours.Contains(exchange);

    /// <summary>
    /// A request that the peer could only refuse (RFC 7296 section 2.25): nothing is made while it makes new keys for the IKE SA, and no new keys for that while CHILD_SAs are
    /// in the making.
    /// </summary>
    public bool Hold(Exchange exchange) => exchange is CreatingExchange && (OfIke is not null || (exchange is RekeyIke && AnyOfChildren));

    /// <summary>The peer is to go on with it; answers what it names it by.</summary>
    public byte[] Expect(AnsweredChain chain, Instant now)
    {
        chain.Link = new byte[LinkLength];
        session.Entropy.Fill(chain.Link);
        chain.Ends = now + WaitTime;
        if (!_answered.Contains(chain))
        {
            _answered.Add(chain);
        }

        return chain.Link;
    }

    public AnsweredChain? Find(IkeSa sa, ReadOnlySpan<byte> link)
    {
        foreach (var chain in _answered)
        {
            if (chain.Sa == sa && link.SequenceEqual(chain.Link))
            {
                return chain;
            }
        }

        return null;
    }

    /// <summary>It is the caller's from now on.</summary>
    public void Take(AnsweredChain chain) => _answered.Remove(chain);

    public void Drop(AnsweredChain? chain)
    {
        if (chain is not null && _answered.Remove(chain))
        {
            chain.Abandon(session);
            chain.Dispose();
        }
    }

    public void DropAll()
    {
        while (_answered.Count > 0)
        {
            Drop(_answered[^1]);
        }
    }

    public void HandleTimeout(Instant now)
    {
        for (var i = _answered.Count - 1; i >= 0; i--)
        {
            if (_answered[i].Ends <= now)
            {
                Drop(_answered[i]);
                session.Raise(new NegotiationFailed($"{session.Peer} does not go on with the additional key exchanges that it asked for"));
            }
        }
    }

    public void Follow(CreatingExchange exchange)
    {
        if (!_ours.Contains(exchange))
        {
            _ours.Add(exchange);
        }
    }

    public void Leave(CreatingExchange exchange) => _ours.Remove(exchange);

    public void Succeed() => _lost = 0;

    /// <summary>The peer has forgotten one of ours. False where that happens again and again: it is no use then (RFC 9370 section 2.2.4).</summary>
    public bool TryLose() => ++_lost < LostMax;
}
