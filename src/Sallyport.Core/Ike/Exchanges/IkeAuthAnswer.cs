using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Eap;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Exchanges;

/// <summary>
/// IKE_AUTH as who answers. The peer says who it is; proves it by a key that we share, by a certificate, by EAP or by a ticket; the owner says what it may have; and
/// the first CHILD_SA comes with the last answer. A CHILD_SA that fails leaves the IKE SA as it is.
/// </summary>
internal static class IkeAuthAnswer
{
    /// <summary>The secret that stands in for one that does not exist, so that names cannot be told apart by time.</summary>
    private static readonly byte[] NoSecret = new byte[32];

    /// <summary>A ticket for less is not worth its bytes.</summary>
    private static readonly TimeSpan TicketMin = TimeSpan.FromMinutes(1);

    public static void Answer(IkeSession session, IkeSa sa, in IkeHeader header, IkePayloads request, Instant now)
    {
        var handshake = session.Handshake!;
        if (++handshake.Rounds > IkeLimits.EapRoundsMax)
        {
            Fail(session, sa, header, "EAP does not come to its end", now);
        }
        else if (handshake.Claim is { } claim)
        {
            TakeProofOfEap(session, sa, header, claim, request, now);
        }
        else if (handshake.Eap is EapServing eap)
        {
            ContinueEap(session, sa, header, eap, request, now);
        }
        else if (handshake.Peer is null)
        {
            TakeFirst(session, sa, header, request, now);
        }
        else
        {
            Fail(session, sa, header, "IKE_AUTH came again", now);
        }
    }

    private static void TakeFirst(IkeSession session, IkeSa sa, in IkeHeader header, IkePayloads request, Instant now)
    {
        var handshake = session.Handshake!;
        if (request.IdInitiator is not { } peer)
        {
            Fail(session, sa, header, "IKE_AUTH says not who the peer is", now);
            return;
        }

        (handshake.Peer, handshake.PeerIdBody, handshake.Wanted) = (peer, request.IdInitiatorBody, request.IdResponder);
        handshake.OurName = OurName(session, request.IdResponder);
        handshake.IsInitialContact = request.Has(NotifyType.InitialContact);
        handshake.PeerWantsTicket = request.Has(NotifyType.TicketRequest);
        handshake.Cp = request.Cp is { Type: CpType.Request } cp ? cp : null;
        session.HasMobike = session.Options.Mobike && request.Has(NotifyType.MobikeSupported);
        IkeAuth.ReadWindow(sa, request);
        if (request.HasSa && request.HasTs)
        {
            handshake.Child = new ChildRequest(request.Sa, request.TsInitiator, request.TsResponder, request.Has(NotifyType.UseTransportMode));
        }

        if (request.Auth is null)
        {
            BeginEap(session, sa, header, peer, now);
            return;
        }

        if (!TryMixPpk(session, sa, header, request, out var auth, now))
        {
            return;
        }

        var octets = AuthProof.Octets(handshake, sa.Keys!, ofInitiator: true, request.IdInitiatorBody.AsSpan());
        if (handshake.Resumed is { } resumed)
        {
            TakeResumed(session, sa, header, resumed, auth, octets, now);
        }
        else if (auth.Method == AuthMethod.PreSharedKey)
        {
            TakeShared(session, sa, header, peer, auth, octets, now);
        }
        else
        {
            TakeSigned(session, sa, header, peer, request, auth, octets, now);
        }
    }

    private static void TakeShared(IkeSession session, IkeSa sa, in IkeHeader header, IkeIdentity peer, AuthValue auth, byte[] octets, Instant now)
    {
        var secret = session.Owner.FindPsk(peer);
        var isRight = AuthProof.IsShared(auth, sa.Keys!.Suite.Prf, secret?.Bytes ?? NoSecret, octets);
        if (!isRight || secret is null)
        {
            Fail(session, sa, header, secret is null ? $"nobody named {peer} comes by a pre-shared key, or not any more" : $"{peer}: wrong pre-shared key", now);
            return;
        }

        var claim = Claim(session, sa, IkeProof.PreSharedKey) with { Secret = secret.Tag };
        Judge(session, sa, header, claim, secret.Bytes, now);
    }

