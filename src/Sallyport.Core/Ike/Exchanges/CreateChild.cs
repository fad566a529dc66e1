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
internal sealed class CreateChild : Exchange
{
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(5);

    private readonly ChildSa? _old;
    private readonly ImmutableArray<TrafficSelector> _local;
    private readonly ImmutableArray<TrafficSelector> _remote;
    private readonly bool _wantsTransport;
    private readonly byte[] _nonce = new byte[IkeLimits.NonceLength];
    private KeyExchangeMethod? _method;
    private KeyExchange? _exchange;
    private IReadOnlyList<Proposal> _offered = [];
    private uint _spi;
    private bool _begun;

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
        _method = method;
    }

    public override ExchangeType Type => ExchangeType.CreateChildSa;

    /// <summary>It takes the place of another.</summary>
    public bool IsRekey => _old is not null;

    public override bool Write(IkeSession session, IkeSa sa, ref PayloadWriter to, Instant now)
    {
        if (_old is not null && (_old.State != ChildState.Active || session.Children.Find(_old.InboundSpi) is null))
        {
            return false;
        }

        if (!session.Owner.TryNewEspSpi(session, out _spi))
        {
            session.Raise(new NegotiationFailed("no SA can be added"));
            return false;
        }

        _begun = true;
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
            // The peer believes that there is one.
            session.Enqueue(sa, Informational.Delete(_spi));
            Abandon(session);
            session.Raise(new NegotiationFailed($"{session.Peer}: its answer for a CHILD_SA is not of what we asked for"));
            return;
        }

        var agreement = new ChildAgreement
        {
            Chosen = response.Sa[0],
            Local = response.TsInitiator,
            Remote = response.TsResponder,
            IsTransport = _wantsTransport && response.Has(NotifyType.UseTransportMode),
        };
        ChildSa child;
        using (secret)
        {
            child = session.Children.Create(
                agreement, sa.Keys!, new IkeNonces(_nonce, response.Nonce.AsSpan()), secret is null ? default : secret.Bytes, _spi, (uint)response.Sa[0].Spi, weBegan: true, _old?.InboundSpi ?? 0, now);
        }

        _spi = 0;
        if (_old is null)
        {
            session.Children.Use(child);
            return;
        }

        Settle(session, sa, child, Lower(_nonce, response.Nonce.AsSpan()));
    }

    public override void Abandon(IkeSession session)
    {
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

            if (old.State is ChildState.Deleting or ChildState.Replaced)
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

        using (secret)
        {
            if (!session.Owner.TryNewEspSpi(session, out var spi))
            {
                Refuse(session, sa, header, new ChildRefusal(NotifyType.NoAdditionalSas, default, "no SA can be added"), now);
                return;
            }

            var nonce = new byte[IkeLimits.NonceLength];
            session.Entropy.Fill(nonce);
            var child = session.Children.Create(
                agreement, sa.Keys!, new IkeNonces(request.Nonce.AsSpan(), nonce), secret is null ? default : secret.Bytes, spi, (uint)agreement.Chosen.Spi, weBegan: false, old?.InboundSpi ?? 0, now);
            var writer = new PayloadWriter(new byte[IkeLimits.MessageMax]);
            WriteAnswer(agreement, spi, nonce, group, own, ref writer);
            session.Answer(sa, header, ref writer, now);
            Note(session, old, child, Lower(request.Nonce.AsSpan(), nonce));
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

    /// <summary>Which of the pairs stays (RFC 7296 section 2.8.1).</summary>
    private void Settle(IkeSession session, IkeSa sa, ChildSa child, byte[] lower)
    {
        var old = _old!;
        var rival = old.Rival is { } other && session.Children.Find(other.InboundSpi) is not null ? other : null;
        if (rival is not null && lower.AsSpan().SequenceCompareTo(old.RivalNonce) < 0)
        {
            // Ours has the lowest nonce: it goes, and the peer deletes the old pair.
            (old.State, child.Replaces) = (ChildState.Replaced, 0);
            session.Enqueue(sa, Informational.Delete(child));
            return;
        }

        if (rival is not null)
        {
            // The peer deletes it.
            rival.Replaces = 0;
        }

        session.Children.Use(child);
        session.Enqueue(sa, Informational.Delete(old));
    }

    private void HandleError(IkeSession session, IkeSa sa, Notification error, Instant now)
    {
        var hasRival = _old?.Rival is not null;
        var old = _old;
        Abandon(session);
        switch (error.Type)
        {
            case NotifyType.InvalidKePayload when error.Data.Length == 2 && TryMethod(session, error, out var method):
                session.Enqueue(sa, new CreateChild(this, method), isFirst: true);
                break;
            case NotifyType.TemporaryFailure when old is not null:
                old.RekeyAt = now + Later;
                break;
            case NotifyType.TemporaryFailure:
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

        if (hasRival && old is not null)
        {
            // The peer's own rekey stands.
            old.State = ChildState.Replaced;
            old.RekeyAt = Instant.Never;
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

    internal static byte[] Lower(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) => (a.SequenceCompareTo(b) <= 0 ? a : b).ToArray();
}
