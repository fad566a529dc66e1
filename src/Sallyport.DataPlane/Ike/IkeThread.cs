using System.Collections.Immutable;
using Sallyport.Api.Nodes;
using Sallyport.Core.Gateway;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Handshakes;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Shards;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Ike;

/// <summary>
/// One thread of IKE: the endpoint, and what its sessions become on the packet path. It never touches a packet of a tunnel; what it decides reaches the packet path
/// as commands. Here: its turns, and what sessions tell; what they become in Tunnels, whom we call in Calls.
/// </summary>
internal sealed partial class IkeThread : PeerThread
{
    private const int ToldMax = 10_000;
    private const int MarkerLength = 4;

    /// <summary>
    /// A peer that proves anew who it is deletes its old IKE SA itself, in this time: told by us that it is gone, stock peers would begin yet another one.
    /// </summary>
    private static readonly TimeSpan ReplacedTime = TimeSpan.FromSeconds(10);

    /// <summary>One that does not is told once in this time: if it begins another for that, what that replaces is left alone, or there would be no end of it.</summary>
    private static readonly TimeSpan ToldTime = TimeSpan.FromMinutes(5);

    /// <summary>So soon no operator deletes what has just come up.</summary>
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(2);

    /// <summary>IKE ends its tunnels itself, when a peer does not answer.</summary>
    private static readonly TimeSpan NeverDead = TimeSpan.FromDays(36_500);

    private readonly IkeInbox _inbox;
    private readonly IkeRoads _roads;
    private readonly GatewayPeers _owner;
    private readonly IkeEndpoint _endpoint;

    /// <summary>Null where another thread calls.</summary>
    private readonly SiteCaller? _caller;

    /// <summary>Whoever calls: it is told who is there.</summary>
    private readonly SiteCaller _calls;
    private readonly FailureEvents _failures;
    private readonly TunnelNews _tunnelNews;
    private readonly SessionLimiter _beginnings = new();
    private readonly Dictionary<long, IkePeer> _peers = [];
    private readonly List<IkePeer> _waiting = [];
    private readonly Queue<(long Session, Instant CloseAt)> _replaced = new();
    private readonly Dictionary<int, Instant> _told = [];
    private readonly byte[] _packet = new byte[DataPlaneLimits.IkeMessageMax];
    private readonly byte[] _datagram = new byte[DataPlaneLimits.DatagramOutMax];

    // Made once: a flood of packets leaves no garbage behind.
    private readonly Action _useModel;
    private readonly Action _handleNotice;
    private readonly Action _handlePacket;
    private readonly Action _handleTimeouts;
    private readonly Action _sayGoodbye;
    private readonly Departures _departures = new();
    private readonly PairKeeper _pairs = new();
    private readonly Rerouted _rerouted;
    private TunnelNotice _notice;
    private OuterPath _packetFrom;
    private int _packetLength;
    private IkeDirectory? _directory;
    private ImmutableDictionary<int, NetworkAccess>? _access;
    private GatewaySettings? _settings;
    private Instant _now;
    private Farewell? _farewell;
    private List<IkePeer> _toLeave = [];

    /// <param name="caller">The thread that calls sites, which one of several does; null where it is this one.</param>
    public IkeThread(
        int index, int threads, IkeInbox inbox, HandshakeContext context, IkeRoads roads, Func<IkeCertificates?> certificates, IEntropy entropy, IkeThread? caller)
        : base("ike", index, inbox, context)
    {
        (_inbox, _roads) = (inbox, roads);
        _owner = new GatewayPeers(index, threads, context, certificates, entropy, inbox) { MayBegin = id => _beginnings.TryTake((uint)id, _now) };
        _endpoint = new IkeEndpoint(OptionsFor(context.Model.Current), _owner, entropy);
        _owner.IsSpiTaken = _endpoint.Holds;
        _failures = new FailureEvents(context.Uplink, context.Clock);
        _tunnelNews = new TunnelNews(context);
        _caller = caller is null ? new SiteCaller(roads, entropy, Inbox.WakeAlways) : null;
        _calls = _caller ?? caller!._calls;
        _rerouted = caller?._rerouted ?? new Rerouted();
        _useModel = () => UseModel(Context.Model.Current);
        _handleNotice = () => HandleNotice(_notice);
        _handlePacket = () => HandlePacket(_packet.AsSpan(0, _packetLength), _packetFrom);
        _handleTimeouts = HandleTimeouts;
        _sayGoodbye = SayGoodbye;
    }