    private static void TakeSigned(
        IkeSession session, IkeSa sa, in IkeHeader header, IkeIdentity peer, IkePayloads request, AuthValue auth, byte[] octets, Instant now)
    {
        string why;
        if (request.HasForeignCertificate)
        {
            why = "its certificate comes as something else than X.509 (a URL is not fetched)";
        }
        else if (AuthProof.IsCertified(session.Owner.Anchors, request.Certificates, ChainPurpose.Client, peer, now, out why)
            && AuthProof.IsSigned(auth, request.Certificates[0], octets, out why))
        {
            session.Handshake!.PeerCertificate = request.Certificates[0];
            var claim = Claim(session, sa, IkeProof.Certificate) with { Certificate = request.Certificates[0] };
            Judge(session, sa, header, claim, null, now);
            return;
        }

        Fail(session, sa, header, $"{peer}: {why}", now);
    }

    private static void TakeResumed(IkeSession session, IkeSa sa, in IkeHeader header, TicketContent resumed, AuthValue auth, byte[] octets, Instant now)
    {
        var isRight = auth.Method == AuthMethod.PreSharedKey
            && CryptographicOperations.FixedTimeEquals(AuthOctets.ByProofKey(sa.Keys!, ofInitiator: true, octets), auth.Data.AsSpan());
        var peer = session.Handshake!.Peer!;
        if (!isRight || !peer.Equals(resumed.Peer))
        {
            Fail(session, sa, header, isRight ? $"{peer} came with a ticket of {resumed.Peer}" : $"{peer}: it does not have the key that its ticket stands for", now);
            return;
        }

        Judge(session, sa, header, Claim(session, sa, IkeProof.Ticket) with { TicketData = resumed.OwnerData }, null, now);
    }

    /// <summary>The owner decides; then comes our own proof, and the CHILD_SA.</summary>
    private static void Judge(IkeSession session, IkeSa sa, in IkeHeader header, IkeClaim claim, byte[]? shared, Instant now)
    {
        if (!TryGrant(session, sa, header, claim, now, out var grant))
        {
            return;
        }

        var writer = new PayloadWriter(new byte[IkeLimits.MessageMax]);
        var name = session.Handshake!.OurName!;
        writer.Identity(PayloadType.IdResponder, name);
        var octets = AuthProof.Octets(session.Handshake, sa.Keys!, ofInitiator: false, IkeAuth.BodyOf(name));
        if (claim.Proof == IkeProof.Ticket)
        {
            writer.Auth(AuthMethod.PreSharedKey, AuthOctets.ByProofKey(sa.Keys!, ofInitiator: false, octets));
        }
        else if (shared is not null)
        {
            writer.Auth(AuthMethod.PreSharedKey, AuthOctets.ByShared(sa.Keys!.Suite.Prf, shared, octets));
        }
        else if (!TrySign(session, octets, ref writer))
        {
            Fail(session, sa, header, "the gateway has no certificate to prove itself with", now);
            return;
        }

        Accept(session, sa, header, grant, claim.Proof, ref writer, now);
    }

    /// <summary>What the owner says; and whether what was agreed on before the peer's name was known is good enough for it.</summary>
    private static bool TryGrant(
        IkeSession session, IkeSa sa, in IkeHeader header, IkeClaim claim, Instant now, [NotNullWhen(true)] out IkeGrant? grant)
    {
        grant = null;
        if (!session.HasMobike && !session.IsPeerBehindNat && session.Path.Peer.Ip != session.ShownAt)
        {
            // It could not be asked whether it is there (RFC 4555 section 3.7), and would count as where it began for good.
            Fail(session, sa, header, $"{claim.Peer} proves who it is from elsewhere than where it began, without a NAT between and without MOBIKE", now);
            return false;
        }

        var verdict = session.Owner.Judge(claim);
        var agreed = session.AgreedIke!;
        var isTaken = verdict.Grant is not null && ProposalChoice.TryChoose([agreed], verdict.Grant.Ike, KeyExchangeMethod.None, out _);
        grant = isTaken ? verdict.Grant : null;
        if (verdict.IsForNow)
        {
            session.End(IkeEnd.AuthenticationFailed, verdict.Refusal, now, verdict.Who);
            session.Finish();
        }
        else if (!isTaken)
        {
            Fail(
                session, sa, header,
                verdict.Grant is null ? verdict.Refusal : $"{claim.Peer}: its network does not accept {claim.Suite}, but {ProposalChoice.List(verdict.Grant.Ike)}", now,
                verdict.Grant is null ? verdict.Who : verdict.Grant.Tag);
        }

        return isTaken;
    }

