using System.Diagnostics.CodeAnalysis;
using Sallyport.Core.Gateway;
using Sallyport.Core.Ike.Door;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>
/// From when on an endpoint is careful. Every thread of IKE has one of its own, and newcomers come to them by their SPIs: what one address has is spread over all of them.
/// </summary>
public sealed record IkeEndpointLimits
{
    /// <summary>Above so many sessions under way, every newcomer shows that it receives. Stock peers do so from 30 on (strongSwan's cookie_threshold).</summary>
    public int CookieAbove { get; init; } = 64;

    /// <summary>The same for newcomers of one address: behind one NAT many may begin at once, and all of them get in, one round trip later.</summary>
    public int CookieAbovePerAddress { get; init; } = 8;

    /// <summary>More from one port of an address are one peer that begins again and again: the oldest goes. A router with many connections begins them all at once.</summary>
    public int PerPortMax { get; init; } = 64;

    /// <summary>Sessions under way at once; who goes beyond it <see cref="Crowd"/> says. One takes 4 KB, up to 40 where a stranger leaves long messages unfinished: all of them 30 to 330 MB.</summary>
    public int HalfOpenMax { get; init; } = 8_192;

    /// <summary>
    /// The same of those that hold TLS, for EAP-TLS: about 55 KB each, all of them 225 MB, as for OpenVPN. A thread computes some 300 such handshakes in a second, and each
    /// takes some five round trips: of a fleet that comes back at once over a slow radio (a second and more) 2,000 are under way, and would throw each other out if there
    /// were no more places than that.
    /// </summary>
    public int EapTlsMax { get; init; } = 4_096;
}

/// <summary>A peer that was not let in, for operators.</summary>
public readonly record struct DoorRefusal(OuterAddress From, string Detail);

/// <summary>All sessions of one thread: finds whose a message is, lets newcomers in, and looks at each when its time has come. Without I/O.</summary>
public sealed class IkeEndpoint : IDisposable
{
    private const byte MajorVersion = 0xf0;
    private const byte Version1 = 0x10;

    private const int RefusalsMax = 64;

    private readonly IIkeOwner _owner;
    private readonly IEntropy _entropy;
    private readonly IkeEndpointLimits _limits;
    private readonly Dictionary<ulong, IkeSession> _bySpi = [];
    private readonly Dictionary<long, Member> _members = [];
    private readonly Dictionary<(ulong Spi, OuterAddress From), IkeSession> _newcomers = [];
    private readonly HalfOpen _halfOpen = new();
    private readonly Deadlines _deadlines = new();
    private readonly Queue<(byte[] Datagram, IkePath Path)> _transmits = new();
    private readonly Queue<(IkeSession Session, IkeEvent Happened)> _events = new();
    private readonly Queue<DoorRefusal> _refusals = new();
    private readonly CookieMint _cookies;
    private IkeOptions _options;
    private TicketOffice _tickets;
    private IkeDoor _door;
    private long _lastNumber;
    private int _madeRoom;

    public IkeEndpoint(IkeOptions options, IIkeOwner owner, IEntropy entropy, IkeEndpointLimits? limits = null)
    {
        (_options, _owner, _entropy, _limits) = (options, owner, entropy, limits ?? new IkeEndpointLimits());
        _tickets = new TicketOffice(options.TicketKey.Span, entropy);
        _cookies = new CookieMint(entropy);
        _door = new IkeDoor(options, _tickets, _cookies);
    }

    public Instant NextDeadline => _deadlines.Next;

    public int Sessions => _members.Count;

    public int HalfOpenSessions => _halfOpen.Count;

    /// <summary>Those of them that hold TLS.</summary>
    public int EapTlsSessions => _halfOpen.WithTls;

    /// <summary>Newcomers are let in by these from now on; sessions keep what they began with.</summary>
    public void UseOptions(IkeOptions options)
    {
        if (!options.TicketKey.Span.SequenceEqual(_options.TicketKey.Span))
        {
            // Sessions under way may still write with the old one: it is not disposed, and keys change once in a blue moon.
            _tickets = new TicketOffice(options.TicketKey.Span, _entropy);
        }

        _options = options;
        _door = new IkeDoor(options, _tickets, _cookies);
    }

