using System.Buffers.Binary;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Exchanges;

/// <summary>
/// New keys and SPIs for the IKE SA (RFC 7296 sections 1.3.2, 2.8 and 2.18). CHILD_SAs belong to the session, so they come along. Where both ends begin at once, two
/// come of it; the one whose exchange has the lowest of the four nonces goes, and who began the other deletes the old one.
/// </summary>
internal sealed class RekeyIke(IkeSa of) : Exchange
{
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(10);

    private readonly byte[] _nonce = new byte[IkeLimits.NonceLength];
    private KeyExchange? _exchange;
    private KeyExchangeMethod? _method;
    private ulong _spi;
    private IReadOnlyList<Proposal> _offered = [];
    private Rival? _rival;

    public override ExchangeType Type => ExchangeType.CreateChildSa;

    public override bool IsAlone => true;

    public bool IsUnderWay { get; private set; }

    /// <summary>What the peer's own rekey made meanwhile, unless the peer has deleted it.</summary>
    private Rival? Other => _rival is { Sa.Keys: not null } rival && rival.Sa.DropAt == Instant.Never ? rival : null;

    public override bool Write(IkeSession session, IkeSa sa, ref PayloadWriter to, Instant now)
    {
        if (sa != of)
        {
            // The peer was faster.
            return false;
        }

        IsUnderWay = true;
        session.Entropy.Fill(_nonce);
        _spi = session.Owner.NewIkeSpi();

        // What was agreed first, so that its group needs no second round.
        var agreed = session.AgreedIke!;
        _offered = [.. new[] { agreed }.Concat(session.IkeProposals).Select(Plain).Select(proposal => proposal with { Spi = _spi })];
        _method ??= (KeyExchangeMethod)agreed.Of(TransformType.KeyExchange).First().Id;
        _exchange = KeyExchange.Start(_method.Value);
        to.Sa(_offered);
        to.Nonce(_nonce);
        to.Ke(_exchange.Method, _exchange.Public);
        return true;
    }

    public override void HandleResponse(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        session.Rekeying = null;
        if (response.FirstError is { } error)
        {
            HandleError(session, sa, error, now);
            return;
        }

        if (!response.HasSa || response.Sa.Length != 1 || response.Sa[0].Spi == 0 || !response.HasNonce || response.Ke is null
            || !ProposalChoice.IsFrom(response.Sa[0], IkeSaInit.Numbered(_offered)) || IkeSuite.Of(response.Sa[0]) is not { } suite
            || suite.Group != _exchange!.Method || response.Ke.Method != suite.Group || !_exchange.TryFinish(response.Ke.Value.AsSpan(), out var secret))
        {
            Abandon(session);
            session.EndTelling(IkeEnd.Malformed, "the peer's answer to new keys for the IKE SA is not of what we asked for", InformationalKind.DeleteIke, now);
            return;
        }

        var made = new IkeSa(isInitiator: true, _spi, response.Sa[0].Spi, session.Entropy) { CanFragment = sa.CanFragment, IsStrict = false };
        using (secret)
        {
            made.UseKeys(sa.Keys!.Next(suite, new IkeNonces(_nonce, response.Nonce.AsSpan(), made.InitiatorSpi, made.ResponderSpi), secret.Bytes));
        }

        _exchange.Dispose();
        session.Shelter(made);
        if (Other is { } rival && CreateChild.Lower(_nonce, response.Nonce.AsSpan()).AsSpan().SequenceCompareTo(rival.Nonce) < 0)
        {
            // Ours has the lowest nonce: it goes, and the peer deletes the old one.
            made.DropAt = now + session.Options.DeadAfter;
            Take(session, sa, rival.Sa, rival.Chosen, now);
            session.Enqueue(made, new Informational(InformationalKind.DeleteOldIke), isFirst: true);
            return;
        }

        if (Other is { } loser)
        {
            loser.Sa.DropAt = now + session.Options.DeadAfter;
        }

        Take(session, sa, made, response.Sa[0], now);
        session.Enqueue(sa, new Informational(InformationalKind.DeleteOldIke), isFirst: true);
    }

    /// <summary>
    /// The peer deletes the pair of SPIs whose keys we are about to replace: it has not seen our request, and what its own rekey made stands (RFC 7296 section
    /// 2.8.2). False where it has made nothing: then it ends the session.
    /// </summary>
    public bool Yield(IkeSession session, IkeSa sa, Instant now)
    {
        if (Other is not { } rival)
        {
            return false;
        }

        Take(session, sa, rival.Sa, rival.Chosen, now);
        return true;
    }

    public override void Abandon(IkeSession session)
    {
        _exchange?.Dispose();
        if (session.Rekeying == this)
        {
            session.Rekeying = null;
        }
    }