    private static void BeginEap(IkeSession session, IkeSa sa, in IkeHeader header, IkeIdentity peer, Instant now)
    {
        var handshake = session.Handshake!;
        var eap = new EapServing(session);
        if (handshake.Resumed is not null || !eap.HasMethods)
        {
            Fail(session, sa, header, $"{peer} wants EAP, which nobody is offered here", now);
            return;
        }

        var name = handshake.OurName!;
        var writer = new PayloadWriter(new byte[IkeLimits.MessageMax]);
        writer.Identity(PayloadType.IdResponder, name);
        if (!TrySign(session, AuthProof.Octets(handshake, sa.Keys!, ofInitiator: false, IkeAuth.BodyOf(name)), ref writer))
        {
            eap.Dispose();
            Fail(session, sa, header, "the gateway has no certificate to prove itself with", now);
            return;
        }

        handshake.Eap = eap;
        writer.Eap(eap.Start());
        session.Answer(sa, header, ref writer, now);
    }

    private static void ContinueEap(IkeSession session, IkeSa sa, in IkeHeader header, EapServing eap, IkePayloads request, Instant now)
    {
        if (request.Eap.IsDefault)
        {
            Fail(session, sa, header, $"{session.Handshake!.Peer}: it does not go on with EAP", now);
            return;
        }

        var outcome = eap.Handle(request.Eap.AsSpan(), now, out var packet);
        if (outcome == EapOutcome.Failure)
        {
            var failing = new PayloadWriter(new byte[IkeLimits.EapMax]);
            failing.Eap(packet);
            session.Answer(sa, header, ref failing, now);
            session.End(IkeEnd.AuthenticationFailed, $"{session.Handshake!.Peer}: {eap.Failure}", now);
            return;
        }

        if (outcome == EapOutcome.Success)
        {
            // What EAP has proven counts only with AUTH under its key (RFC 7296 section 2.16; CVE-2021-45079 came of less).
            session.Handshake!.PeerCertificate = eap.Certificate;
            session.Handshake.Claim = Claim(session, sa, eap.Proof) with { Certificate = eap.Certificate, Secret = eap.Credential };
        }

        var writer = new PayloadWriter(new byte[IkeLimits.EapMax + 64]);
        writer.Eap(packet);
        session.Answer(sa, header, ref writer, now);
    }

    private static void TakeProofOfEap(IkeSession session, IkeSa sa, in IkeHeader header, IkeClaim claim, IkePayloads request, Instant now)
    {
        var handshake = session.Handshake!;
        if (handshake.Eap?.Msk is not { } msk || request.Auth is not { Method: AuthMethod.PreSharedKey })
        {
            Fail(session, sa, header, $"{handshake.Peer}: it does not have the key of its EAP exchange", now);
            return;
        }

        if (!TryMixPpk(session, sa, header, request, out var auth, now))
        {
            return;
        }

        var octets = AuthProof.Octets(handshake, sa.Keys!, ofInitiator: true, handshake.PeerIdBody.AsSpan());
        if (!AuthProof.IsShared(auth, sa.Keys!.Suite.Prf, msk.Bytes, octets))
        {
            Fail(session, sa, header, $"{handshake.Peer}: it does not have the key of its EAP exchange" + (handshake.Ppk is null ? "" : ", or another post-quantum key"), now);
            return;
        }

        // Which post-quantum key it has is known since now.
        claim = claim with { Ppk = handshake.Ppk };
        if (!TryGrant(session, sa, header, claim, now, out var grant))
        {
            return;
        }

        var writer = new PayloadWriter(new byte[IkeLimits.MessageMax]);
        var own = AuthProof.Octets(handshake, sa.Keys!, ofInitiator: false, IkeAuth.BodyOf(handshake.OurName!));
        writer.Auth(AuthMethod.PreSharedKey, AuthOctets.ByShared(sa.Keys!.Suite.Prf, msk.Bytes, own));
        Accept(session, sa, header, grant, claim.Proof, ref writer, now);
    }

