using System.Buffers.Binary;
using System.Collections.Immutable;
using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Exchanges;

/// <summary>
/// A new pair of SAs, or the replacement of one (RFC 7296 sections 1.3.1, 1.3.3 and 2.8). Where both ends replace the same pair at once, two come of it, and the one
/// whose exchange has the lowest of the four nonces goes again.
/// </summary>
internal sealed class CreateChild : CreatingExchange
{
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(5);

    private readonly ChildSa? _old;
    private readonly ImmutableArray<TrafficSelector> _local;
    private readonly ImmutableArray<TrafficSelector> _remote;
    private readonly bool _wantsTransport;
    private readonly byte[] _nonce = new byte[IkeLimits.NonceLength];

    /// <summary>The peer has named the method: it names no second one, or it could have keys made here without end.</summary>
    private readonly bool _isAgain;
    private KeyExchangeMethod? _method;
    private KeyExchange? _exchange;
    private IReadOnlyList<Proposal> _offered = [];
    private IkeSa? _sa;
    private uint _spi;
    private bool _begun;
    private byte[] _peerNonce = [];
    private ChildAgreement? _agreement;

    /// <summary>The peer replaces the same pair, and its exchange stands: what ours makes goes again.</summary>
    private bool _isLost;

    public CreateChild(ChildSa old)
    {
        _old = old;
        (_local, _remote, _wantsTransport) = (old.Local, old.Remote, old.IsTransport);
    }

    public CreateChild(ImmutableArray<TrafficSelector> local, ImmutableArray<TrafficSelector> remote, bool wantsTransport) =>
        (_local, _remote, _wantsTransport) = (local, remote, wantsTransport);

    private CreateChild(CreateChild before, KeyExchangeMethod method)
    {
        (_old, _local, _remote, _wantsTransport) = (before._old, before._local, before._remote, before._wantsTransport);
        (_method, _isAgain) = (method, true);
    }

    public override ChildSa? Old => _old;

    /// <summary>It takes the place of another.</summary>
    public bool IsRekey => _old is not null;

    public override bool Write(IkeSession session, IkeSa sa, ref PayloadWriter to, Instant now)
    {
        if (_old is not null && (_old.State != ChildState.Active || session.Children.Find(_old.InboundSpi) is null))
        {
            return false;
        }

        if (session.Followups.Of(_old) is not null)
        {
            // The peer is about to replace it, unless it stops half-way.
            _old!.RekeyAt = now + Later;
            return false;
        }

        if (session.EspProposals.Count == 0)
        {
            session.Raise(new NegotiationFailed($"{session.Peer}: OpenSSL here has nothing of what its network asks of ESP"));
            return false;
        }

        if (!session.Owner.TryNewEspSpi(session, out _spi))
        {
            session.Raise(new NegotiationFailed("no SA can be added"));
            return false;
        }

        (_begun, _sa) = (true, sa);
        session.Entropy.Fill(_nonce);
        var all = session.EspProposals;
        _method ??= FirstMethod(all);
        _offered = [.. all.Select(proposal => proposal with { Spi = _spi })];
        if (_old is not null)
        {
            _old.State = ChildState.Rekeying;
            to.Notify(NotifyType.RekeySa, IpsecProtocol.Esp, _old.InboundSpi);
        }

        if (_wantsTransport)
        {
            to.Notify(NotifyType.UseTransportMode);
        }

        to.Sa(_offered);
        to.Nonce(_nonce);
        if (_method != KeyExchangeMethod.None)
        {
            _exchange = KeyExchange.Start(_method.Value);
            to.Ke(_exchange.Method, _exchange.Public);
        }

        to.Selectors(PayloadType.TsInitiator, _local);
        to.Selectors(PayloadType.TsResponder, _remote);
        return true;
    }

