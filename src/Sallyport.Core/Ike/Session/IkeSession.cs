using System.Diagnostics.CodeAnalysis;
using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.Ike.Door;
using Sallyport.Core.Ike.Exchanges;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>
/// One peer of IKEv2 as a state machine without I/O, whichever end began: an IKE SA, those that it is replaced by, and its CHILD_SAs. One input or
/// command; then drain transmits and events until both say false; then wait for <see cref="NextDeadline"/> or input. ESP is not its business: it makes the keys
/// and hands them out.
/// </summary>
public sealed partial class IkeSession : IDisposable
{
    /// <summary>After a refusal that anybody could have made: the true answer comes within a round trip or two, or not at all.</summary>
    private static readonly TimeSpan RefusalTime = TimeSpan.FromSeconds(3);

    /// <summary>From when new keys for the IKE SA are late to its end, of their lifetime.</summary>
    private const double ExpiryGrace = 0.1;

    /// <summary>For requests that are on their way when short keys are over.</summary>
    private static readonly TimeSpan LeastGrace = TimeSpan.FromSeconds(30);

    /// <summary>See <see cref="IkeLimits.KeyExchangesAtOnce"/>.</summary>
    private static readonly TimeSpan KeyExchangeEvery = TimeSpan.FromSeconds(1);

    /// <summary>For a peer that speaks from elsewhere to show that it receives there.</summary>
    private static readonly TimeSpan ShowTime = TimeSpan.FromSeconds(15);

    /// <summary>For the answer to our last word.</summary>
    private static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(10);

    private readonly Queue<IkeEvent> _events = new();
    private readonly List<IkeSa> _sas = [];
    private TokenBucket _keyExchanges;
    private IkeTimers _timers = new();
    private (IkeEnd Reason, string Detail)? _refusal;

    /// <summary>Of a session that we began: when what both have proven stands no longer.</summary>
    private Instant _proofEnds = Instant.Never;

    private IkeSession(IkeOptions options, IIkeOwner owner, IEntropy entropy, IkePath path)
    {
        Options = options;
        Owner = owner;
        Entropy = entropy;
        Path = path;
        ShownAt = path.Peer.Ip;
        Children = new ChildSas(this);
        Followups = new Followups(this);
    }

    /// <summary>Ours to whoever has many sessions.</summary>
    public long Number { get; set; }

    public IkePath Path { get; private set; }

    /// <summary>
    /// Where the peer last showed that it receives. It may send from anywhere, and say that it is there: until it has shown that it is, rules judge by this.
    /// </summary>
    public IpAddress ShownAt { get; internal set; }

    /// <summary>Counts changes of <see cref="Path"/>.</summary>
    internal int Moves { get; private set; }

    /// <summary>It has been elsewhere than <see cref="ShownAt"/>, and has not answered since, wherever it says that it is by now.</summary>
    internal bool HasToShow => _timers.At(IkeTimer.Show) != Instant.Never;

    /// <summary>Null until the peer has proven who it is.</summary>
    public IkeGrant? Grant { get; internal set; }

    public IkeIdentity? Peer { get; internal set; }

    public bool IsUp => Phase == IkePhase.Up;

    /// <summary>Our proof of who we are is on its way, or the peer has it.</summary>
    public bool HasProven => Phase >= IkePhase.Authenticating;

    /// <summary>Nothing more will come of it: dispose.</summary>
    public bool IsFinished => Phase == IkePhase.Finished;

    /// <summary>ESP goes in UDP: there is a NAT between, or one of the two ends cannot do without.</summary>
    public bool IsEncapsulated { get; internal set; }

    /// <summary>We are behind a NAT: it forgets us unless we speak.</summary>
    public bool NeedsKeepalive { get; internal set; }

    /// <summary>Both can move (RFC 4555); else who is behind a NAT is followed where its packets come from.</summary>
    public bool HasMobike { get; internal set; }

    public string Suite => Current.Keys?.Suite.ToString() ?? "";

    /// <summary>The pair that new requests go under: what operators compare with what the peer says.</summary>
    public IkeSpis Spis => new(Current.InitiatorSpi, Current.ResponderSpi, Current.IsInitiator);

