using System.Collections.Immutable;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Eap;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Exchanges;

/// <summary>IKE_AUTH as who began it (RFC 7296 section 1.2): proves who we are, learns who answers, and agrees on the first CHILD_SA.</summary>
internal sealed class IkeAuth : Exchange
{
    private enum Step : byte
    {
        First,
        Eap,
        Last,
    }

    private Step _step;
    private byte[] _packet = [];
    private uint _spi;
    private IkeKeys? _mixed;

    public override ExchangeType Type => ExchangeType.IkeAuth;

    public override bool IsAlone => true;

    public override bool Write(IkeSession session, IkeSa sa, ref PayloadWriter to, Instant now)
    {
        switch (_step)
        {
            case Step.First:
                WriteFirst(session, sa, ref to);
                break;
            case Step.Eap:
                to.Eap(_packet);
                break;
            case Step.Last:
                WriteProof(session, sa, ref to);
                break;
        }

        return true;
    }

    public override void HandleResponse(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        var handshake = session.Handshake!;
        if (response.FirstError is { } error && (response.Auth is null || !IsOfChild(error.Type)))
        {
            Refused(session, sa, error.Type, now);
            return;
        }

        if (_step == Step.First && !TryJudgeResponder(session, sa, response, now))
        {
            return;
        }

        if (_step == Step.Last)
        {
            if (!TryTakePpk(session, sa, response, now))
            {
                return;
            }

            var octets = AuthProof.Octets(handshake, sa.Keys!, ofInitiator: false, handshake.PeerIdBody.AsSpan());
            if (response.Auth is not { Method: AuthMethod.PreSharedKey } auth || !AuthProof.IsShared(auth, sa.Keys!.Suite.Prf, handshake.Eap!.Msk!.Bytes, octets))
            {
                Fail(session, sa, IkeEnd.AuthenticationFailed, "the peer does not have the key of our EAP exchange", tell: true, now);
                return;
            }
        }
        else if (handshake.Eap is { } eap)
        {
            ContinueEap(session, sa, eap, response, now);
            return;
        }

        Finish(session, sa, response, now);
    }

    public override void Abandon(IkeSession session)
    {
        if (_spi != 0)
        {
            session.Owner.FreeEspSpi(_spi);
            _spi = 0;
        }

        _mixed?.Dispose();
        _mixed = null;
    }

    /// <summary>The other end's part.</summary>
    public static void Answer(IkeSession session, IkeSa sa, in IkeHeader header, IkePayloads request, Instant now) =>
        IkeAuthAnswer.Answer(session, sa, header, request, now);

    internal static byte[] BodyOf(IkeIdentity identity)
    {
        var body = new byte[identity.BodyLength];
        _ = identity.Write(body);
        return body;
    }

    /// <summary>Such errors leave the IKE SA as it is (RFC 7296 section 1.2).</summary>
    internal static bool IsOfChild(NotifyType error) => error is
        NotifyType.NoProposalChosen or NotifyType.TsUnacceptable or NotifyType.SinglePairRequired or NotifyType.InternalAddressFailure
        or NotifyType.FailedCpRequired or NotifyType.NoAdditionalSas or NotifyType.TemporaryFailure;

    private void WriteFirst(IkeSession session, IkeSa sa, ref PayloadWriter to)
    {
        var (target, handshake) = (session.Target!, session.Handshake!);
        to.Identity(PayloadType.IdInitiator, target.Local);
        if (!target.IsAgain)
        {
            to.Notify(NotifyType.InitialContact);
        }

        if (target.Proof == IkeProof.Certificate && session.Owner.Certificate is { } certificate && handshake.Resumed is null)
        {
            foreach (var link in certificate.Chain)
            {
                to.Certificate(link);
            }
        }

        if (!session.Owner.AuthorityHashes.IsEmpty)
        {
            to.CertificateRequest(session.Owner.AuthorityHashes.Span);
        }

        if (target.Remote is { } remote)
        {
            to.Identity(PayloadType.IdResponder, remote);
        }

        if (!target.Proof.IsEap() || handshake.Resumed is not null)
        {
            WriteProof(session, sa, ref to);
        }

        if (target.WantsAddress)
        {
            to.Configuration(new CpPayload(CpType.Request,
            [
                CpAttribute.Ask(CpAttributeType.Ip4Address), CpAttribute.Ask(CpAttributeType.Ip6Address),
                CpAttribute.Ask(CpAttributeType.Ip4Dns), CpAttribute.Ask(CpAttributeType.Ip6Dns), CpAttribute.Ask(CpAttributeType.DnsDomain),
            ]));
        }

        if (!target.LocalSelectors.IsEmpty && session.Owner.TryNewEspSpi(session, out _spi))
        {
            to.Sa([.. ChildSas.WithoutKeys(target.Esp).Select(proposal => proposal with { Spi = _spi })]);
            to.Selectors(PayloadType.TsInitiator, target.LocalSelectors);
            to.Selectors(PayloadType.TsResponder, target.RemoteSelectors);
            if (target.WantsTransport)
            {
                to.Notify(NotifyType.UseTransportMode);
            }
        }

        if (session.Options.Mobike)
        {
            to.Notify(NotifyType.MobikeSupported);
        }

        if (target.WantsTicket)
        {
            to.Notify(NotifyType.TicketRequest);
        }

        WriteWindow(ref to);
    }

