using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Door;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Exchanges;

/// <summary>IKE_SA_INIT (RFC 7296 section 1.2): algorithms, a key exchange, and what each end can do.</summary>
internal sealed class IkeSaInit : Exchange
{
    /// <summary>Cookies and other methods that a responder may ask for in turn.</summary>
    private const int RetriesMax = 4;

    private const int AuthoritiesMax = 20;
    private const int AuthorityLength = 20;

    /// <summary>SHA2-256, SHA2-384, SHA2-512, identity (RFC 7427 section 7, RFC 8420).</summary>
    private static ReadOnlySpan<byte> Hashes => [0, 2, 0, 3, 0, 4, 0, 5];

    private readonly byte[] _nonce = new byte[IkeLimits.NonceLength];
    private KeyExchange? _exchange;
    private byte[] _cookie = [];
    private int _retries;

    public override ExchangeType Type => ExchangeType.IkeSaInit;

    public override bool IsAlone => true;

    public override bool Write(IkeSession session, IkeSa sa, ref PayloadWriter to, Instant now)
    {
        var target = session.Target!;
        if (_exchange is null)
        {
            session.Entropy.Fill(_nonce);
            _exchange = KeyExchange.Start(FirstMethod(target.Ike));
        }

        if (_cookie.Length > 0)
        {
            to.Notify(NotifyType.Cookie, _cookie);
        }

        to.Sa(target.Ike);
        to.Ke(_exchange.Method, _exchange.Public);
        to.Nonce(_nonce);
        WriteAbilities(session, sa, ref to);
        if (target.RedirectedFrom is { } before)
        {
            WriteRedirectedFrom(before, ref to);
        }
        else
        {
            to.Notify(NotifyType.RedirectSupported);
        }

        if (target.Ppk is not null)
        {
            to.Notify(NotifyType.UsePpk);
        }

        if (target.Ike.Any(proposal => proposal.Transforms.Any(transform => transform.Type >= TransformType.AdditionalKeyExchange1)))
        {
            to.Notify(NotifyType.IntermediateSupported);
        }

        return true;
    }

    public override void HandleResponse(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        if (TryAgain(session, response, now))
        {
            return;
        }

        if (response.Find(NotifyType.Redirect) is { } redirect && TryReadRedirect(redirect.Data.AsSpan(), _nonce, out var gateway))
        {
            session.FirstExchangeDone();
            session.Raise(new IkeRedirected(gateway));
            session.End(IkeEnd.Redirected, $"the peer sends us to {gateway}", now);
            return;
        }

        if (response.FirstError is { } error)
        {
            session.GiveUpSoon(
                error.Type == NotifyType.NoProposalChosen ? IkeEnd.NoProposal : IkeEnd.Refused,
                error.Type == NotifyType.NoProposalChosen ? $"the peer takes none of our proposals {ProposalChoice.List(session.Target!.Ike)}" : $"the peer refuses IKE_SA_INIT: {error.Type}",
                now);
            return;
        }

        if (!response.HasSa || response.Ke is null || !response.HasNonce || session.AnswererSpi == 0
            || response.Sa.Length != 1 || !ProposalChoice.IsFrom(response.Sa[0], Numbered(session.Target!.Ike))
            || IkeSuite.Of(response.Sa[0]) is not { } suite || suite.Group != _exchange!.Method || response.Ke.Method != suite.Group
            || !_exchange.TryFinish(response.Ke.Value.AsSpan(), out var secret))
        {
            // A forged answer costs nothing but this look at it: the true one may still come.
            return;
        }

        session.FirstExchangeDone();
        var handshake = session.Handshake!;
        (handshake.InitiatorNonce, handshake.ResponderNonce) = (_nonce, [.. response.Nonce]);
        using (secret)
        {
            sa.UseKeys(IkeKeys.First(suite, new IkeNonces(_nonce, response.Nonce.AsSpan(), sa.InitiatorSpi, sa.ResponderSpi), secret.Bytes));
        }

        session.AgreedIke = response.Sa[0] with { Number = 0, Spi = 0 };
        ReadAbilities(session, sa, response, ofRequest: false);
        if (session.Target!.PpkRequired && !handshake.PeerHasPpk)
        {
            session.End(IkeEnd.Refused, "the peer has no post-quantum pre-shared keys (RFC 8784), and we do not go on without", now);
            return;
        }

        handshake.Add(suite.Additional);
        GoOn(session, sa, now);
    }

    public override void Abandon(IkeSession session) => _exchange?.Dispose();