    /// <summary>The responder's side.</summary>
    public static void Answer(IkeSession session, IkeSa sa, in IkeHeader header, IkePayloads request, Instant now)
    {
        // RFC 7296 section 2.25.2: not while a CHILD_SA is being made, replaced or deleted. Nor for a peer that never deletes what it replaces.
        if (session.LocalSpis.Count() >= IkeLimits.IkeSasMax || session.Children.AnyIn(ChildState.Rekeying) || session.Children.AnyIn(ChildState.Deleting) || sa.Pending.Any(pending => pending.Exchange is CreateChild))
        {
            session.AnswerError(sa, header, NotifyType.TemporaryFailure, now);
            return;
        }

        var brought = request.Ke?.Method ?? KeyExchangeMethod.None;
        IReadOnlyList<Proposal> taken = [.. session.IkeProposals.Select(Plain)];
        if (!ProposalChoice.TryChoose(request.Sa, taken, brought, out var chosen) || chosen.Spi == 0)
        {
            session.AnswerError(sa, header, NotifyType.NoProposalChosen, now);
            session.Raise(new NegotiationFailed($"{session.Peer}: no IKE proposal matches for new keys: {ProposalChoice.Explain(request.Sa, taken)}"));
            return;
        }

        var suite = IkeSuite.Of(chosen);
        if (suite.Group != brought)
        {
            Span<byte> wanted = stackalloc byte[2];
            BinaryPrimitives.WriteUInt16BigEndian(wanted, (ushort)suite.Group);
            session.AnswerError(sa, header, NotifyType.InvalidKePayload, now, wanted);
            return;
        }

        if (!KeyExchange.TryRespond(suite.Group, request.Ke!.Value.AsSpan(), out var own, out var secret))
        {
            session.RefuseMalformed(sa, header, "a key exchange value for the IKE SA is not one", now);
            return;
        }

        var nonce = new byte[IkeLimits.NonceLength];
        session.Entropy.Fill(nonce);
        var made = new IkeSa(isInitiator: false, session.Owner.NewIkeSpi(), chosen.Spi, session.Entropy) { CanFragment = sa.CanFragment, IsStrict = false };
        using (secret)
        {
            made.UseKeys(sa.Keys!.Next(suite, new IkeNonces(request.Nonce.AsSpan(), nonce, made.InitiatorSpi, made.ResponderSpi), secret.Bytes));
        }

        var writer = new PayloadWriter(new byte[IkeLimits.MessageMax]);
        writer.Sa([chosen with { Spi = made.LocalSpi }]);
        writer.Nonce(nonce);
        writer.Ke(suite.Group, own);
        session.Answer(sa, header, ref writer, now);
        session.Shelter(made);
        if (session.Rekeying is { IsUnderWay: true } ours)
        {
            ours._rival = new Rival(made, chosen, CreateChild.Lower(request.Nonce.AsSpan(), nonce));
            return;
        }

        Take(session, sa, made, chosen, now);
    }

    /// <summary>Requests go under the new one from now on; the old one answers until it is deleted.</summary>
    private static void Take(IkeSession session, IkeSa old, IkeSa made, Proposal chosen, Instant now)
    {
        session.MoveWaiting(old, made);
        session.Current = made;
        session.AgreedIke = chosen with { Spi = 0, Number = 0 };
        old.DropAt = now + session.Options.DeadAfter;
        session.ArmRekey(now);
        session.Raise(new IkeRekeyed(session.Suite));
    }

    private void HandleError(IkeSession session, IkeSa sa, Notification error, Instant now)
    {
        Abandon(session);
        if (Yield(session, sa, now))
        {
            return;
        }

        switch (error.Type)
        {
            case NotifyType.InvalidKePayload when error.Data.Length == 2 && BinaryPrimitives.ReadUInt16BigEndian(error.Data.AsSpan()) is var wanted
                && wanted != (ushort)_method!.Value && _offered.Any(proposal => proposal.Contains(new Transform(TransformType.KeyExchange, wanted))):
                session.Rekeying = new RekeyIke(sa) { _method = (KeyExchangeMethod)wanted };
                session.Enqueue(sa, session.Rekeying, isFirst: true);
                break;
            case NotifyType.TemporaryFailure:
                session.SetTimer(IkeTimer.Rekey, now + Later);
                break;
            default:
                session.Raise(new NegotiationFailed($"{session.Peer} refuses new keys for the IKE SA: {error.Type}"));
                session.SetTimer(IkeTimer.Rekey, now + (Later * 6));
                break;
        }
    }

    /// <summary>
    /// Without additional key exchanges: the SK_d of a session that had one is mixed into all later keys, which makes them as strong against who records today
    /// (RFC 7296 section 2.18).
    /// </summary>
    private static Proposal Plain(Proposal proposal) =>
        proposal with { Transforms = [.. proposal.Transforms.Where(transform => transform.Type < TransformType.AdditionalKeyExchange1)] };

    /// <param name="Nonce">The lower one of its exchange.</param>
    private sealed record Rival(IkeSa Sa, Proposal Chosen, byte[] Nonce);
}