    protected override Instant NextDeadline => Instant.Min(
        Instant.Min(_endpoint.NextDeadline, _departures.NextDeadline), Instant.Min(_pairs.NextDeadline, _caller?.NextDeadline ?? Instant.Never));

    protected override void DisposePeers()
    {
        _caller?.Dispose();
        _endpoint.Dispose();
    }

    protected override void RunTurn()
    {
        Guard(_useModel);
        for (var i = 0; i < NoticesPerTurn && Inbox.TryTakeNotice(out _notice); i++)
        {
            Guard(_handleNotice);
        }

        for (var i = 0; i < PacketsPerTurn && _inbox.TryTakeMessage(_packet, out _packetFrom, out _packetLength); i++)
        {
            Guard(_handlePacket);
        }

        Guard(_handleTimeouts);
        if (IsLeaving)
        {
            Guard(_sayGoodbye);
        }
    }

    /// <summary>A mistake of ours that one peer brings out does not cost everybody theirs.</summary>
    private void Guard(Action handle)
    {
        _now = Context.Clock.Now;
        try
        {
            handle();
            Drain();
        }
        catch (Exception e) when (IsFault(e))
        {
            LogFault(e, _now);
        }
    }

    private void UseModel(GatewayModel model)
    {
        if (!ReferenceEquals(model.Settings, _settings) || !ReferenceEquals(model.Ike, _directory))
        {
            TellImpossible(model.Ike);
            (_settings, _directory) = (model.Settings, model.Ike);
            _endpoint.UseOptions(OptionsFor(model));
            _departures.Send(_peers.Keys, model.Settings.IkeRedirect, _now);
        }

        if (_caller?.UseModel(model, _now) is true)
        {
            HangUp();
        }

        if (!ReferenceEquals(model.Access, _access))
        {
            UseAccess(model);
        }
    }

    /// <summary>Whoever is here negotiates by what its network says now from the next time on.</summary>
    private void UseAccess(GatewayModel model)
    {
        var before = _access;
        _access = model.Access;
        foreach (var peer in _peers.Values)
        {
            if (peer.Admitted is { } admitted && model.Fleet.Identity(admitted.Identity.Id) is { } identity
                && model.Access.TryGetValue(identity.NetworkId, out var access) && access.Ipsec is { } ipsec
                && !(before?.TryGetValue(identity.NetworkId, out var known) is true && ReferenceEquals(known, access)))
            {
                peer.Session.UseGrant(IkeGrants.For(admitted with { Identity = identity }, access, ipsec, model));
            }
        }
    }

    private void TellImpossible(IkeDirectory directory)
    {
        if (_caller is not null && !directory.Impossible.IsEmpty && (_directory is null || !_directory.Impossible.AsSpan().SequenceEqual(directory.Impossible.AsSpan())))
        {
            Context.Log.Write("ike.impossible", $"OpenSSL of this machine lacks what these proposals ask for, and they are left out: {string.Join(", ", directory.Impossible)}");
        }
    }

    private IkeOptions OptionsFor(GatewayModel model)
    {
        var settings = model.Settings;
        return new IkeOptions
        {
            Identity = IkeIdentity.TryParse(settings.IkeIdentity, out var identity) ? identity : IkeIdentity.Fqdn("sallyport"),
            Proposals = model.Ike.Proposals,
            NatPort = _roads.NatPort,
            ForceEncapsulation = !_roads.HasRaw || model.Ike.Encapsulate,
            HandshakeWindow = TimeSpan.FromSeconds(Math.Clamp(settings.HandshakeWindowSeconds, 5, 60)),
            DeadAfter = TimeSpan.FromSeconds(Math.Max(10, settings.IkeDeadSeconds)),
            Redirect = settings.IkeRedirect,
            TicketKey = settings.IkeTicketKey,
        };
    }