    /// <summary>SPIs of ours that messages of this session may come to.</summary>
    public IEnumerable<ulong> LocalSpis => _sas.Select(sa => sa.LocalSpi);

    /// <summary>What the peer's first message had: it repeats that until it has our answer.</summary>
    internal ulong FirstPeerSpi { get; private init; }

    /// <summary>The peer has begun EAP-TLS, which is not over yet.</summary>
    internal bool HoldsTls => Handshake?.Eap is EapServing { HoldsTls: true };

    /// <summary>Where that message came from.</summary>
    internal OuterAddress CameFrom { get; set; }

    /// <summary>Counts changes of <see cref="LocalSpis"/>.</summary>
    internal int SpiChanges { get; private set; }

    public Instant Since { get; internal set; }

    /// <summary>When the last genuine message of the peer's came.</summary>
    public Instant LastHeard { get; private set; }

    public Instant NextDeadline
    {
        get
        {
            if (IsFinished)
            {
                return Instant.Never;
            }

            var next = Instant.Min(_timers.Next, Instant.Min(Children.NextDeadline, Followups.NextDeadline));
            foreach (var sa in _sas)
            {
                next = Instant.Min(next, sa.NextDeadline);
            }

            return next;
        }
    }

    internal IkeOptions Options { get; }

    internal IIkeOwner Owner { get; }

    internal IEntropy Entropy { get; }

    internal IkePhase Phase { get; set; }

    internal Handshake? Handshake { get; set; }

    /// <summary>Its packets come from wherever its NAT has it at the moment.</summary>
    public bool IsPeerBehindNat { get; internal set; }

    /// <summary>The algorithms of the IKE SA as they were agreed on.</summary>
    internal Proposals.Proposal? AgreedIke { get; set; }

    /// <summary>It said that it can be sent elsewhere (RFC 5685).</summary>
    internal bool PeerTakesRedirect { get; set; }

    internal TicketOffice? Tickets { get; private init; }

    internal IkeTarget? Target { get; private set; }

    /// <summary>Offered and taken of this peer.</summary>
    internal IReadOnlyList<Proposals.Proposal> IkeProposals => Target?.Ike ?? Grant!.Ike;

    internal IReadOnlyList<Proposals.Proposal> EspProposals => Target?.Esp ?? Grant!.Esp;

    /// <summary>Whether there is a CHILD_SA.</summary>
    public bool HasChildren => Children.Count > 0;

    /// <summary>Whether the peer is being asked, or is about to be, for a CHILD_SA that takes no other's place.</summary>
    public bool IsAddingChild =>
        _late.Exists(IsNewChild) || _waiting.Any(waiting => IsNewChild(waiting.Exchange)) || _sas.Exists(sa => sa.Pending.Any(request => IsNewChild(request.Exchange)))
        || Followups.IsAddingChild;

    internal ChildSas Children { get; }

    /// <summary>What is agreed on, and waits for additional key exchanges.</summary>
    internal Followups Followups { get; }

    /// <summary>The pair of SPIs that new requests go under.</summary>
    internal IkeSa Current { get; set; } = null!;

    /// <summary>Our rekey of the IKE SA that is under way, or null.</summary>
    internal RekeyIke? Rekeying { get; set; }

    /// <summary>The answer to a first message that the door let in. The session is finished where that has nothing to answer with.</summary>
    internal static IkeSession Respond(IkeOptions options, IIkeOwner owner, TicketOffice tickets, IEntropy entropy, IkeAdmission admission, IkePath path, Instant now)
    {
        var session = new IkeSession(options, owner, entropy, path) { Tickets = tickets, FirstPeerSpi = admission.Header.InitiatorSpi };
        var sa = new IkeSa(isInitiator: false, owner.NewIkeSpi(), admission.Header.InitiatorSpi, entropy);
        session.Adopt(sa);
        session.Handshake = new Handshake();
        session._timers.Set(IkeTimer.Handshake, now + options.HandshakeWindow);
        session.Since = now;
        if (admission.Ticket is { } ticket)
        {
            SessionResume.Answer(session, sa, admission, ticket, now);
        }
        else
        {
            IkeSaInit.Answer(session, sa, admission, now);
        }

        return session;
    }