    internal static void WriteWindow(ref PayloadWriter to) => to.Notify(NotifyType.SetWindowSize, [0, 0, 0, IkeLimits.WindowSize]);

    internal static void ReadWindow(IkeSa sa, IkePayloads message)
    {
        if (message.Find(NotifyType.SetWindowSize) is { Data: { Length: 4 } size })
        {
            sa.PeerWindow = Math.Max(1, (int)Math.Min(IkeLimits.WindowSize, System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(size.AsSpan())));
        }
    }

    /// <summary>AUTH, and in the same message which post-quantum key is in it: beside EAP that is the last one (RFC 8784 section 3).</summary>
    private void WriteProof(IkeSession session, IkeSa sa, ref PayloadWriter to)
    {
        var (target, handshake) = (session.Target!, session.Handshake!);
        var plain = sa.Keys!;
        var keys = plain;
        if (handshake.PeerHasPpk && target is { Ppk: { } ppk, PpkId: { } ppkId })
        {
            const byte fixedId = 2;
            _mixed = plain.WithPpk(ppk);
            keys = _mixed;
            to.Notify(NotifyType.PpkIdentity, [fixedId, .. ppkId]);
        }

        var body = BodyOf(target.Local);
        if (TryProve(session, keys, body, out var method, out var auth))
        {
            to.Auth(method, auth);
            if (_mixed is not null && !target.PpkRequired && TryProve(session, plain, body, out _, out var without))
            {
                to.Notify(NotifyType.NoPpkAuth, without);
            }
        }
    }

    /// <summary>False where there is nothing to prove it with.</summary>
    private static bool TryProve(IkeSession session, IkeKeys keys, byte[] body, out AuthMethod method, out byte[] auth)
    {
        var (target, handshake) = (session.Target!, session.Handshake!);
        var octets = AuthProof.Octets(handshake, keys, ofInitiator: true, body);
        (method, auth) = (AuthMethod.PreSharedKey, []);
        if (handshake.Resumed is not null)
        {
            auth = AuthOctets.ByProofKey(keys, ofInitiator: true, octets);
            return true;
        }

        if (target.Proof == IkeProof.PreSharedKey || target.Proof.IsEap())
        {
            auth = AuthOctets.ByShared(keys.Suite.Prf, target.Proof.IsEap() ? handshake.Eap!.Msk!.Bytes : target.Psk!, octets);
            return true;
        }

        return target.Proof == IkeProof.Certificate && session.Owner.Certificate is { } own
            && AuthProof.TrySign(own.Key, handshake.PeerHashes, octets, out method, out auth);
    }

    /// <summary>Who answers, and whether it proves to be that.</summary>
    private bool TryJudgeResponder(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        var (target, handshake) = (session.Target!, session.Handshake!);
        if (response.IdResponder is not { } peer || response.Auth is not { } auth)
        {
            Fail(session, sa, IkeEnd.Malformed, "the answer to IKE_AUTH lacks an identity or a proof of it", tell: true, now);
            return false;
        }

        if ((target.Remote ?? handshake.Resumed?.Peer) is { } expected && !expected.Equals(peer))
        {
            Fail(session, sa, IkeEnd.AuthenticationFailed, $"the peer says that it is {peer}, where {expected} is expected", tell: true, now);
            return false;
        }

        (handshake.Peer, handshake.PeerIdBody) = (peer, response.IdResponderBody);
        if (!TryTakePpk(session, sa, response, now))
        {
            return false;
        }

        var octets = AuthProof.Octets(handshake, sa.Keys!, ofInitiator: false, response.IdResponderBody.AsSpan());
        string why;
        bool isProven;
        if (handshake.Resumed is not null)
        {
            why = "it does not have the key that the ticket stands for";
            isProven = auth.Method == AuthMethod.PreSharedKey && System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(
                AuthOctets.ByProofKey(sa.Keys!, ofInitiator: false, octets), auth.Data.AsSpan());
        }
        else if (target.Proof == IkeProof.PreSharedKey)
        {
            why = "it does not have our pre-shared key";
            isProven = auth.Method == AuthMethod.PreSharedKey && AuthProof.IsShared(auth, sa.Keys!.Suite.Prf, target.Psk!, octets);
        }
        else
        {
            isProven = AuthProof.IsCertified(session.Owner.Anchors, response.Certificates, target.RemotePurpose, peer, now, out why)
                && AuthProof.IsSigned(auth, response.Certificates[0], octets, out why);
            handshake.PeerCertificate = isProven ? response.Certificates[0] : null;
        }

        if (!isProven)
        {
            Fail(session, sa, IkeEnd.AuthenticationFailed, $"{peer}: {why}", tell: true, now);
            return false;
        }

        if (!target.Proof.IsEap() || handshake.Resumed is not null)
        {
            return true;
        }

        handshake.Eap = EapCalling.For(session, target, now);
        if (handshake.Eap is null)
        {
            Fail(session, sa, IkeEnd.AuthenticationFailed, "we have nothing to prove ourselves with by EAP", tell: true, now);
        }

        return handshake.Eap is not null;
    }