    private void HandlePacket(Span<byte> packet, in OuterPath from)
    {
        var path = _roads.Of(from);
        // Who heard of our end may be back before it; the next gateway answers when it asks again.
        var isNew = IkeHeader.TryRead(packet, out var header) && header.ReceiverSpi == 0;
        var reason = isNew && IsLeaving ? DropReason.GatewayStopping : _endpoint.HandleMessage(packet, path, _now);
        if (reason != DropReason.None)
        {
            Drops.Count(reason);
        }
    }

    private void HandleTimeouts()
    {
        _endpoint.HandleTimeout(_now);
        CloseReplaced();
        HandleArrivals();
        while (_departures.TryTakeDue(_now, out var number))
        {
            if (_peers.TryGetValue(number, out var leaving) && leaving.Session.IsUp)
            {
                _endpoint.Tell(leaving.Session, session => _departures.Note(session.Number, session.Redirect(_departures.Gateway!, _now), _now));
            }
        }

        if (_departures.TryTakeOutcome(_now, out var outcome))
        {
            Context.Uplink.Put(new GatewayEvent("ipsec.redirect", Context.Clock.ToWall(_now), 0, "", outcome));
        }

        while (_pairs.TryTakeDue(_now, out var incomplete))
        {
            AskForMissing(incomplete);
        }

        while (!IsLeaving && _caller is not null && _caller.TryTakeDue(_now, out var call))
        {
            Call(call);
        }

        if (_caller is not null)
        {
            TellLost();
        }
    }

    private void CloseReplaced()
    {
        while (_replaced.TryPeek(out var next) && next.CloseAt <= _now)
        {
            _replaced.Dequeue();
            if (!_peers.TryGetValue(next.Session, out var peer))
            {
                continue;
            }

            if (MayTell(peer.Admitted!.Identity.Id))
            {
                _endpoint.Tell(peer.Session, session => session.Close(TunnelEnd.Replaced.Text(), _now));
            }
            else
            {
                // It is not told, or two that have one credential throw each other out without end; nor is it kept, or whoever begins again and again has them all.
                _endpoint.Tell(peer.Session, session => session.Forsake(TunnelEnd.Replaced.Text(), _now));
            }
        }
    }

    private bool MayTell(int identityId)
    {
        if (_told.TryGetValue(identityId, out var last) && _now - last < ToldTime)
        {
            return false;
        }

        if (_told.Count >= ToldMax)
        {
            _told.Clear();
        }

        _told[identityId] = _now;
        return true;
    }

    /// <summary>What the endpoint wants after it was touched.</summary>
    private void Drain()
    {
        while (_endpoint.TryDequeueEvent(out var session, out var happened))
        {
            if (!_peers.TryGetValue(session.Number, out var peer))
            {
                _peers[session.Number] = peer = new IkePeer { Session = session };
            }

            Handle(peer, happened);
        }

        foreach (var peer in _waiting)
        {
            OpenWaiting(peer, null);
        }

        _waiting.Clear();
        while (_endpoint.TryDequeueRefusal(out var refusal))
        {
            _failures.Raise("handshake.failed", 0, refusal.From, refusal.Detail, _now);
        }

        while (_endpoint.TryTakeMadeRoom())
        {
            Drops.Count(DropReason.MadeRoom);
        }

        while (_endpoint.TryDequeueTransmit(out var datagram, out var path))
        {
            Send(path, datagram);
        }
    }