    /// <summary>Calls a peer.</summary>
    public static IkeSession Initiate(IkeOptions options, IIkeOwner owner, IkeTarget target, IEntropy entropy, IkePath path, Instant now)
    {
        var session = new IkeSession(options, owner, entropy, path) { Target = target };
        var sa = new IkeSa(isInitiator: true, owner.NewIkeSpi(), 0, entropy);
        session.Adopt(sa);
        session.Handshake = new Handshake();
        session._timers.Set(IkeTimer.Handshake, now + options.DeadAfter);
        session.Since = now;
        if (target.Ticket is { } ticket && ticket.Expires > now)
        {
            session.Begin(new SessionResume(ticket), now);
        }
        else
        {
            session.Begin(new IkeSaInit(), now);
        }

        return session;
    }

    /// <summary>Takes a message of this session: of one of <see cref="LocalSpis"/>. Its bytes mean nothing afterwards.</summary>
    public DropReason HandleMessage(Span<byte> message, in IkeHeader header, in IkePath from, Instant now)
    {
        var sa = Find(header.ReceiverSpi);
        if (IsFinished || sa is null || header.IsFromInitiator == sa.IsInitiator || (sa.RemoteSpi != 0 && header.SenderSpi != sa.RemoteSpi))
        {
            return DropReason.UnknownPeer;
        }

        var reason = header.IsResponse ? TakeResponse(sa, message, header, from, now) : TakeRequest(sa, message, header, from, now);
        Advance(now);
        return reason;
    }

    public void HandleTimeout(Instant now)
    {
        if (_timers.TakeExpired(IkeTimer.Linger, now))
        {
            Finish();
            return;
        }

        if (_timers.TakeExpired(IkeTimer.Handshake, now))
        {
            var (reason, detail) = _refusal ?? (IkeEnd.HandshakeTimeout, WhatIsMissing());
            End(reason, detail, now);
            Finish();
            return;
        }

        if (_timers.TakeExpired(IkeTimer.Show, now))
        {
            End(IkeEnd.Silent, "the peer does not show that it receives where it says that it is", now);
            Finish();
            return;
        }

        if (_timers.TakeExpired(IkeTimer.ForgetAnswers, now))
        {
            _sas.ForEach(sa => sa.ForgetAnswers());
        }

        if (_timers.TakeExpired(IkeTimer.Rekey, now))
        {
            RekeyIke(now);
        }

        if (_timers.TakeExpired(IkeTimer.Expire, now))
        {
            Close("no new keys for its IKE SA were agreed on in time", now);
        }

        if (_timers.TakeExpired(IkeTimer.Reauthenticate, now))
        {
            ProofIsOver(now);
        }

        if (_timers.TakeExpired(IkeTimer.Probe, now))
        {
            Probe(now);
        }

        if (_timers.TakeExpired(IkeTimer.Retry, now))
        {
            EnqueueLate();
        }

        foreach (var old in _sas.Where(sa => sa.DropAt <= now).ToList())
        {
            Forget(old);
        }

        RepeatRequests(now);
        Followups.HandleTimeout(now);
        Children.HandleTimeout(now);
        Advance(now);
    }

    /// <summary>The next datagram, without a marker, and where it goes. Call until false.</summary>
    public bool TryDequeueTransmit([NotNullWhen(true)] out byte[]? datagram, out IkePath path)
    {
        var any = _transmits.TryDequeue(out var next);
        (datagram, path) = next;
        return any;
    }

    public bool TryDequeueEvent([NotNullWhen(true)] out IkeEvent? happened) => _events.TryDequeue(out happened);

    /// <summary>Asks the peer whether it lives (RFC 7296 section 2.4), unless it is being asked something anyway.</summary>
    public void Probe(Instant now)
    {
        if (IsUp)
        {
            if (!Current.HasRequestUnderWay)
            {
                Enqueue(Current, new Informational(InformationalKind.Probe));
            }

            ArmProbe(now);
            Advance(now);
        }
    }

    /// <summary>New keys for a pair of SAs; nothing where it is gone, or is being replaced.</summary>
    public void RekeyChild(uint inboundSpi, Instant now)
    {
        if (IsUp && Children.Find(inboundSpi) is { State: ChildState.Active } child)
        {
            Enqueue(Current, new CreateChild(child));
            Advance(now);
        }
    }