    /// <summary>The peer is in.</summary>
    private static void Accept(IkeSession session, IkeSa sa, in IkeHeader header, IkeGrant grant, IkeProof proof, ref PayloadWriter writer, Instant now)
    {
        var handshake = session.Handshake!;
        (session.Grant, session.Peer) = (grant, handshake.Peer);
        if (handshake.Ppk is not null)
        {
            writer.Notify(NotifyType.PpkIdentity);
        }

        session.Establish(proof, now);
        AnswerChild(session, sa, ref writer, now);
        if (session.HasMobike)
        {
            writer.Notify(NotifyType.MobikeSupported);
        }

        IkeAuth.WriteWindow(ref writer);
        if (handshake.PeerWantsTicket && session.Tickets is { IsOpen: true } tickets)
        {
            // Who comes back by ticket after ticket has proven no more than what the first one came of.
            WriteTicket(session, sa, tickets, handshake.Resumed?.Proof ?? proof, ref writer, now);
        }

        if (grant.Lifetimes.Reauthenticate > TimeSpan.Zero)
        {
            Span<byte> seconds = stackalloc byte[4];
            BinaryPrimitives.WriteUInt32BigEndian(seconds, (uint)(handshake.Resumed is null ? grant.Lifetimes.Reauthenticate : session.ProofEnds(now) - now).TotalSeconds);
            writer.Notify(NotifyType.AuthLifetime, seconds);
        }

        session.Answer(sa, header, ref writer, now);
        session.FinishHandshake();
    }

    private static void AnswerChild(IkeSession session, IkeSa sa, ref PayloadWriter writer, Instant now)
    {
        var handshake = session.Handshake!;
        if (handshake.Child is not { } request)
        {
            return;
        }

        if (handshake.Cp is { } asked && !TryConfigure(session.Grant!, asked, ref writer))
        {
            Refuse(session, NotifyType.InternalAddressFailure, $"{session.Peer} asks for an address and has none in its network", ref writer);
            return;
        }

        if (!session.Children.TryAgree(request, KeyExchangeMethod.None, withKeys: false, isRekey: false, out var agreement, out var refusal))
        {
            Refuse(session, refusal.Notify, $"{session.Peer}: {refusal.Detail}", ref writer);
            return;
        }

        if (!session.Owner.TryNewEspSpi(session, out var spi))
        {
            Refuse(session, NotifyType.NoAdditionalSas, "no SA can be added", ref writer);
            return;
        }

        WriteAgreement(agreement, spi, ref writer);
        var child = session.Children.Create(
            agreement, sa.Keys!, new IkeNonces(handshake.InitiatorNonce, handshake.ResponderNonce), null, spi, (uint)agreement.Chosen.Spi, weBegan: false, replaces: 0, now);
        session.Children.Use(child);
    }

    /// <summary>SA, selectors and what belongs to them, for an answer to who began.</summary>
    internal static void WriteAgreement(ChildAgreement agreement, uint spi, ref PayloadWriter writer)
    {
        writer.Sa([agreement.Chosen with { Spi = spi }]);
        writer.Selectors(PayloadType.TsInitiator, agreement.SaidRemote ?? agreement.Remote);
        writer.Selectors(PayloadType.TsResponder, agreement.SaidLocal ?? agreement.Local);
        if (agreement.IsTransport)
        {
            writer.Notify(NotifyType.UseTransportMode);
        }

        if (agreement.IsCut)
        {
            writer.Notify(NotifyType.AdditionalTsPossible);
        }
    }

    private static void Refuse(IkeSession session, NotifyType notify, string detail, ref PayloadWriter writer)
    {
        writer.Notify(notify);
        session.Raise(new NegotiationFailed(detail));
    }

    /// <summary>Addresses and name servers that the peer asks for and its grant has; false where it wants an address and there is none.</summary>
    private static bool TryConfigure(IkeGrant grant, CpPayload asked, ref PayloadWriter writer)
    {
        var attributes = ImmutableArray.CreateBuilder<CpAttribute>();
        if (asked.Asks(CpAttributeType.Ip4Address) && grant.AddressV4 is { } v4)
        {
            attributes.Add(CpAttribute.Of(v4));
        }

        if (asked.Asks(CpAttributeType.Ip6Address) && grant.AddressV6 is { } v6)
        {
            attributes.Add(CpAttribute.Of(v6));
        }

        var wantsAddress = asked.Asks(CpAttributeType.Ip4Address) || asked.Asks(CpAttributeType.Ip6Address);
        if (wantsAddress && attributes.Count == 0)
        {
            return false;
        }

        foreach (var server in grant.DnsServers)
        {
            if (asked.Asks(server.IsV4 ? CpAttributeType.Ip4Dns : CpAttributeType.Ip6Dns))
            {
                attributes.Add(CpAttribute.Dns(server));
            }
        }

        if (grant.DnsDomain is { } domain && asked.Asks(CpAttributeType.DnsDomain))
        {
            attributes.Add(CpAttribute.Domain(domain));
        }

        writer.Configuration(new CpPayload(CpType.Reply, attributes.ToImmutable()));
        return true;
    }