    internal IEnumerable<ulong> LocalSpis => _bySpi.Keys;

    /// <summary>Whether an SPI of ours is taken.</summary>
    public bool Holds(ulong localSpi) => _bySpi.ContainsKey(localSpi);

    public IkeSession? Find(long number) => _members.TryGetValue(number, out var member) ? member.Session : null;

    /// <summary>Takes a message, without a marker. Its bytes mean nothing afterwards.</summary>
    public DropReason HandleMessage(Span<byte> message, in IkePath from, Instant now)
    {
        if (!IkeHeader.TryRead(message, out var header) || (header.Version & MajorVersion) != IkeHeader.Version2)
        {
            NoteVersion1(header, from);
            return DropReason.ControlMalformed;
        }

        var spi = header.ReceiverSpi;
        if (spi != 0)
        {
            if (!_bySpi.TryGetValue(spi, out var session))
            {
                return DropReason.UnknownPeer;
            }

            var reason = session.HandleMessage(message, header, from, now);
            Look(session);
            return reason;
        }

        if (_newcomers.TryGetValue((header.InitiatorSpi, from.Peer), out var known))
        {
            known.RepeatFirstAnswer(message, from);
            Look(known);
            return DropReason.None;
        }

        return Knock(message, header, from, now);
    }

    /// <summary>The likeliest mistake in a router's form: whoever made it hears of it here, since the router is not answered.</summary>
    private void NoteVersion1(in IkeHeader header, in IkePath from)
    {
        if ((header.Version & MajorVersion) == Version1 && header.InitiatorSpi != 0 && header.ResponderSpi == 0 && _options.Proposals.Count > 0
            && _refusals.Count < RefusalsMax)
        {
            _refusals.Enqueue(new DoorRefusal(from.Peer, "the peer speaks IKEv1, which is not spoken here: its tunnel is to be set to IKEv2"));
        }
    }

    /// <summary>Calls a peer. The session is told of like all others.</summary>
    public IkeSession Initiate(IkeTarget target, in IkePath path, Instant now)
    {
        var session = IkeSession.Initiate(_options, _owner, target, _entropy, path, now);
        Enter(session);
        Look(session);
        return session;
    }

    /// <summary>A command: whatever it wants done is done, and what comes of it can be drained.</summary>
    public void Tell(IkeSession session, Action<IkeSession> command)
    {
        command(session);
        Look(session);
    }

    public void HandleTimeout(Instant now)
    {
        while (_deadlines.TryTakeDue(now, out var number))
        {
            if (_members.TryGetValue(number, out var member))
            {
                member.Session.HandleTimeout(now);
                Look(member.Session);
            }
        }
    }

    public bool TryDequeueTransmit([NotNullWhen(true)] out byte[]? datagram, out IkePath path)
    {
        var any = _transmits.TryDequeue(out var next);
        (datagram, path) = next;
        return any;
    }

    public bool TryDequeueEvent([NotNullWhen(true)] out IkeSession? session, [NotNullWhen(true)] out IkeEvent? happened)
    {
        var any = _events.TryDequeue(out var next);
        (session, happened) = next;
        return any;
    }

    public bool TryDequeueRefusal(out DoorRefusal refusal) => _refusals.TryDequeue(out refusal);

    /// <summary>A session under way has made room for a newer one, once for each (<see cref="DropReason.MadeRoom"/>). Call until false.</summary>
    public bool TryTakeMadeRoom()
    {
        var any = _madeRoom > 0;
        _madeRoom -= any ? 1 : 0;
        return any;
    }

    /// <summary>A session that the owner wants to hear nothing more of.</summary>
    public void Drop(IkeSession session)
    {
        session.Dispose();
        Leave(session);
    }

    public void Dispose()
    {
        while (_events.TryDequeue(out var undelivered))
        {
            (undelivered.Happened as ChildUp)?.Keys.Dispose();
        }

        foreach (var number in _members.Keys.ToList())
        {
            Drop(_members[number].Session);
        }

        _cookies.Dispose();
        _tickets.Dispose();
    }