    /// <summary>New keys for the IKE SA itself.</summary>
    public void RekeyIke(Instant now)
    {
        if (IsUp && Rekeying is null)
        {
            Rekeying = new RekeyIke(Current);
            Enqueue(Current, Rekeying);
            Advance(now);
        }
    }

    /// <summary>One more pair of SAs, for these selectors.</summary>
    public void AddChild(System.Collections.Immutable.ImmutableArray<Esp.TrafficSelector> local, System.Collections.Immutable.ImmutableArray<Esp.TrafficSelector> remote, Instant now)
    {
        if (IsUp)
        {
            Enqueue(Current, new CreateChild(local, remote, Target?.WantsTransport ?? false));
            Advance(now);
        }
    }

    public void DeleteChild(uint inboundSpi, Instant now)
    {
        if (IsUp && Children.Find(inboundSpi) is { State: not ChildState.Deleting } child)
        {
            Enqueue(Current, Informational.Delete(child));
            Advance(now);
        }
    }

    /// <summary>We speak from elsewhere (RFC 4555 section 3.5): for whoever began the session.</summary>
    public void Move(in IkePath path, Instant now)
    {
        if (IsUp && HasMobike && Target is not null)
        {
            GoTo(path);
            Enqueue(Current, new Informational(InformationalKind.UpdateAddresses));
            SendAgain();
            Advance(now);
        }
    }

    /// <summary>The peer, which is behind a NAT, has been heard of at another port or address of it (RFC 7296 section 2.23).</summary>
    public void Follow(in IkePath path, Instant now)
    {
        if (IsUp && !HasMobike && IsPeerBehindNat && path != Path)
        {
            GoTo(path);
            ShownAt = path.Peer.Ip;
            SendAgain();
            Advance(now);
        }
    }

    /// <summary>Messages go there from now on; whether the peer receives them there is another question.</summary>
    internal void GoTo(in IkePath path)
    {
        Path = path;
        Moves++;
    }

    /// <summary>
    /// Asks a peer that can be asked (RFC 4555 section 3.7) to show that it receives where it speaks from. However often it moves meanwhile, or makes new keys, it has so
    /// much time in all: rules judge by where it was, and whoever is where it says that it is may not want our packets.
    /// </summary>
    internal void AskToShow(Instant now)
    {
        if (!HasMobike || Target is not null || (Path.Peer.Ip == ShownAt && !HasToShow))
        {
            return;
        }

        SetTimer(IkeTimer.Show, Instant.Min(_timers.At(IkeTimer.Show), now + ShowTime));
        Enqueue(Current, new Informational(InformationalKind.ReturnRoutability));
    }

    /// <summary>It has received what was sent there alone.</summary>
    internal void HasShown()
    {
        ShownAt = Path.Peer.Ip;
        StopTimer(IkeTimer.Show);
    }

    /// <summary>Sends a peer elsewhere that understands that (RFC 5685 section 5), which ends the session itself. False: it stays.</summary>
    public bool Redirect(string gateway, Instant now)
    {
        if (!IsUp || Target is not null || !PeerTakesRedirect)
        {
            return false;
        }

        Enqueue(Current, Informational.Redirect(gateway));
        Advance(now);
        return true;
    }

    /// <summary>Proposals, lifetimes and selectors from now on, for what is negotiated next.</summary>
    public void UseGrant(IkeGrant grant)
    {
        if (IsUp)
        {
            Grant = grant;
            Target = Target is null ? null : Target with { Ike = grant.Ike, Esp = grant.Esp, Lifetimes = grant.Lifetimes };
        }
    }

    /// <summary>Ends the session from this side: the peer is told.</summary>
    public void Close(string detail, Instant now)
    {
        if (IsUp)
        {
            EndTelling(IkeEnd.Closed, detail, InformationalKind.DeleteIke, now);
        }
        else if (Phase < IkePhase.Closing)
        {
            End(IkeEnd.Closed, detail, now);
            Finish();
        }
    }