    /// <summary>Whether the answer is made with our post-quantum key, or may be without.</summary>
    private bool TryTakePpk(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        var target = session.Target!;
        if (_mixed is null)
        {
            return true;
        }

        if (response.Has(NotifyType.PpkIdentity))
        {
            sa.UseKeys(_mixed);
            session.Handshake!.Ppk = new IkeSecret(target.Tag, target.PpkId!);
        }
        else if (target.PpkRequired)
        {
            Fail(session, sa, IkeEnd.AuthenticationFailed, "the peer does not know our post-quantum pre-shared key", tell: true, now);
            return false;
        }
        else
        {
            _mixed.Dispose();
        }

        _mixed = null;
        return true;
    }

    private void ContinueEap(IkeSession session, IkeSa sa, EapConversation eap, IkePayloads response, Instant now)
    {
        if (response.Eap.IsDefault || ++session.Handshake!.Rounds > IkeLimits.EapRoundsMax)
        {
            Fail(session, sa, IkeEnd.AuthenticationFailed, "the peer does not go on with EAP", tell: true, now);
            return;
        }

        switch (eap.Handle(response.Eap.AsSpan(), now, out var answer))
        {
            case EapOutcome.Continue:
                (_step, _packet) = (Step.Eap, answer);
                break;
            case EapOutcome.Success when eap.Msk is not null:
                _step = Step.Last;
                break;
            case EapOutcome.Success:
            case EapOutcome.Failure:
            default:
                Fail(session, sa, IkeEnd.AuthenticationFailed, eap.Failure.Length > 0 ? eap.Failure : "EAP ended without a key", tell: true, now);
                return;
        }

        session.Enqueue(sa, this);
    }

    private void Finish(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        var (target, handshake) = (session.Target!, session.Handshake!);
        var verdict = session.Owner.Judge(new IkeClaim
        {
            Peer = handshake.Peer!,
            Proof = handshake.Resumed is not null ? IkeProof.Ticket : target.Proof == IkeProof.PreSharedKey ? IkeProof.PreSharedKey : IkeProof.Certificate,
            Certificate = handshake.PeerCertificate,
            Ppk = handshake.Ppk,
            Suite = sa.Keys!.Suite,
            Path = session.Path,
            Target = target.Tag,
        });
        if (verdict.Grant is null)
        {
            Fail(session, sa, IkeEnd.AuthenticationFailed, verdict.Refusal, tell: true, now, verdict.Who);
            return;
        }

        if (response.Find(NotifyType.Redirect) is { } redirect && IkeSaInit.TryReadRedirect(redirect.Data.AsSpan(), default, out var gateway))
        {
            // It has proven who it is, and only then may it send us on (RFC 5685 section 6).
            session.Raise(new IkeRedirected(gateway));
            Fail(session, sa, IkeEnd.Redirected, $"the peer sends us to {gateway}", tell: true, now);
            return;
        }

        session.Grant = verdict.Grant;
        session.Peer = handshake.Peer;
        session.HasMobike = session.Options.Mobike && response.Has(NotifyType.MobikeSupported);
        ReadWindow(sa, response);
        session.Establish(handshake.Resumed is not null ? IkeProof.Ticket : target.Proof, now);
        TakeConfiguration(session, response);
        TakeChild(session, sa, response, now);
        TakeTicket(session, sa, response, now);
        TakeLifetime(session, response, now);
        session.FinishHandshake();
    }