    /// <summary>The responder's side: the door has chosen.</summary>
    public static void Answer(IkeSession session, IkeSa sa, IkeAdmission admission, Instant now)
    {
        var suite = IkeSuite.Of(admission.Chosen!);
        var request = admission.Payloads;
        if (!KeyExchange.TryRespond(suite.Group, request.Ke!.Value.AsSpan(), out var own, out var secret))
        {
            session.End(IkeEnd.Malformed, $"the peer's {Transform.Of(suite.Group)} value is not one", now);
            session.Finish();
            return;
        }

        var handshake = session.Handshake!;
        var nonce = new byte[IkeLimits.NonceLength];
        session.Entropy.Fill(nonce);
        handshake.Request = admission.Message;
        handshake.InitiatorNonce = [.. request.Nonce];
        handshake.ResponderNonce = nonce;
        session.AgreedIke = admission.Chosen! with { Number = 0, Spi = 0 };

        var writer = new PayloadWriter(new byte[IkeLimits.MessageMax]);
        writer.Sa([admission.Chosen! with { Spi = 0 }]);
        writer.Ke(suite.Group, own);
        writer.Nonce(nonce);
        ReadAbilities(session, sa, request, ofRequest: true);
        WriteAbilities(session, sa, ref writer);
        if (handshake.PeerHasPpk)
        {
            writer.Notify(NotifyType.UsePpk);
        }

        if (handshake.PeerHasIntermediate)
        {
            writer.Notify(NotifyType.IntermediateSupported);
        }

        // Without them a peer sends what it has: more than a few do not fit into a datagram.
        if (session.Owner.AuthorityHashes.Length is > 0 and <= AuthoritiesMax * AuthorityLength)
        {
            writer.CertificateRequest(session.Owner.AuthorityHashes.Span);
        }

        using (secret)
        {
            sa.UseKeys(IkeKeys.First(suite, new IkeNonces(request.Nonce.AsSpan(), nonce, sa.InitiatorSpi, sa.ResponderSpi), secret.Bytes));
        }

        handshake.Response = sa.ComposeClear(ExchangeType.IkeSaInit, 0, isResponse: true, writer.First, writer.Written);
        sa.CountFirstExchange();
        session.Transmit([handshake.Response]);
        handshake.Add(suite.Additional);
        session.Phase = suite.Additional.IsEmpty ? IkePhase.Authenticating : IkePhase.Intermediate;
    }

    /// <summary>As who began, once the two have keys: to the port for NAT where there is one, and on.</summary>
    public static void GoOn(IkeSession session, IkeSa sa, Instant now)
    {
        var handshake = session.Handshake!;
        if (session.Target!.LocalSelectors.IsEmpty && !handshake.PeerHasChildless)
        {
            session.End(IkeEnd.Refused, "the peer does nothing without a CHILD_SA (RFC 6023), and we ask for none", now);
            return;
        }

        if (session.IsEncapsulated)
        {
            session.GoTo(session.Path.ToNatPort(session.Options.NatPort));
        }

        session.Phase = handshake.Additional.Count == 0 ? IkePhase.Authenticating : IkePhase.Intermediate;
        session.Enqueue(sa, handshake.Additional.Count == 0 ? new IkeAuth() : new IkeIntermediate());
    }

    /// <summary>What each end can do, and where it believes to be.</summary>
    public static void WriteAbilities(IkeSession session, IkeSa sa, ref PayloadWriter to)
    {
        WriteNat(session, sa, session.Path, ref to);
        if (session.Options.Fragmentation)
        {
            to.Notify(NotifyType.FragmentationSupported);
        }

        to.Notify(NotifyType.SignatureHashAlgorithms, Hashes);
        if (!sa.IsInitiator)
        {
            to.Notify(NotifyType.ChildlessSupported);
        }
    }

    /// <summary>Where we are and where the peer seems to be (RFC 7296 section 2.23). To force encapsulation, we are where nobody is: no port is 0.</summary>
    public static void WriteNat(IkeSession session, IkeSa sa, in IkePath path, ref PayloadWriter to)
    {
        var local = session.Options.ForceEncapsulation ? path.Local with { Port = 0 } : path.Local;
        to.Notify(NotifyType.NatDetectionSourceIp, IkePath.Hash(sa.InitiatorSpi, sa.ResponderSpi, local));
        to.Notify(NotifyType.NatDetectionDestinationIp, IkePath.Hash(sa.InitiatorSpi, sa.ResponderSpi, path.Peer));
    }

    /// <summary>What the peer can do, and whether a NAT is between.</summary>
    public static void ReadAbilities(IkeSession session, IkeSa sa, IkePayloads message, bool ofRequest)
    {
        var handshake = session.Handshake!;
        sa.CanFragment = session.Options.Fragmentation && message.Has(NotifyType.FragmentationSupported);
        handshake.PeerHashes = ReadHashes(message);
        handshake.PeerHasPpk = message.Has(NotifyType.UsePpk);
        handshake.PeerHasIntermediate = message.Has(NotifyType.IntermediateSupported);
        handshake.PeerHasChildless = message.Has(NotifyType.ChildlessSupported);
        session.PeerTakesRedirect = TakesRedirect(message);
        DetectNat(session, sa, message, ofRequest ? 0 : sa.ResponderSpi);
    }

