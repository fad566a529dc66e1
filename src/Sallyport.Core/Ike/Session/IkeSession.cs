using System.Diagnostics.CodeAnalysis;
using Sallyport.Core.Gateway;
using Sallyport.Core.Ike.Door;
using Sallyport.Core.Ike.Exchanges;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>
/// One peer of IKEv2 as a state machine without I/O, whichever end began: an IKE SA, those that it is replaced by, and its CHILD_SAs. One input or
/// command; then drain transmits and events until both say false; then wait for <see cref="NextDeadline"/> or input. ESP is not its business: it makes the keys
/// and hands them out.
/// </summary>
public sealed class IkeSession : IDisposable
{
    /// <summary>Longest time in which a peer asks again for an answer that it did not get: stock peers stop after 165 s (strongSwan's retransmit_tries).</summary>
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(180);

    /// <summary>For the answer to our last word.</summary>
    private static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(10);

    /// <summary>Requests of the owner's and of timers that wait for their turn.</summary>
    private const int WaitingMax = 256;

    private readonly Queue<IkeEvent> _events = new();
    private readonly Queue<(byte[] Datagram, IkePath Path)> _transmits = new();
    private readonly LinkedList<(IkeSa Sa, Exchange Exchange)> _waiting = new();
    private readonly List<IkeSa> _sas = [];
    private readonly List<byte[]> _again = [];
    private IkeTimers _timers = new();

    private IkeSession(IkeOptions options, IIkeOwner owner, IEntropy entropy, IkePath path)
    {
        Options = options;
        Owner = owner;
        Entropy = entropy;
        Path = path;
        Children = new ChildSas(this);
    }

    /// <summary>Ours to whoever has many sessions.</summary>
    public long Number { get; set; }

    public IkePath Path { get; internal set; }

    /// <summary>Null until the peer has proven who it is.</summary>
    public IkeGrant? Grant { get; internal set; }

    public IkeIdentity? Peer { get; internal set; }

    public bool IsUp => Phase == IkePhase.Up;

    /// <summary>Nothing more will come of it: dispose.</summary>
    public bool IsFinished => Phase == IkePhase.Finished;

    /// <summary>ESP goes in UDP: there is a NAT between, or one of the two ends cannot do without.</summary>
    public bool IsEncapsulated { get; internal set; }

    /// <summary>We are behind a NAT: it forgets us unless we speak.</summary>
    public bool NeedsKeepalive { get; internal set; }

    /// <summary>Both can move (RFC 4555); else who is behind a NAT is followed where its packets come from.</summary>
    public bool HasMobike { get; internal set; }

    public string Suite => Current.Keys?.Suite.ToString() ?? "";

    /// <summary>SPIs of ours that messages of this session may come to.</summary>
    public IEnumerable<ulong> LocalSpis => _sas.Select(sa => sa.LocalSpi);

    /// <summary>What the peer's first message had: it repeats that until it has our answer.</summary>
    internal ulong FirstPeerSpi { get; private init; }

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

            var next = Instant.Min(_timers.Next, Children.NextDeadline);
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

    internal TicketOffice? Tickets { get; private init; }

    internal IkeTarget? Target { get; private init; }

    internal ChildSas Children { get; }

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
            End(IkeEnd.HandshakeTimeout, Handshake?.Rounds > 0 ? "the peer did not finish authentication in time" : "the peer did not go on with IKE_AUTH in time", now);
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

        if (_timers.TakeExpired(IkeTimer.Reauthenticate, now))
        {
            Close("it has to prove again who it is", now);
        }

        if (_timers.TakeExpired(IkeTimer.Probe, now))
        {
            Probe(now);
        }

        if (_timers.TakeExpired(IkeTimer.OldSa, now))
        {
            DropOldSas();
        }

        RepeatRequests(now);
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