    /// <summary>RFC 5723 section 4.1: seconds that it is good for, and the ticket.</summary>
    private static void WriteTicket(IkeSession session, IkeSa sa, TicketOffice tickets, IkeProof proof, ref PayloadWriter writer, Instant now)
    {
        var expires = session.ProofEnds(now);
        var lifetime = expires - now;
        if (lifetime < TicketMin)
        {
            return;
        }

        var ticket = tickets.Seal(new TicketContent(
            session.Peer!, proof, session.AgreedIke!, sa.Keys!.Derivation.ToArray(), session.Grant!.TicketData, expires));
        var data = new byte[4 + ticket.Length];
        BinaryPrimitives.WriteUInt32BigEndian(data, (uint)lifetime.TotalSeconds);
        ticket.CopyTo(data, 4);
        writer.Notify(NotifyType.TicketLifetimeOpaque, data);
    }

    private static bool TrySign(IkeSession session, byte[] octets, ref PayloadWriter writer)
    {
        if (session.Owner.Certificate is not { } own || !AuthProof.TrySign(own.Key, session.Handshake!.PeerHashes, octets, out var method, out var auth))
        {
            return false;
        }

        foreach (var link in own.Chain)
        {
            writer.Certificate(link);
        }

        writer.Auth(method, auth);
        return true;
    }

    /// <summary>
    /// Beside AUTH a peer says which post-quantum key it has (RFC 8784 section 3); with EAP, too, where that is its last message. False, and the end, where the peer
    /// needs one that we do not have. Where it can do without, it has sent a proof without it as well.
    /// </summary>
    /// <param name="auth">The proof that is to be looked at.</param>
    private static bool TryMixPpk(
        IkeSession session, IkeSa sa, in IkeHeader header, IkePayloads request, [NotNullWhen(true)] out AuthValue? auth, Instant now)
    {
        const byte fixedId = 2;
        auth = request.Auth;
        if (request.Find(NotifyType.PpkIdentity) is not { } identity)
        {
            return auth is not null;
        }

        var ppk = identity.Data.Length > 1 && identity.Data[0] == fixedId ? session.Owner.FindPpk(identity.Data.AsSpan()[1..]) : null;
        if (ppk is not null)
        {
            session.Handshake!.Ppk = ppk;
            sa.UseKeys(sa.Keys!.WithPpk(ppk.Bytes));
        }
        else if (auth is not null && request.Find(NotifyType.NoPpkAuth) is { Data: { Length: > 0 } without })
        {
            auth = auth with { Data = without };
        }
        else
        {
            Fail(session, sa, header, $"{session.Handshake!.Peer}: its post-quantum pre-shared key is not known here", now);
            auth = null;
        }

        return auth is not null;
    }

    /// <summary>As the peer calls us, where it may: many routers know their gateway by its address.</summary>
    private static IkeIdentity OurName(IkeSession session, IkeIdentity? wanted) =>
        wanted is not null && wanted.Equals(IkeIdentity.Of(session.Path.Local.Ip)) ? wanted : session.Options.Identity;

    private static IkeClaim Claim(IkeSession session, IkeSa sa, IkeProof proof) => new()
    {
        Peer = session.Handshake!.Peer!,
        Wanted = session.Handshake.Wanted,
        Proof = proof,
        Ppk = session.Handshake.Ppk,
        Suite = sa.Keys!.Suite,
        Path = session.Path,
    };

    private static void Fail(IkeSession session, IkeSa sa, in IkeHeader header, string detail, Instant now, object? who = null)
    {
        session.AnswerError(sa, header, NotifyType.AuthenticationFailed, now);
        session.End(IkeEnd.AuthenticationFailed, detail, now, who);
    }
}