    private DropReason Knock(Span<byte> message, in IkeHeader header, in IkePath from, Instant now)
    {
        var wantsCookie = _halfOpen.Count >= _limits.CookieAbove || _halfOpen.From(from.Peer.Ip) >= _limits.CookieAbovePerAddress;
        var answer = _door.Handle(message, header, from, wantsCookie, now);
        if (answer.Detail.Length > 0 && _refusals.Count < RefusalsMax)
        {
            _refusals.Enqueue(new DoorRefusal(from.Peer, answer.Detail));
        }

        if (answer.Reply is { } reply)
        {
            _transmits.Enqueue((reply, from));
        }

        if (answer.Admission is not { } admission)
        {
            return answer.Reason;
        }

        var session = IkeSession.Respond(_options, _owner, _tickets, _entropy, admission, from, now);
        Enter(session);
        _newcomers[(header.InitiatorSpi, from.Peer)] = session;
        _halfOpen.Add(session, from.Peer, now);
        // One that ends at once takes no place of anybody's.
        Look(session);
        MakeRoom(_halfOpen.TooManyFrom(from.Peer, _limits.PerPortMax) ?? _halfOpen.TooMany(_limits.HalfOpenMax, now));
        return DropReason.None;
    }

    private void MakeRoom(IkeSession? leaver)
    {
        if (leaver is not null)
        {
            _madeRoom++;
            Drop(leaver);
        }
    }

    private void Enter(IkeSession session)
    {
        session.Number = ++_lastNumber;
        _members.Add(session.Number, new Member(session));
    }

    /// <summary>What a session wants after it was touched.</summary>
    private void Look(IkeSession session)
    {
        while (session.TryDequeueTransmit(out var datagram, out var path))
        {
            _transmits.Enqueue((datagram, path));
        }

        while (session.TryDequeueEvent(out var happened))
        {
            _events.Enqueue((session, happened));
        }

        if (session.IsFinished)
        {
            Leave(session);
            return;
        }

        if (session.IsUp)
        {
            _halfOpen.Remove(session);
            _newcomers.Remove((session.FirstPeerSpi, session.CameFrom));
        }
        else
        {
            _halfOpen.NoteTls(session, session.HoldsTls, session.LastHeard);
            _halfOpen.Hear(session, session.LastHeard);
            MakeRoom(_halfOpen.TooManyWithTls(_limits.EapTlsMax, session.LastHeard));
        }

        if (_members.TryGetValue(session.Number, out var member))
        {
            Register(member);
            _deadlines.Want(session.Number, session.NextDeadline);
        }
    }

    /// <summary>Its SPIs change when its keys do.</summary>
    private void Register(Member member)
    {
        var session = member.Session;
        if ((member.SpisSeen, member.WasUp) == (session.SpiChanges, session.IsUp))
        {
            return;
        }

        var before = member.Spis;
        member.Spis = [.. session.LocalSpis];
        (member.SpisSeen, member.WasUp) = (session.SpiChanges, session.IsUp);
        foreach (var spi in member.Spis)
        {
            _bySpi[spi] = session;
            _owner.UseIkeSpi(spi, session.IsUp);
        }

        Free(before.Except(member.Spis));
    }

    private void Leave(IkeSession session)
    {
        if (!_members.Remove(session.Number, out var member))
        {
            return;
        }

        Free(member.Spis);
        _halfOpen.Remove(session);
        _newcomers.Remove((session.FirstPeerSpi, session.CameFrom));
        _deadlines.Forget(session.Number);
        session.Dispose();
    }

    private void Free(IEnumerable<ulong> spis)
    {
        foreach (var spi in spis)
        {
            _bySpi.Remove(spi);
            _owner.FreeIkeSpi(spi);
        }
    }

    private sealed class Member(IkeSession session)
    {
        public IkeSession Session { get; } = session;

        public ulong[] Spis { get; set; } = [];

        public int SpisSeen { get; set; } = -1;

        public bool WasUp { get; set; }
    }
}