    private void Handle(IkePeer peer, IkeEvent happened)
    {
        switch (happened)
        {
            case IkeUp up:
                Admit(peer, up);
                AddPairs(peer);
                break;
            case ChildUp child:
                Install(peer, child.Keys);
                break;
            case ChildUse use:
                TellShard(peer, new UseChild(peer.Slot, peer.TunnelId, use.InboundSpi));
                break;
            case ChildDown down:
                var after = down.Replaced ? DataPlaneLimits.OldChildTime : TimeSpan.Zero;
                TellShard(peer, new RemoveChild(peer.Slot, peer.TunnelId, down.InboundSpi, after));
                _pairs.Left(peer.Session.Number, down.InboundSpi, _now);
                CloseIfEmpty(peer);
                TellIfBare(peer);
                break;
            case IkeMoved moved:
                Move(peer, moved);
                break;
            case IkeRekeyed rekeyed:
                (peer.Suite, peer.IkeSince) = (rekeyed.Suite, _now);
                peer.IkeRekeys++;
                Context.Uplink.CountRenegotiation(peer.TunnelId);
                TellIke(peer);
                break;
            case NegotiationFailed failed:
                _failures.Raise("negotiation.failed", peer.Admitted?.Identity.Id ?? 0, peer.Session.Path.Peer, failed.Detail, _now);
                _pairs.Doubt(peer.Session.Number, _now);
                CloseIfEmpty(peer);
                break;
            case IkeRedirected redirected:
                Follow(peer, redirected.Gateway);
                break;
            case TicketReceived { Ticket: var ticket } when peer.Call is { } call:
                _caller!.Keep(call, ticket);
                break;
            case IkeDown down:
                Ended(peer, down);
                break;
            case ProofDue:
                CallAgain(peer);
                break;
            case Configured or TicketReceived:
                break;
            default:
                throw new InvariantException($"the owner of a session knows {happened.GetType().Name}");
        }
    }

    /// <summary>A peer that cannot do what was agreed on says so in its own log alone: to us it only deletes what it has just asked for.</summary>
    private string Hint(IkePeer peer) => peer.ExtendedSince is { } since && _now - since < AtOnce
        ? ". It went as soon as it came, with extended sequence numbers (esn): ESP in user space, as strongSwan's kernel-libipsec, has none (--esp with -noesn)"
        : "";

    private void Ended(IkePeer peer, IkeDown down)
    {
        if (KindOf(down.Reason) is { } kind)
        {
            var who = peer.Admitted?.Identity ?? Refused(down);
            _failures.Raise(kind, who?.Id ?? peer.Call?.IdentityId ?? 0, peer.Session.Path.Peer, Text(peer, down), _now);
        }

        CloseTunnelOf(peer, down.Reason switch
        {
            IkeEnd.Silent => TunnelEnd.Silent,
            IkeEnd.Deleted => TunnelEnd.PeerExit,
            _ => TunnelEnd.SessionEnded,
        });
        if (peer is { TunnelWasOpened: false, Slot: >= 0 })
        {
            Context.Shards[peer.Shard].PeerIds.Return(peer.Slot);
        }

        _peers.Remove(peer.Session.Number);
        _departures.Left(peer.Session.Number);
        _pairs.Forget(peer.Session.Number);
        if (peer is { Call: { } over, IsCalledAgain: false } && down.Reason is not (IkeEnd.Silent or IkeEnd.Redirected))
        {
            // What either end has ended, or would not have, is not gone on with; where another session has taken its place the ticket is that one's.
            _caller!.Keep(over, null);
        }

        if (peer.Admitted is { } admitted)
        {
            if (admitted.Identity.Kind == IdentityKind.Site)
            {
                _calls.Left(admitted.Identity.Id, admitted.Uplink);
            }
        }
        else if (peer.Call is { } call)
        {
            _caller!.Failed(call, _now);
        }
    }

    /// <summary>The event that operators are told of; null for what is no news to them.</summary>
    private static string? KindOf(IkeEnd reason) => reason switch
    {
        IkeEnd.NoProposal or IkeEnd.AuthenticationFailed or IkeEnd.Refused or IkeEnd.Malformed or IkeEnd.HandshakeTimeout => "handshake.failed",
        IkeEnd.None or IkeEnd.Silent or IkeEnd.Deleted or IkeEnd.Closed or IkeEnd.Redirected => null,
    };

    /// <summary>Who had proven who it is, and was not let in all the same. What a peer merely says of itself is in no column of an event.</summary>
    private static Identity? Refused(IkeDown down) => down.Who switch
    {
        Identity identity => identity,
        Admittance admitted => admitted.Identity,
        _ => null,
    };

    private static string Text(IkePeer peer, IkeDown down) =>
        peer.Call is { } call ? $"call to {call.Remote}: {down.Detail}" : down.Detail;

