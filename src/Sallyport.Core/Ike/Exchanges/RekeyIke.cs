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
internal sealed class RekeyIke(IkeSa of) : CreatingExchange
{
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(10);

    private readonly byte[] _nonce = new byte[IkeLimits.NonceLength];
    private KeyExchange? _exchange;
    private KeyExchangeMethod? _method;

    /// <summary>The peer has named the method: it names no second one, or it could have keys made here without end.</summary>
    private bool _isAgain;
    private ulong _spi;
    private IReadOnlyList<Proposal> _offered = [];
    private byte[] _peerNonce = [];
    private Proposal? _chosen;
    private Rival? _rival;

    /// <summary>The peer's own rekey stands: what ours makes goes again.</summary>
    private bool _isLost;

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

        if (session.IkeProposals.Count == 0)
        {
            // OpenSSL here lacks all that its network asks for by now: the keys that there are end with their time.
            return false;
        }

        IsUnderWay = true;
        session.Entropy.Fill(_nonce);
        _spi = session.Owner.NewIkeSpi();

        // What was agreed first, so that its group needs no second round; with its additional key exchanges, so that new keys are as strong as the first. Unless it is no
        // longer taken here.
        var agreed = session.AgreedIke!;
        var isTaken = ProposalChoice.TryChoose([agreed], session.IkeProposals, KeyExchangeMethod.None, out _);
        _offered = [.. (isTaken ? [agreed] : Array.Empty<Proposal>()).Concat(session.IkeProposals).Select(proposal => proposal with { Spi = _spi })];
        _method ??= (KeyExchangeMethod)_offered[0].Of(TransformType.KeyExchange).First().Id;
        _exchange = KeyExchange.Start(_method.Value);
        to.Sa(_offered);
        to.Nonce(_nonce);
        to.Ke(_exchange.Method, _exchange.Public);
        return true;
    }

    public override void HandleResponse(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        if (response.FirstError is { } error)
        {
            HandleError(session, sa, error, now);
            return;
        }

        if (!response.HasSa || response.Sa.Length != 1 || response.Sa[0].Spi == 0 || !response.HasNonce || response.Ke is null
            || !ProposalChoice.IsFrom(response.Sa[0], IkeSaInit.Numbered(_offered)) || IkeSuite.Of(response.Sa[0]) is not { } suite
            || suite.Group != _exchange!.Method || response.Ke.Method != suite.Group || !_exchange.TryFinish(response.Ke.Value.AsSpan(), out var secret))
        {
            HandleMalformed(session, sa, now);
            return;
        }

        _exchange.Dispose();
        Secrets = new KeyChain(secret, response.Sa[0]);
        (_chosen, _peerNonce) = (response.Sa[0], [.. response.Nonce]);
        Settle(session, sa, response, now);
    }

    public override bool MayGoOn(IkeSession session, IkeSa sa, Instant now) => sa == of && session.Rekeying == this;

    public override void HandleMalformed(IkeSession session, IkeSa sa, Instant now)
    {
        Abandon(session);
        session.EndTelling(IkeEnd.Malformed, "the peer's answer to new keys for the IKE SA is not of what we asked for", InformationalKind.DeleteIke, now);
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
        base.Abandon(session);
        _exchange?.Dispose();
        if (session.Rekeying == this)
        {
            session.Rekeying = null;
        }
    }

    /// <summary>The responder's side.</summary>
    public static void Answer(IkeSession session, IkeSa sa, in IkeHeader header, IkePayloads request, Instant now)
    {
        // RFC 7296 section 2.25.2: not while a CHILD_SA is being made, replaced or deleted. Nor for a peer that never deletes what it replaces, nor once it has agreed to our
        // own new keys (RFC 9370 section 2.2.4).
        if (session.LocalSpis.Count() >= IkeLimits.IkeSasMax || session.Children.AnyIn(ChildState.Rekeying) || session.Children.AnyIn(ChildState.Deleting)
            || session.Followups.AnyOfChildren || sa.Pending.Any(pending => pending.Exchange is CreateChild)
            || (session.Rekeying is { } under && session.Followups.IsOurs(under)))
        {
            session.AnswerError(sa, header, NotifyType.TemporaryFailure, now);
            return;
        }

        var brought = request.Ke?.Method ?? KeyExchangeMethod.None;
        var taken = session.IkeProposals;
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

        // Of a peer that begins again, what it began before is forgotten.
        session.Followups.Drop(session.Followups.OfIke);
        var nonce = new byte[IkeLimits.NonceLength];
        session.Entropy.Fill(nonce);
        var secrets = new KeyChain(secret, chosen);
        var answered = new AnsweredIke(sa, secrets, chosen, session.Owner.NewIkeSpi(), [.. request.Nonce], nonce);
        var writer = new PayloadWriter(new byte[IkeLimits.MessageMax]);
        writer.Sa([chosen with { Spi = answered.Spi }]);
        writer.Nonce(nonce);
        writer.Ke(suite.Group, own);
        if (!secrets.IsComplete)
        {
            writer.Notify(NotifyType.AdditionalKeyExchange, session.Followups.Expect(answered, now));
            session.Answer(sa, header, ref writer, now);
            return;
        }

        session.Answer(sa, header, ref writer, now);
        using (answered)
        {
            answered.Finish(session, now);
        }
    }

    /// <summary>
    /// Which of two stays (RFC 7296 section 2.8.1): not the one whose exchange has the lowest nonce. Where nothing has been made yet nothing is to be deleted, and its key
    /// exchanges are not gone on with (RFC 9370 section 2.2.4).
    /// </summary>
    private void Settle(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        var chain = session.Followups.OfIke;
        var nonce = Other?.Nonce ?? chain?.LowerNonce;
        _isLost = nonce is not null && Lower(_nonce, _peerNonce).AsSpan().SequenceCompareTo(nonce) < 0;
        if (_isLost && !Secrets!.IsComplete)
        {
            Abandon(session);
            Follow(session, sa, now);
            return;
        }

        if (!_isLost)
        {
            // The peer deletes what it has made, or does not go on.
            Other?.Sa.DropAt = now + session.Options.DeadAfter;
            session.Followups.Drop(chain);
        }

        GoOn(session, sa, response, now);
    }

    protected override void Complete(IkeSession session, IkeSa sa, Instant now)
    {
        session.Rekeying = null;
        var made = Make(sa, isInitiator: true, _spi, _chosen!, _nonce, _peerNonce, Secrets!, session.Entropy);
        session.Shelter(made);
        if (_isLost)
        {
            made.DropAt = now + session.Options.DeadAfter;
            Follow(session, sa, now);
            session.Enqueue(made, new Informational(InformationalKind.DeleteOldIke), isFirst: true);
            return;
        }

        Take(session, sa, made, _chosen!, now);
        session.Enqueue(sa, new Informational(InformationalKind.DeleteOldIke), isFirst: true);
    }

    /// <summary>To what the peer's own rekey has made; it deletes the old one. Where it has not yet, and stops half-way, we begin again.</summary>
    private void Follow(IkeSession session, IkeSa sa, Instant now)
    {
        if (!Yield(session, sa, now))
        {
            session.SetTimer(IkeTimer.Rekey, now + Later);
        }
    }

    private static IkeSa Make(
        IkeSa old, bool isInitiator, ulong spi, Proposal chosen, byte[] nonce, byte[] responderNonce, KeyChain secrets, IEntropy entropy)
    {
        var made = new IkeSa(isInitiator, spi, chosen.Spi, entropy) { CanFragment = old.CanFragment, IsStrict = false };
        using var more = secrets.More();
        made.UseKeys(old.Keys!.Next(IkeSuite.Of(chosen), new IkeNonces(nonce, responderNonce, made.InitiatorSpi, made.ResponderSpi), secrets.First, more.Bytes));
        return made;
    }

    /// <summary>Requests go under the new one from now on; the old one answers until it is deleted.</summary>
    private static void Take(IkeSession session, IkeSa old, IkeSa made, Proposal chosen, Instant now)
    {
        session.Followups.DropAll();
        session.MoveWaiting(old, made);
        session.Current = made;
        session.AgreedIke = chosen with { Spi = 0, Number = 0 };
        old.DropAt = now + session.Options.DeadAfter;
        session.ArmRekey(now);
        session.Raise(new IkeRekeyed(session.Suite));
    }

    public override void HandleError(IkeSession session, IkeSa sa, Notification error, Instant now)
    {
        Abandon(session);
        if (Yield(session, sa, now))
        {
            return;
        }

        switch (error.Type)
        {
            case NotifyType.InvalidKePayload when !_isAgain && error.Data.Length == 2 && BinaryPrimitives.ReadUInt16BigEndian(error.Data.AsSpan()) is var wanted
                && wanted != (ushort)_method!.Value && _offered.Any(proposal => proposal.Contains(new Transform(TransformType.KeyExchange, wanted))):
                session.Rekeying = new RekeyIke(sa) { _method = (KeyExchangeMethod)wanted, _isAgain = true };
                session.Enqueue(sa, session.Rekeying, isFirst: true);
                break;
            case NotifyType.TemporaryFailure or NotifyType.StateNotFound:
                session.SetTimer(IkeTimer.Rekey, now + Later);
                break;
            default:
                session.Raise(new NegotiationFailed($"{session.Peer} refuses new keys for the IKE SA: {error.Type}"));
                session.SetTimer(IkeTimer.Rekey, now + (Later * 6));
                break;
        }
    }

    /// <param name="Nonce">The lower one of its exchange.</param>
    private sealed record Rival(IkeSa Sa, Proposal Chosen, byte[] Nonce);

    /// <summary>The peer's asking, until all its secrets are there.</summary>
    private sealed class AnsweredIke(IkeSa sa, KeyChain secrets, Proposal chosen, ulong spi, byte[] nonce, byte[] ownNonce) : AnsweredChain(sa, secrets, Lower(nonce, ownNonce))
    {
        public ulong Spi => spi;

        public override bool IsOfIke => true;

        public override void Finish(IkeSession session, Instant now)
        {
            var made = Make(Sa, isInitiator: false, spi, chosen, nonce, ownNonce, Secrets, session.Entropy);
            session.Shelter(made);
            if (session.Rekeying is { IsUnderWay: true } ours)
            {
                ours._rival = new Rival(made, chosen, LowerNonce);
                return;
            }

            Take(session, Sa, made, chosen, now);
        }
    }
}