    public override void HandleResponse(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        if (response.FirstError is { } error)
        {
            HandleError(session, sa, error, now);
            return;
        }

        if (!response.HasSa || response.Sa.Length != 1 || !response.HasNonce || !response.HasTs
            || !ProposalChoice.IsFrom(response.Sa[0], IkeSaInit.Numbered(_offered))
            || !IkeAuth.AreInside(response.TsInitiator, _local) || !IkeAuth.AreInside(response.TsResponder, _remote)
            || !TryFinish(response, out var secret))
        {
            HandleMalformed(session, sa, now);
            return;
        }

        Secrets = new KeyChain(secret, response.Sa[0]);
        _exchange?.Dispose();
        _peerNonce = [.. response.Nonce];
        _agreement = new ChildAgreement
        {
            Chosen = response.Sa[0],
            Local = response.TsInitiator,
            Remote = response.TsResponder,
            IsTransport = _wantsTransport && response.Has(NotifyType.UseTransportMode),
        };
        Settle(session, sa, response, now);
    }

    public override bool MayGoOn(IkeSession session, IkeSa sa, Instant now)
    {
        if (_old is null)
        {
            return sa == _sa;
        }

        if (sa != _sa)
        {
            _old.RekeyAt = now + Later;
        }

        return sa == _sa && _old.State == ChildState.Rekeying && session.Children.Find(_old.InboundSpi) is not null;
    }

    public override void HandleMalformed(IkeSession session, IkeSa sa, Instant now)
    {
        // The peer believes that there is one.
        session.Enqueue(sa, Informational.Delete(_spi));
        Abandon(session);
        session.Raise(new NegotiationFailed($"{session.Peer}: its answer for a CHILD_SA is not of what we asked for"));
    }

    public override void Abandon(IkeSession session)
    {
        base.Abandon(session);
        if (_spi != 0)
        {
            session.Owner.FreeEspSpi(_spi);
            _spi = 0;
        }

        _exchange?.Dispose();
        if (_begun && _old is { State: ChildState.Rekeying })
        {
            _old.State = ChildState.Active;
            _old.Rival = null;
        }
    }