    /// <summary>Ends it without a word: the peer notices by itself, when nobody answers any more.</summary>
    public void Forsake(string detail, Instant now)
    {
        End(IkeEnd.Closed, detail, now);
        Finish();
    }

    public void Dispose()
    {
        Finish();
        while (_events.TryDequeue(out var undelivered))
        {
            (undelivered as ChildUp)?.Keys.Dispose();
        }
    }

    internal void Adopt(IkeSa sa)
    {
        Shelter(sa);
        Current = sa;
    }

    /// <summary>One that is there, and not used for requests (yet).</summary>
    internal void Shelter(IkeSa sa)
    {
        _sas.Add(sa);
        SpiChanges++;
    }

    /// <summary>What was still asked under it, and is not for nothing, is asked again under the one that is in use.</summary>
    internal void Forget(IkeSa sa)
    {
        _sas.Remove(sa);
        SpiChanges++;
        MoveWaiting(sa, Current);
        AskAgain(sa);
        sa.Dispose();
    }

    /// <summary>The peer has deleted an old pair of SPIs; it may ask for the answer again.</summary>
    internal void ForgetSoon(IkeSa sa, Instant now)
    {
        AskAgain(sa);
        sa.DropAt = now + LingerTime;
    }

    internal void Raise(IkeEvent happened) => _events.Enqueue(happened);

    internal void SetTimer(IkeTimer timer, Instant at) => _timers.Set(timer, at);

    internal void StopTimer(IkeTimer timer) => _timers.Stop(timer);

    /// <summary>Both ends are known: what was only of use until then goes.</summary>
    internal void Establish(IkeProof proof, Instant now)
    {
        var handshake = Handshake!;
        Phase = IkePhase.Up;
        Current.IsStrict = false;
        Current.ForgetKeysBefore();
        Since = now;
        StopTimer(IkeTimer.Handshake);
        var lifetimes = Lifetimes;
        ArmRekey(now);
        var ends = SessionEnds(handshake, now);
        if (ends < Instant.Never && Target is null)
        {
            SetTimer(IkeTimer.Reauthenticate, ends);
        }
        else if (ends < Instant.Never)
        {
            ProveAgainIn(ends - now, now);
        }

        ArmProbe(now);
        if (Target is null && !HasMobike)
        {
            // It is behind a NAT, and followed from now on as well.
            ShownAt = Path.Peer.Ip;
        }

        AskToShow(now);
        Raise(new IkeUp(Grant!, Peer!, Suite, proof.Word(), handshake.IsInitialContact));
    }

    /// <summary>
    /// Until when what the peer has proven stands: a ticket comes of it no later, and one that comes of a ticket is good for no longer than that was. Otherwise who
    /// resumes again and again would never prove anything, nor exchange keys, again.
    /// </summary>
    internal Instant ProofEnds(Instant now)
    {
        var reauthenticate = Lifetimes.Reauthenticate;
        var own = now + (reauthenticate > TimeSpan.Zero && reauthenticate < Options.TicketLifetime ? reauthenticate : Options.TicketLifetime);
        return Instant.Min(Handshake?.Resumed is { } resumed ? Instant.Min(own, resumed.Expires) : own, CertificateEnds(Handshake));
    }

    /// <summary>What the peer has proven stands no longer than its certificate, or than the ticket that came of one.</summary>
    private Instant SessionEnds(Handshake handshake, Instant now)
    {
        var own = Lifetimes.Reauthenticate > TimeSpan.Zero ? now + Lifetimes.Reauthenticate : Instant.Never;
        if (handshake.Resumed is { } resumed && (own < Instant.Never || resumed.Proof is IkeProof.Certificate or IkeProof.EapTls))
        {
            own = Instant.Min(own, resumed.Expires);
        }

        return Instant.Min(own, CertificateEnds(handshake));
    }

    private static Instant CertificateEnds(Handshake? handshake) =>
        handshake?.PeerCertificate is { } der && CertificateView.TryRead(der, out var view) ? view.NotAfter : Instant.Never;

    /// <summary>Whether the peer may have one more key exchange computed here.</summary>
    internal bool MayExchangeKeys(Instant now) => _keyExchanges.TryTake(IkeLimits.KeyExchangesAtOnce, KeyExchangeEvery, now);