    private static void TakeConfiguration(IkeSession session, IkePayloads response)
    {
        if (response.Cp is { Type: CpType.Reply } reply)
        {
            session.Raise(new Configured(
                [.. Addresses(reply, CpAttributeType.Ip4Address), .. Addresses(reply, CpAttributeType.Ip6Address)],
                [.. Addresses(reply, CpAttributeType.Ip4Dns), .. Addresses(reply, CpAttributeType.Ip6Dns)]));
        }
    }

    private static IEnumerable<IpAddress> Addresses(CpPayload reply, CpAttributeType type)
    {
        foreach (var attribute in reply.Attributes)
        {
            if (attribute.Type == type && attribute.TryAddress(out var address))
            {
                yield return address;
            }
        }
    }

    private void TakeChild(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        if (_spi == 0)
        {
            return;
        }

        var target = session.Target!;
        if (response.HasSa && response.HasTs && response.Sa.Length == 1 && (uint)response.Sa[0].Spi is not 0 and var spi
            && ProposalChoice.IsFrom(response.Sa[0] with { }, IkeSaInit.Numbered(ChildSas.WithoutKeys(target.Esp)))
            && AreInside(response.TsInitiator, target.LocalSelectors) && AreInside(response.TsResponder, target.RemoteSelectors))
        {
            var agreement = new ChildAgreement
            {
                Chosen = response.Sa[0],
                Local = response.TsInitiator,
                Remote = response.TsResponder,
                IsTransport = target.WantsTransport && response.Has(NotifyType.UseTransportMode),
            };
            var handshake = session.Handshake!;
            var child = session.Children.Create(
                agreement, sa.Keys!, new IkeNonces(handshake.InitiatorNonce, handshake.ResponderNonce), null, _spi, spi, weBegan: true, replaces: 0, now);
            _spi = 0;
            session.Children.Use(child);
            return;
        }

        Abandon(session);
        session.Raise(new NegotiationFailed(
            response.FirstError is { } error
                ? $"the peer refuses the CHILD_SA: {error.Type} (we asked for {Narrowing.Text(target.LocalSelectors)} to {Narrowing.Text(target.RemoteSelectors)} with {ProposalChoice.List(target.Esp)})"
                : "the peer's answer for the CHILD_SA is not of what we asked for"));
    }

    /// <summary>A responder narrows, and adds nothing.</summary>
    internal static bool AreInside(ImmutableArray<TrafficSelector> selectors, ImmutableArray<TrafficSelector> asked) =>
        !selectors.IsEmpty && selectors.All(selector => asked.Any(wish => wish.Contains(selector)));

    private static void TakeTicket(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        if (session.Target!.WantsTicket && response.Find(NotifyType.TicketLifetimeOpaque) is { Data: { Length: > 4 } data })
        {
            // No longer than what it stands for, whatever the peer says.
            var seconds = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(data.AsSpan());
            var expires = Instant.Min(now + TimeSpan.FromSeconds(seconds), session.ProofEnds(now));
            session.Raise(new TicketReceived(new ResumptionTicket([.. data.AsSpan()[4..]], sa.Keys!.Derivation.ToArray(), session.AgreedIke!, session.Peer!, expires)));
        }
    }

    /// <summary>The peer wants us to prove ourselves again in time (RFC 4478).</summary>
    private static void TakeLifetime(IkeSession session, IkePayloads response, Instant now)
    {
        if (response.Find(NotifyType.AuthLifetime) is { Data: { Length: 4 } data })
        {
            var seconds = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(data.AsSpan());
            session.ProveAgainIn(TimeSpan.FromSeconds(Math.Max(60, seconds)), now);
        }
    }

    private void Refused(IkeSession session, IkeSa sa, NotifyType error, Instant now)
    {
        if (error == NotifyType.AuthenticationFailed)
        {
            Fail(
                session, sa, IkeEnd.AuthenticationFailed,
                $"the peer does not accept our proof: it has another key, expects another id than {session.Target!.Local}, or does not trust our authority", tell: false, now);
        }
        else
        {
            Fail(session, sa, IkeEnd.Refused, $"the peer refuses IKE_AUTH: {error}", tell: false, now);
        }
    }

    /// <summary>The peer has keys already, and is told that it failed, so that it does not wait.</summary>
    private void Fail(IkeSession session, IkeSa sa, IkeEnd reason, string detail, bool tell, Instant now, object? who = null)
    {
        Abandon(session);
        if (tell)
        {
            session.EndTelling(reason, detail, reason == IkeEnd.AuthenticationFailed ? InformationalKind.AuthenticationFailed : InformationalKind.DeleteIke, now, who);
        }
        else
        {
            session.End(reason, detail, now, who);
        }
    }
}