    /// <summary>The responder's side.</summary>
    public static void Answer(IkeSession session, IkeSa sa, in IkeHeader header, IkePayloads request, Instant now)
    {
        if (!request.HasTs)
        {
            session.RefuseMalformed(sa, header, "CREATE_CHILD_SA has no selectors", now);
            return;
        }

        ChildSa? old = null;
        if (request.Find(NotifyType.RekeySa) is { } rekey)
        {
            // The protocol is not looked at before it is known to be ours (CVE-2023-38710).
            old = rekey.Protocol == IpsecProtocol.Esp && rekey.Spi != 0 ? session.Children.FindOutbound(rekey.Spi) : null;
            if (old is null)
            {
                session.AnswerError(sa, header, NotifyType.ChildSaNotFound, now);
                return;
            }

            if (old.State is ChildState.Deleting or ChildState.Replaced || session.Followups.IsOurs(old))
            {
                session.AnswerError(sa, header, NotifyType.TemporaryFailure, now);
                return;
            }
        }

        var wanted = new ChildRequest(request.Sa, request.TsInitiator, request.TsResponder, request.Has(NotifyType.UseTransportMode));
        var brought = request.Ke?.Method ?? KeyExchangeMethod.None;
        if (!session.Children.TryAgree(wanted, brought, withKeys: true, isRekey: old is not null, out var agreement, out var refusal))
        {
            Refuse(session, sa, header, refusal, now);
            return;
        }

        var group = (KeyExchangeMethod)agreement.Chosen.Of(TransformType.KeyExchange).FirstOrDefault().Id;
        byte[]? own = null;
        SecretBytes? secret = null;
        if (group != KeyExchangeMethod.None && !KeyExchange.TryRespond(group, request.Ke!.Value.AsSpan(), out own, out secret))
        {
            session.RefuseMalformed(sa, header, "a key exchange value for a CHILD_SA is not one", now);
            return;
        }

        // Of a peer that begins again, what it began before is forgotten.
        session.Followups.Drop(session.Followups.Of(old));
        var secrets = new KeyChain(secret, agreement.Chosen);
        if (!secrets.IsComplete && !session.Followups.HasRoom)
        {
            secrets.Dispose();
            session.AnswerError(sa, header, NotifyType.TemporaryFailure, now);
            return;
        }

        if (!session.Owner.TryNewEspSpi(session, out var spi))
        {
            secrets.Dispose();
            Refuse(session, sa, header, new ChildRefusal(NotifyType.NoAdditionalSas, default, "no SA can be added"), now);
            return;
        }

        var nonce = new byte[IkeLimits.NonceLength];
        session.Entropy.Fill(nonce);
        var answered = new AnsweredChild(sa, secrets, agreement, old, spi, [.. request.Nonce], nonce);
        var writer = new PayloadWriter(new byte[IkeLimits.MessageMax]);
        WriteAnswer(agreement, spi, nonce, group, own, ref writer);
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

    private static void WriteAnswer(ChildAgreement agreement, uint spi, byte[] nonce, KeyExchangeMethod group, byte[]? own, ref PayloadWriter writer)
    {
        writer.Nonce(nonce);
        if (own is not null)
        {
            writer.Ke(group, own);
        }

        IkeAuthAnswer.WriteAgreement(agreement, spi, ref writer);
    }

    private static void Note(IkeSession session, ChildSa? old, ChildSa child, byte[] lower)
    {
        switch (old)
        {
            case null:
                session.Children.Use(child);
                break;
            case { State: ChildState.Rekeying }:
                (old.Rival, old.RivalNonce) = (child, lower);
                break;
            default:
                old.State = ChildState.Replaced;
                old.RekeyAt = Instant.Never;
                break;
        }
    }

    private static void Refuse(IkeSession session, IkeSa sa, in IkeHeader header, in ChildRefusal refusal, Instant now)
    {
        Span<byte> wanted = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(wanted, (ushort)refusal.Wanted);
        session.AnswerError(sa, header, refusal.Notify, now, refusal.Notify == NotifyType.InvalidKePayload ? wanted : default);
        if (refusal.Detail.Length > 0)
        {
            session.Raise(new NegotiationFailed($"{session.Peer}: {refusal.Detail}"));
        }
    }

    private bool TryFinish(IkePayloads response, out SecretBytes? secret)
    {
        secret = null;
        var group = (KeyExchangeMethod)response.Sa[0].Of(TransformType.KeyExchange).FirstOrDefault().Id;
        return group == KeyExchangeMethod.None
            || (_exchange is not null && group == _exchange.Method && response.Ke?.Method == group && _exchange.TryFinish(response.Ke.Value.AsSpan(), out secret));
    }

    /// <summary>
    /// Which of the pairs stays (RFC 7296 section 2.8.1): not the one whose exchange has the lowest nonce. Where nothing has been made yet nothing is to be deleted, and its
    /// key exchanges are not gone on with (RFC 9370 section 2.2.4).
    /// </summary>
    private void Settle(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        var rival = _old?.Rival is { } made && session.Children.Find(made.InboundSpi) is not null ? made : null;
        var chain = session.Followups.Of(_old);
        var nonce = rival is not null ? _old!.RivalNonce : chain?.LowerNonce;
        _isLost = nonce is not null && Lower(_nonce, _peerNonce).AsSpan().SequenceCompareTo(nonce) < 0;
        if (_isLost && !Secrets!.IsComplete)
        {
            Abandon(session);
            Yield(rival, now);
            return;
        }

        if (!_isLost)
        {
            // The peer deletes what it has made, or does not go on.
            rival?.Replaces = 0;
            session.Followups.Drop(chain);
        }

        GoOn(session, sa, response, now);
    }

    protected override void Complete(IkeSession session, IkeSa sa, Instant now)
    {
        var child = session.Children.Create(
            _agreement!, sa.Keys!, new IkeNonces(_nonce, _peerNonce), Secrets!, _spi, (uint)_agreement!.Chosen.Spi, weBegan: true, _old?.InboundSpi ?? 0, now);
        _spi = 0;
        if (_isLost)
        {
            child.Replaces = 0;
            Yield(_old!.Rival, now);
            session.Enqueue(sa, Informational.Delete(child));
            return;
        }

        session.Children.Use(child);
        if (_old is not null)
        {
            session.Enqueue(sa, Informational.Delete(_old));
        }
    }

    /// <summary>The peer's own rekey stands. It deletes the old pair when it has made the new one; where it has not yet, and stops half-way, we begin again.</summary>
    private void Yield(ChildSa? rival, Instant now)
    {
        if (rival is not null)
        {
            (_old!.State, _old.RekeyAt) = (ChildState.Replaced, Instant.Never);
        }
        else if (_old!.State != ChildState.Deleting)
        {
            (_old.State, _old.RekeyAt) = (ChildState.Active, now + Later);
        }
    }

    public override void HandleError(IkeSession session, IkeSa sa, Notification error, Instant now)
    {
        var rival = _old?.Rival;
        var hasRival = rival is not null || session.Followups.Of(_old) is not null;
        var old = _old;
        Abandon(session);
        switch (error.Type)
        {
            case NotifyType.InvalidKePayload when !_isAgain && error.Data.Length == 2 && TryMethod(session, error, out var method):
                session.Enqueue(sa, new CreateChild(this, method), isFirst: true);
                break;
            case NotifyType.TemporaryFailure or NotifyType.StateNotFound when old is not null:
                old.RekeyAt = now + Later;
                break;
            case NotifyType.TemporaryFailure or NotifyType.StateNotFound:
                session.EnqueueLater(new CreateChild(_local, _remote, _wantsTransport), now);
                break;
            case NotifyType.ChildSaNotFound when old is not null:
                if (!hasRival && session.Children.Find(old.InboundSpi) is not null)
                {
                    // The peer has not got it: another in its place (RFC 7296 section 2.25.1).
                    session.Children.Remove(old);
                    session.Enqueue(sa, new CreateChild(_local, _remote, _wantsTransport));
                }

                break;
            default:
                session.Raise(new NegotiationFailed(
                    $"{session.Peer} refuses a CHILD_SA: {error.Type} (we asked for {Narrowing.Text(_local)} to {Narrowing.Text(_remote)} with {ProposalChoice.List(_offered)})"));
                break;
        }

        if (hasRival)
        {
            Yield(rival, now);
        }
    }

    /// <summary>Of an earlier rekey, what the peer took; else what we like most.</summary>
    private KeyExchangeMethod FirstMethod(IReadOnlyList<Proposal> all)
    {
        var agreed = (_old?.Agreed.Of(TransformType.KeyExchange) ?? []).FirstOrDefault();
        return (KeyExchangeMethod)(agreed.Id != 0 && all.Any(proposal => proposal.Contains(agreed)) ? agreed : all[0].Of(TransformType.KeyExchange).FirstOrDefault()).Id;
    }

    private bool TryMethod(IkeSession session, Notification error, out KeyExchangeMethod method)
    {
        method = (KeyExchangeMethod)BinaryPrimitives.ReadUInt16BigEndian(error.Data.AsSpan());
        var wanted = Transform.Of(method);
        return method != _method && session.EspProposals.Any(proposal => proposal.Contains(wanted));
    }

    /// <summary>The peer's asking, until all its secrets are there.</summary>
    private sealed class AnsweredChild(IkeSa sa, KeyChain secrets, ChildAgreement agreement, ChildSa? old, uint spi, byte[] nonce, byte[] ownNonce)
        : AnsweredChain(sa, secrets, Lower(nonce, ownNonce))
    {
        public override ChildSa? Old => old;

        public override void Finish(IkeSession session, Instant now)
        {
            var child = session.Children.Create(
                agreement, Sa.Keys!, new IkeNonces(nonce, ownNonce), Secrets, spi, (uint)agreement.Chosen.Spi, weBegan: false, old?.InboundSpi ?? 0, now);
            Note(session, old, child, LowerNonce);
        }

        public override void Abandon(IkeSession session) => session.Owner.FreeEspSpi(spi);
    }
}