    private void HandleNotice(in TunnelNotice notice)
    {
        if (notice.Kind == TunnelNoticeKind.Cloned)
        {
            _tunnelNews.Cloned(notice, _now);
            return;
        }

        if (notice.Kind == TunnelNoticeKind.Ended && notice.End == TunnelEnd.Replaced)
        {
            _tunnelNews.Replaced(notice, _now);
        }

        if (!_peers.TryGetValue(notice.Session, out var peer))
        {
            return;
        }

        var (spi, path) = (notice.Spi, notice.Path);
        switch (notice.Kind)
        {
            case TunnelNoticeKind.Opened:
            case TunnelNoticeKind.Cloned:
                break;
            case TunnelNoticeKind.Moved:
                _endpoint.Tell(peer.Session, session => session.Follow(_roads.Of(path), _now));
                break;
            case TunnelNoticeKind.NeedsKey:
                _endpoint.Tell(peer.Session, session => session.RekeyChild(spi, _now));
                break;
            case TunnelNoticeKind.Silent:
                ProbeUnlessHeard(peer, new Instant(notice.Counters.LastSeen));
                break;
            case TunnelNoticeKind.NeedsConfiguration:
                if (peer.Admitted?.Identity.Kind == IdentityKind.Device)
                {
                    _rerouted.Note(notice.IdentityId, _now);
                }

                _endpoint.Tell(peer.Session, session => session.Close(TunnelEnd.ConfigurationChanged.Text(), _now));
                break;
            case TunnelNoticeKind.Ended:
                peer.HasTunnel = false;
                var end = notice.End;
                if (end == TunnelEnd.Replaced && notice.From.Peer == path.Peer && !peer.IsCalledAgain)
                {
                    _replaced.Enqueue((notice.Session, _now + ReplacedTime));
                    break;
                }

                _endpoint.Tell(peer.Session, session => session.Close(end.Text(), _now));
                break;
        }
    }

    /// <summary>
    /// Peers ask as well, and their questions are as good a sign of life as their packets. Who says nothing for a period gives way to another
    /// uplink of its identity; a packet or an answer takes that back.
    /// </summary>
    private void ProbeUnlessHeard(IkePeer peer, Instant heardByEsp)
    {
        Context.Uplink.Heard(peer.TunnelId, peer.Session.LastHeard);
        var wasDemoted = peer.Silence.IsDemoted;
        var asks = peer.Silence.Note(peer.Session.LastHeard, heardByEsp, TimeSpan.FromSeconds(Math.Max(1, _settings!.IkeProbeSeconds)), _now);
        if (wasDemoted || peer.Silence.IsDemoted)
        {
            TellShard(peer, new DemoteTunnel(peer.Slot, peer.TunnelId, peer.Silence.IsDemoted));
        }

        if (asks)
        {
            _endpoint.Tell(peer.Session, session => session.Probe(_now));
        }
    }

    /// <summary>Each is told that its IKE SA is no more: it need not find out by its own probes.</summary>
    private void SayGoodbye()
    {
        if (_farewell is null)
        {
            _toLeave = [.. _peers.Values.Where(peer => peer.HasTunnel)];
            _farewell = new Farewell(_toLeave.Count, _now);
        }

        while (_farewell.TryTakeNext(_now, out var who))
        {
            _endpoint.Tell(_toLeave[who].Session, session => session.Close(TunnelEnd.GatewayStopping.Text(), _now));
        }

        while (_farewell.TryTakeAgain(_now, out _))
        {
        }

        if (_farewell.IsTimeOver(_now) || (_farewell.AllAreTold && _toLeave.TrueForAll(peer => peer.Session.IsFinished)))
        {
            GoodbyeIsSaid();
        }
    }

    private void Send(in IkePath path, ReadOnlySpan<byte> message)
    {
        var marker = path.IsNatPort ? MarkerLength : 0;
        if (message.Length + marker > _datagram.Length || _roads.For(path, Index % Context.Shards.Count) is not { } to)
        {
            Drops.Count(DropReason.SendFailed);
            return;
        }

        _datagram.AsSpan(0, marker).Clear();
        message.CopyTo(_datagram.AsSpan(marker));
        Context.Shards[to.Shard].Mailbox.TryPost(to, _datagram.AsSpan(0, message.Length + marker));
    }
}