    /// <summary>For whoever began: in time, so that another session is up before this one ends. The shorter of what is asked for by both ends holds.</summary>
    internal void ProveAgainIn(TimeSpan lifetime, Instant now)
    {
        if (now + lifetime < _proofEnds)
        {
            _proofEnds = now + lifetime;
            SetTimer(IkeTimer.Reauthenticate, now + Early(lifetime));
        }
    }

    private void ProofIsOver(Instant now)
    {
        if (Target is not null && now < _proofEnds)
        {
            SetTimer(IkeTimer.Reauthenticate, _proofEnds);
            Raise(new ProofDue());
            return;
        }

        Close("it has to prove again who it is", now);
    }

    /// <summary>
    /// Somebody who need not be the peer refused our first message. It is given up soon, unless the true answer still comes (RFC 7296 section 2.21.1).
    /// </summary>
    internal void GiveUpSoon(IkeEnd reason, string detail, Instant now)
    {
        if (_refusal is null)
        {
            _timers.Set(IkeTimer.Handshake, Instant.Min(_timers.At(IkeTimer.Handshake), now + RefusalTime));
        }

        _refusal = (reason, detail);
    }

    internal void FinishHandshake()
    {
        Handshake?.Dispose();
        Handshake = null;
    }

    internal IkeLifetimes Lifetimes => Target?.Lifetimes ?? Grant?.Lifetimes ?? new IkeLifetimes();

    internal void ArmRekey(Instant now)
    {
        if (Lifetimes.IkeRekey > TimeSpan.Zero)
        {
            var grace = Lifetimes.IkeRekey * ExpiryGrace;
            SetTimer(IkeTimer.Rekey, now + Early(Lifetimes.IkeRekey));
            SetTimer(IkeTimer.Expire, now + Lifetimes.IkeRekey + (grace > LeastGrace ? grace : LeastGrace));
        }
    }

    /// <summary>Nine tenths of a lifetime at most, so that two ends with the same one seldom begin together.</summary>
    internal TimeSpan Early(TimeSpan lifetime)
    {
        Span<byte> random = stackalloc byte[1];
        Entropy.Fill(random);
        return lifetime * (0.9 - (0.2 * random[0] / 255));
    }

    /// <summary>Ends the session once. Its last words still go out.</summary>
    internal void End(IkeEnd reason, string detail, Instant now, object? who = null)
    {
        if (Phase >= IkePhase.Closing)
        {
            return;
        }

        Phase = IkePhase.Closing;
        _timers.StopAll();
        _timers.Set(IkeTimer.Linger, now + LingerTime);
        DisownRequests();
        Followups.DropAll();
        Children.EndAll();
        FinishHandshake();
        Raise(new IkeDown(reason, detail, who));
    }

    /// <summary>As <see cref="End"/>, and tells a peer that believes the session to be up.</summary>
    internal void EndTelling(IkeEnd reason, string detail, InformationalKind lastWord, Instant now, object? who = null)
    {
        if (Phase < IkePhase.Closing)
        {
            End(reason, detail, now, who);
            Enqueue(Current, new Informational(lastWord), isFirst: true);
            Pump(now);
        }
    }

    internal void Finish()
    {
        if (Phase == IkePhase.Finished)
        {
            return;
        }

        Phase = IkePhase.Finished;
        _timers.StopAll();
        DisownRequests();
        Followups.DropAll();
        Children.EndAll();
        FinishHandshake();
        _sas.ForEach(sa => sa.Dispose());
    }

    private string WhatIsMissing() => Phase switch
    {
        IkePhase.FirstExchange => "the peer does not answer",
        _ when Handshake?.Rounds > 0 => "the peer did not finish authentication in time",
        _ => "the peer did not go on with IKE_AUTH in time",
    };

    private static bool IsNewChild(Exchange exchange) => exchange is CreateChild { IsRekey: false };

    private IkeSa? Find(ulong localSpi) => _sas.Find(sa => sa.LocalSpi == localSpi);
}

/// <summary>What an IKE SA is called by.</summary>
/// <param name="WeBegan">The initiator is this end: it made the IKE SA, or renewed it last.</param>
public readonly record struct IkeSpis(ulong Initiator, ulong Responder, bool WeBegan);