    /// <summary>RFC 7296 section 2.23. A peer that sends no hashes knows nothing of NAT; then there is none as far as it is concerned.</summary>
    /// <param name="responderSpi">As in the message: 0 in a first one.</param>
    public static void DetectNat(IkeSession session, IkeSa sa, IkePayloads message, ulong responderSpi)
    {
        if (!message.Has(NotifyType.NatDetectionSourceIp) || message.Find(NotifyType.NatDetectionDestinationIp) is not { } seen)
        {
            session.IsEncapsulated = session.Options.ForceEncapsulation;
            return;
        }

        var ofPeer = IkePath.Hash(sa.InitiatorSpi, responderSpi, session.Path.Peer);
        var ofUs = IkePath.Hash(sa.InitiatorSpi, responderSpi, session.Path.Local);
        sa.SeenAs = [.. seen.Data];
        var peerIsBehind = !message.Notifications.Any(notify => notify.Type == NotifyType.NatDetectionSourceIp && notify.Data.AsSpan().SequenceEqual(ofPeer));
        session.NeedsKeepalive = !message.Notifications.Any(notify => notify.Type == NotifyType.NatDetectionDestinationIp && notify.Data.AsSpan().SequenceEqual(ofUs));
        session.IsPeerBehindNat = peerIsBehind;
        session.IsEncapsulated = peerIsBehind || session.NeedsKeepalive || session.Options.ForceEncapsulation;
    }

    private static ImmutableArray<ushort> ReadHashes(IkePayloads message)
    {
        var data = message.Find(NotifyType.SignatureHashAlgorithms)?.Data ?? [];
        var hashes = ImmutableArray.CreateBuilder<ushort>();
        for (var i = 0; i + 1 < Math.Min(data.Length, 32); i += 2)
        {
            hashes.Add(BinaryPrimitives.ReadUInt16BigEndian(data.AsSpan()[i..]));
        }

        return hashes.ToImmutable();
    }

    /// <summary>The responder wants a cookie, or another method.</summary>
    private bool TryAgain(IkeSession session, IkePayloads response, Instant now)
    {
        if (_retries >= RetriesMax)
        {
            return false;
        }

        if (response.Find(NotifyType.Cookie) is { Data: { Length: > 0 and <= IkeLimits.CookieMax } cookie })
        {
            _cookie = [.. cookie];
        }
        else if (response.Find(NotifyType.InvalidKePayload) is { Data: { Length: 2 } wanted }
            && BinaryPrimitives.ReadUInt16BigEndian(wanted.AsSpan()) is var id && id != (ushort)_exchange!.Method
            && session.Target!.Ike.Any(proposal => proposal.Contains(new Transform(TransformType.KeyExchange, id))))
        {
            _exchange.Dispose();
            _exchange = KeyExchange.Start((KeyExchangeMethod)id);
        }
        else
        {
            return false;
        }

        _retries++;
        session.Begin(this, now);
        return true;
    }

    /// <summary>RFC 5685 section 9.3: kind and length of the address, the address.</summary>
    private static void WriteRedirectedFrom(IpAddress before, ref PayloadWriter to)
    {
        Span<byte> data = stackalloc byte[2 + 16];
        var length = before.Write(data[2..]);
        (data[0], data[1]) = (before.IsV4 ? (byte)1 : (byte)2, (byte)length);
        to.Notify(NotifyType.RedirectedFrom, data[..(2 + length)]);
    }

    private static KeyExchangeMethod FirstMethod(IReadOnlyList<Proposal> proposals) =>
        (KeyExchangeMethod)proposals[0].Of(TransformType.KeyExchange).First().Id;

    /// <summary>As they went into the payload.</summary>
    public static IReadOnlyList<Proposal> Numbered(IReadOnlyList<Proposal> proposals) =>
        [.. proposals.Select((proposal, index) => proposal with { Number = (byte)(index + 1) })];

    /// <summary>Who was sent here by another gateway says that instead, and may be sent on (RFC 5685 section 3).</summary>
    public static bool TakesRedirect(IkePayloads message) => message.Has(NotifyType.RedirectSupported) || message.Has(NotifyType.RedirectedFrom);

    internal static bool TryReadRedirect(ReadOnlySpan<byte> data, ReadOnlySpan<byte> nonce, out string gateway)
    {
        gateway = "";
        var reader = new ByteReader(data);
        if (!reader.TryU8(out var kind) || !reader.TryU8(out var length) || !reader.TryBytes(length, out var name) || !reader.Rest.SequenceEqual(nonce))
        {
            return false;
        }

        switch (kind)
        {
            case 1 when length == 4:
                gateway = IpAddress.ReadV4(name).ToString();
                return true;
            case 2 when length == 16:
                gateway = IpAddress.ReadV6(name).ToString();
                return true;
            case 3 when length > 0 && !name.ContainsAnyExceptInRange((byte)0x21, (byte)0x7e):
                gateway = Encoding.ASCII.GetString(name);
                return true;
            default:
                return false;
        }
    }
}