    /// <summary>Something genuine of the peer's came beside IKE.</summary>
    public void NoteAlive(Instant now) => ArmProbe(now);

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
            Rekeying = new RekeyIke();
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
        if (IsUp && HasMobike && Current.IsInitiator)
        {
            Path = path;
            Enqueue(Current, new Informational(InformationalKind.UpdateAddresses));
            SendAgain();
            Advance(now);
        }
    }

    /// <summary>The peer, which is behind a NAT, has been heard of at another port or address of it (RFC 7296 section 2.23).</summary>
    public void Follow(in IkePath path, Instant now)
    {
        if (IsUp && !HasMobike && path != Path)
        {
            Path = path;
            SendAgain();
            Advance(now);
        }
    }

    /// <summary>Sends a peer that understands it elsewhere, and ends (RFC 5685 section 5).</summary>
    public void Redirect(string gateway, Instant now)
    {
        if (IsUp)
        {
            Enqueue(Current, Informational.Redirect(gateway));
            Advance(now);
        }
    }

    /// <summary>Selectors and the like from now on, for what is negotiated next.</summary>
    public void UseGrant(IkeGrant grant) => Grant = IsUp ? grant : Grant;

    /// <summary>Ends the session from this side: the peer is told.</summary>
    public void Close(string detail, Instant now)
    {
        if (IsUp)
        {
            _waiting.Clear();
            Enqueue(Current, new Informational(InformationalKind.DeleteIke), isFirst: true);
            End(IkeEnd.Closed, detail, now);
            Current.ForgetRequests();
            Pump(now);
        }
        else if (Phase < IkePhase.Closing)
        {
            End(IkeEnd.Closed, detail, now);
            Finish();
        }
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

    internal void Forget(IkeSa sa)
    {
        _sas.Remove(sa);
        SpiChanges++;
        for (var node = _waiting.First; node is not null;)
        {
            var next = node.Next;
            if (node.Value.Sa == sa)
            {
                node.Value.Exchange.Abandon(this);
                _waiting.Remove(node);
            }

            node = next;
        }

        foreach (var request in sa.Pending)
        {
            request.Exchange.Abandon(this);
        }

        sa.Dispose();
    }

    /// <summary>What waits to go under one pair of SPIs goes under another.</summary>
    internal void MoveWaiting(IkeSa from, IkeSa to)
    {
        for (var node = _waiting.First; node is not null; node = node.Next)
        {
            if (node.Value.Sa == from)
            {
                node.Value = (to, node.Value.Exchange);
            }
        }
    }

    /// <summary>The peer has deleted an old pair of SPIs; it may ask for the answer again.</summary>
    internal void ForgetSoon(IkeSa sa, Instant now)
    {
        sa.ForgetRequests();
        SetTimer(IkeTimer.OldSa, now + LingerTime);
    }

    /// <summary>The old pair of SPIs answers a while longer.</summary>
    internal void KeepOld(Instant now) => _timers.Set(IkeTimer.OldSa, now + Options.DeadAfter);

    internal void Raise(IkeEvent happened) => _events.Enqueue(happened);

    internal void SetTimer(IkeTimer timer, Instant at) => _timers.Set(timer, at);

    internal void StopTimer(IkeTimer timer) => _timers.Stop(timer);

    internal void Transmit(IReadOnlyList<byte[]> datagrams)
    {
        foreach (var datagram in datagrams)
        {
            _transmits.Enqueue((datagram, Path));
        }
    }

    internal void Enqueue(IkeSa sa, Exchange exchange, bool isFirst = false)
    {
        if (_waiting.Count >= WaitingMax)
        {
            exchange.Abandon(this);
        }
        else if (isFirst)
        {
            _waiting.AddFirst((sa, exchange));
        }
        else
        {
            _waiting.AddLast((sa, exchange));
        }
    }

    /// <summary>A first request, in the clear: its message is number 0, however often it is made anew.</summary>
    internal void Begin(Exchange exchange, Instant now)
    {
        var room = new byte[IkeLimits.DatagramMax];
        var writer = new PayloadWriter(room);
        _ = exchange.Write(this, Current, ref writer, now);
        var message = Current.ComposeClear(exchange.Type, 0, isResponse: false, writer.First, writer.Written);
        Handshake!.Request = message;
        Current.Keep(exchange, 0, [message], Options.RetransmitAfter, now);
        Transmit([message]);
    }

    internal void Answer(IkeSa sa, in IkeHeader request, ref PayloadWriter payloads, Instant now)
    {
        Transmit(sa.Answer(request.Exchange, request.MessageId, payloads.First, payloads.Written));
        _timers.Set(IkeTimer.ForgetAnswers, now + AnswerTime);
    }

    internal void AnswerError(IkeSa sa, in IkeHeader request, NotifyType error, Instant now, ReadOnlySpan<byte> data = default)
    {
        var writer = new PayloadWriter(new byte[64]);
        writer.Notify(error, data);
        Answer(sa, request, ref writer, now);
    }

    /// <summary>Both ends are known: what was only of use until then goes.</summary>
    internal void Establish(IkeProof proof, Instant now)
    {
        var handshake = Handshake!;
        Phase = IkePhase.Up;
        Current.IsStrict = false;
        Since = now;
        StopTimer(IkeTimer.Handshake);
        var lifetimes = Lifetimes;
        ArmRekey(now);
        if (lifetimes.Reauthenticate > TimeSpan.Zero && Target is null)
        {
            SetTimer(IkeTimer.Reauthenticate, now + lifetimes.Reauthenticate);
        }

        ArmProbe(now);
        Raise(new IkeUp(Grant!, Peer!, Suite, proof.Word(), handshake.IsInitialContact));
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
            SetTimer(IkeTimer.Rekey, now + Early(Lifetimes.IkeRekey));
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
    internal void End(IkeEnd reason, string detail, Instant now)
    {
        if (Phase >= IkePhase.Closing)
        {
            return;
        }

        Phase = IkePhase.Closing;
        _timers.StopAll();
        _timers.Set(IkeTimer.Linger, now + LingerTime);
        Children.EndAll();
        FinishHandshake();
        Raise(new IkeDown(reason, detail));
    }

    /// <summary>Before an end: what is to be said goes out.</summary>
    internal void PumpLast(Instant now) => Pump(now);

    private IkeSa? Find(ulong localSpi) => _sas.Find(sa => sa.LocalSpi == localSpi);

    private DropReason TakeRequest(IkeSa sa, Span<byte> message, in IkeHeader header, in IkePath from, Instant now)
    {
        if (sa.Keys is null || Phase == IkePhase.Finished)
        {
            return DropReason.UnknownPeer;
        }

        if (header.Exchange is ExchangeType.IkeSaInit or ExchangeType.IkeSessionResume)
        {
            return Repeated(sa, header);
        }

        var reason = sa.Admit(header.MessageId, out var answer);
        if (reason == DropReason.Replayed && answer.Count > 0)
        {
            // Of a message in parts, one of them is enough to ask for the answer again (RFC 7383 section 2.6.1).
            if (!MessageCipher.TryOpen(sa.Keys, message, header, fromInitiator: !sa.IsInitiator, out var repeated))
            {
                return DropReason.BadTag;
            }

            if (repeated.Number <= 1)
            {
                foreach (var datagram in answer)
                {
                    _transmits.Enqueue((datagram, from));
                }
            }

            return reason;
        }

        if (reason != DropReason.None)
        {
            return reason;
        }

        reason = sa.Open(message, header, out var first, out var bytes, out var transcript);
        if (reason != DropReason.None)
        {
            return reason == DropReason.IpFragment ? DropReason.None : reason;
        }

        sa.Took(header.MessageId);
        HeardFrom(sa, from, now);
        var fault = IkePayloads.Read(first, bytes, out var payloads);
        if (fault != PayloadFault.None)
        {
            Refuse(sa, header, fault, payloads, now);
            return DropReason.ControlMalformed;
        }

        return Dispatch(sa, header, payloads, transcript, bytes, from, now);
    }

    /// <summary>A peer that does not have our answer to its first message. It went in the clear, so anybody can send that again: whoever does is answered once more.</summary>
    private DropReason Repeated(IkeSa sa, in IkeHeader header)
    {
        if (header.MessageId == 0 && sa == _sas[0] && Handshake is { Response.Length: > 0 } handshake && !IsUp)
        {
            Transmit([handshake.Response]);
        }

        return DropReason.Replayed;
    }

    /// <summary>The first message came again before anything else did.</summary>
    internal void RepeatFirstAnswer(ReadOnlySpan<byte> message)
    {
        if (Handshake is { Response.Length: > 0 } handshake && message.SequenceEqual(handshake.Request))
        {
            Transmit([handshake.Response]);
        }
    }

    /// <summary>The table of what may come when: everything else is refused, whatever it says (CVE-2014-2338, CVE-2019-12312).</summary>
    private DropReason Dispatch(
        IkeSa sa, in IkeHeader header, IkePayloads payloads, in IntermediateTranscript transcript, byte[] bytes, in IkePath from, Instant now)
    {
        switch (Phase, header.Exchange)
        {
            case (IkePhase.Intermediate, ExchangeType.IkeIntermediate):
                IkeIntermediate.Answer(this, sa, header, payloads, transcript.Write(bytes), now);
                return DropReason.None;
            case (IkePhase.Authenticating, ExchangeType.IkeAuth) when Target is null:
                IkeAuth.Answer(this, sa, header, payloads, now);
                return DropReason.None;
            case (IkePhase.Up, ExchangeType.CreateChildSa):
                CreateChildSa.Answer(this, sa, header, payloads, now);
                return DropReason.None;
            case (IkePhase.Up, ExchangeType.Informational):
                Informational.Answer(this, sa, header, payloads, from, now);
                return DropReason.None;
            case (IkePhase.Closing, ExchangeType.Informational):
                var empty = new PayloadWriter(default);
                Answer(sa, header, ref empty, now);
                return DropReason.None;
            default:
                AnswerError(sa, header, NotifyType.InvalidSyntax, now);
                if (!IsUp)
                {
                    End(IkeEnd.Malformed, $"{header.Exchange} came where it may not", now);
                }

                return DropReason.NotRequested;
        }
    }

    private void Refuse(IkeSa sa, in IkeHeader header, PayloadFault fault, IkePayloads payloads, Instant now)
    {
        if (fault == PayloadFault.UnknownCritical)
        {
            AnswerError(sa, header, NotifyType.UnsupportedCriticalPayload, now, [payloads.CriticalType]);
            return;
        }

        AnswerError(sa, header, NotifyType.InvalidSyntax, now);
        End(IkeEnd.Malformed, $"malformed payloads in {header.Exchange}", now);
    }

    private DropReason TakeResponse(IkeSa sa, Span<byte> message, in IkeHeader header, in IkePath from, Instant now)
    {
        var request = sa.FindPending(header.MessageId);
        if (request is null || request.Exchange.Type != header.Exchange)
        {
            return DropReason.NotRequested;
        }

        PayloadType first;
        byte[] bytes;
        if (sa.Keys is null)
        {
            // The first answer is in the clear; who it is from shows with AUTH.
            (first, bytes) = (header.NextPayload, message[IkeLimits.HeaderLength..].ToArray());
            Handshake!.Response = message.ToArray();
        }
        else
        {
            var reason = sa.Open(message, header, out first, out bytes, out var transcript);
            if (reason != DropReason.None)
            {
                return reason == DropReason.IpFragment ? DropReason.None : reason;
            }

            HeardFrom(sa, from, now);
            if (header.Exchange == ExchangeType.IkeIntermediate)
            {
                Handshake?.AddIntermediate(sa.Keys, ofInitiator: false, transcript.Write(bytes));
            }
        }

        var fault = IkePayloads.Read(first, bytes, out var payloads);
        if (fault != PayloadFault.None)
        {
            if (sa.Keys is null)
            {
                return DropReason.ControlMalformed;
            }

            sa.Done(request);
            request.Exchange.Abandon(this);
            End(IkeEnd.Malformed, $"malformed payloads in the answer to {header.Exchange}", now);
            return DropReason.ControlMalformed;
        }

        if (sa.Keys is null)
        {
            _firstAnswer = header;
        }
        else
        {
            sa.Done(request);
        }

        request.Exchange.HandleResponse(this, sa, payloads, now);
        return DropReason.None;
    }

    private IkeHeader _firstAnswer;

    /// <summary>The SPI that the responder chose, of the answer that is being handled.</summary>
    internal ulong AnswererSpi => _firstAnswer.ResponderSpi;

    /// <summary>The first exchange is done, and is not repeated any more.</summary>
    internal void FirstExchangeDone()
    {
        Current.ForgetRequests();
        Current.RemoteSpi = AnswererSpi;
        Current.CountFirstExchange();
    }

    /// <summary>A genuine message: the peer lives. Behind a NAT it may have another port by now.</summary>
    private void HeardFrom(IkeSa sa, in IkePath from, Instant now)
    {
        LastHeard = now;
        ArmProbe(now);
        if (from != Path && sa == Current && !HasMobike && Target is null && from.Peer != Path.Peer)
        {
            Path = from;
            if (IsUp)
            {
                Raise(new IkeMoved(Path, IsEncapsulated));
            }
        }
        else if (Phase < IkePhase.Up && from != Path)
        {
            // The peer has moved to the port for NAT, as it shall when it sees one.
            Path = from;
        }
    }

    private void ArmProbe(Instant now)
    {
        if (Options.ProbeAfter > TimeSpan.Zero && IsUp)
        {
            SetTimer(IkeTimer.Probe, now + Options.ProbeAfter);
        }
    }

    private void RepeatRequests(Instant now)
    {
        foreach (var sa in _sas)
        {
            if (sa.Repeat(now, Options.DeadAfter, _again))
            {
                _again.Clear();
                if (sa != Current)
                {
                    // The last word on an old pair of SPIs was not answered: nobody needs that answer.
                    sa.ForgetRequests();
                    continue;
                }

                if (Phase == IkePhase.Closing)
                {
                    Finish();
                    return;
                }

                End(IkeEnd.Silent, "the peer does not answer", now);
                Finish();
                return;
            }
        }

        if (_again.Count > 0)
        {
            Transmit(_again);
            _again.Clear();
        }
    }

    private void SendAgain()
    {
        Current.RepeatAll(_again);
        Transmit(_again);
        _again.Clear();
    }

    private void Advance(Instant now)
    {
        if (Phase < IkePhase.Closing)
        {
            Pump(now);
        }
        else if (Phase == IkePhase.Closing && !_sas.Exists(sa => sa.HasRequestUnderWay))
        {
            // Nothing is to be told any more; the cached answers of the peer's last request linger in the shell's hands no longer than they must.
            if (!Current.HasCachedResponses)
            {
                Finish();
            }
        }
    }

    /// <summary>Sends what waits and may go.</summary>
    private void Pump(Instant now)
    {
        for (var node = _waiting.First; node is not null;)
        {
            var next = node.Next;
            var (sa, exchange) = node.Value;
            var mayGo = exchange.IsAlone ? !sa.HasRequestUnderWay : sa.HasRoomForRequest && !sa.Pending.Any(request => request.Exchange.IsAlone);
            if (mayGo)
            {
                _waiting.Remove(node);
                Send(sa, exchange, now);
                next = _waiting.First;
            }

            node = next;
        }
    }

    private void Send(IkeSa sa, Exchange exchange, Instant now)
    {
        var room = new byte[IkeLimits.MessageMax];
        var writer = new PayloadWriter(room);
        if (!exchange.Write(this, sa, ref writer, now))
        {
            exchange.Abandon(this);
            return;
        }

        if (exchange.Type == ExchangeType.IkeIntermediate)
        {
            var transcript = new IntermediateTranscript(sa.Header(exchange.Type, sa.NextRequestId, isResponse: false), writer.First);
            Handshake!.AddIntermediate(sa.Keys!, ofInitiator: true, transcript.Write(writer.Written));
        }

        Transmit(sa.Send(exchange, writer.First, writer.Written, Options.RetransmitAfter, now));
    }

    private void DropOldSas()
    {
        foreach (var sa in _sas.Where(sa => sa != Current).ToList())
        {
            Forget(sa);
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
        Children.EndAll();
        FinishHandshake();
        foreach (var (_, exchange) in _waiting)
        {
            exchange.Abandon(this);
        }

        _waiting.Clear();
        foreach (var sa in _sas)
        {
            foreach (var request in sa.Pending)
            {
                request.Exchange.Abandon(this);
            }

            sa.Dispose();
        }
    }
}
