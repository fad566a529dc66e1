using System.Buffers.Binary;
using Sallyport.Api.Nodes;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Nodes;
using Sallyport.DataPlane.Shards;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>What all handshake threads share. Everything in it may be used from any thread.</summary>
internal sealed record HandshakeContext
{
    public required IReadOnlyList<Shard> Shards { get; init; }

    public required ModelHolder Model { get; init; }

    public required TlsContexts Tls { get; init; }

    public required Uplink Uplink { get; init; }

    public required CloneWatch Clones { get; init; }

    public required Clock Clock { get; init; }

    public required GatewayLog Log { get; init; }

    public required TunnelIds TunnelIds { get; init; }
}

/// <summary>
/// One handshake thread: the door, the sessions that came through it, and who they are. It never touches a packet of a tunnel; what
/// it decides reaches the packet path as commands.
/// </summary>
internal sealed class Handshaker : PeerThread
{
    /// <summary>Handshakes begun between two looks at the packets.</summary>
    private const int NewcomersPerTurn = 8;

    private static readonly TimeSpan TokenRenewal = TimeSpan.FromHours(12);

    private readonly IEntropy _entropy;
    private readonly Door _door;
    private readonly FailureEvents _failures;
    private readonly TunnelNews _tunnelNews;
    private readonly Dictionary<SessionKey, PeerSession> _sessions = [];
    private readonly Dictionary<long, PeerSession> _byNumber = [];
    private readonly Dictionary<SessionKey, PeerSession> _byConnection = [];
    private readonly HalfOpenSessions _halfOpen = new();
    private readonly WaitingRoom _waiting = new(DataPlaneLimits.WaitingNewcomersMax, DataPlaneLimits.WaitingPatience);
    private readonly SessionLimiter _sessionsOfIdentities = new();
    private readonly Deadlines _deadlines = new();
    private readonly List<PeerSession> _leavers = [];
    private readonly byte[] _packet = new byte[DataPlaneLimits.ControlPacketMax];
    private readonly byte[] _datagram = new byte[DataPlaneLimits.ControlPacketMax];
    private readonly RememberingDirectory _directory = new();
    private readonly Moderation _moderation = new(
        DataPlaneLimits.BusyControlPackets, DataPlaneLimits.EnoughControlPackets, DataPlaneLimits.ControlGatherTimeMax);

    // Made once: a flood of packets leaves no garbage behind.
    private readonly Action<Instant> _handleNotice;
    private readonly Action<Instant> _handlePacket;
    private readonly Action<Instant> _handleNewcomer;
    private readonly Action<Instant> _handleTimeouts;
    private readonly Action<Instant> _sayGoodbye;
    private TunnelNotice _notice;
    private OuterPath _packetFrom;
    private int _packetLength;
    private IReadOnlyList<byte[]> _serverKeys = [];
    private AuthToken? _tokens;
    private byte[] _tokenKey = [];
    private PeerSession? _touched;
    private List<PeerSession> _toLeave = [];
    private Farewell? _farewell;
    private long _lastNumber;
    private long _packetsTaken;

    public Handshaker(int index, HandshakeInbox inbox, HandshakeContext context, IEntropy entropy)
        : base("handshake", index, inbox, context)
    {
        _entropy = entropy;
        _door = new Door(entropy, new DoorOptions { ServerKeys = [] });
        _failures = new FailureEvents(context.Uplink, context.Clock);
        _tunnelNews = new TunnelNews(context);
        _handleNotice = now => HandleNotice(_notice, now);
        _handlePacket = HandlePacket;
        _handleNewcomer = AdmitWaiting;
        _handleTimeouts = HandleTimeouts;
        _sayGoodbye = SayGoodbye;
    }

    protected override bool HasWork => !_waiting.IsEmpty;

    protected override Instant NextDeadline => _deadlines.Next;

    protected override void Begin() => Pauses.Sharpen();

    protected override void Gather()
    {
        var pause = _moderation.PauseBefore(_packetsTaken, Context.Clock.Now);
        if (pause > DataPlaneLimits.PauseMin && Inbox.IsEmpty && _waiting.IsEmpty)
        {
            Pauses.Pause(pause);
        }
    }

    protected override void DisposePeers()
    {
        foreach (var peer in _byNumber.Values)
        {
            peer.Session.Dispose();
        }

        _waiting.Dispose();
        _door.Dispose();
        _tokens?.Dispose();
    }

    protected override void RunTurn()
    {
        UseSettings(Context.Model.Current.Settings);
        for (var i = 0; i < NoticesPerTurn && Inbox.TryTakeNotice(out _notice); i++)
        {
            Guard(Context.Clock.Now, _handleNotice);
        }

        for (var i = 0; i < PacketsPerTurn && Inbox.TryTake(_packet, out _packetFrom, out _packetLength); i++)
        {
            _packetsTaken++;
            Guard(Context.Clock.Now, _handlePacket);
        }

        // One at least: whoever floods the inbox must not keep everybody out.
        for (var i = 0; (i == 0 || Inbox.IsEmpty) && i < NewcomersPerTurn && !_waiting.IsEmpty; i++)
        {
            Guard(Context.Clock.Now, _handleNewcomer);
        }

        Guard(Context.Clock.Now, _handleTimeouts);
        if (IsLeaving)
        {
            Guard(Context.Clock.Now, _sayGoodbye);
        }
    }

    private void HandlePacket(Instant now)
    {
        var reason = HandlePacket(_packet.AsSpan(0, _packetLength), _packetFrom, now);
        if (reason != DropReason.None)
        {
            Drops.Count(reason);
        }
    }

    /// <summary>
    /// RESTART, never the exit notice of the data channel: clients before 2.6 end for good when they hear that. Who is not listening finds
    /// out by its ping-restart.
    /// </summary>
    private void SayGoodbye(Instant now)
    {
        if (_farewell is null)
        {
            _toLeave = [.. _byNumber.Values.Where(peer => peer.HasTunnel)];
            _farewell = new Farewell(_toLeave.Count, now);
        }

        while (_farewell.TryTakeNext(now, out var who))
        {
            Tell(_toLeave[who], session => session.Send(ControlMessage.Restart, now), now);
        }

        while (_farewell.TryTakeAgain(now, out var who))
        {
            Tell(_toLeave[who], session => session.SendAgain(now), now);
        }

        if (_farewell.IsTimeOver(now) || (_farewell.AllAreTold && _toLeave.TrueForAll(peer => peer.Session.IsAllAcknowledged)))
        {
            GoodbyeIsSaid();
        }
    }

    private void Tell(PeerSession peer, Action<ServerSession> tell, Instant now)
    {
        if (_byNumber.ContainsKey(peer.Number))
        {
            _touched = peer;
            tell(peer.Session);
            Drain(peer, now);
        }
    }

    /// <summary>A mistake of ours that one peer brings out costs that peer its session, not everybody theirs.</summary>
    private void Guard(Instant now, Action<Instant> handle)
    {
        _touched = null;
        try
        {
            handle(now);
        }
        catch (Exception e) when (IsFault(e))
        {
            LogFault(e, now);

            if (_touched is { } peer && _byNumber.ContainsKey(peer.Number))
            {
                Remove(peer);
            }
        }
    }

    /// <summary>The door and the tokens follow the settings; both are rare to change.</summary>
    private void UseSettings(GatewaySettings settings)
    {
        if (!ReferenceEquals(settings.TlsCryptV2ServerKeys, _serverKeys))
        {
            _serverKeys = settings.TlsCryptV2ServerKeys;
            var keys = _serverKeys.Select(bytes => new TlsCryptV2ServerKey(bytes)).ToList();
            _door.UseServerKeys(keys);
            keys.ForEach(key => key.Dispose());
        }

        if (!settings.AuthTokenKey.AsSpan().SequenceEqual(_tokenKey))
        {
            _tokenKey = settings.AuthTokenKey;
            _tokens?.Dispose();
            _tokens = _tokenKey.Length == AuthToken.KeyLength ? new AuthToken(_tokenKey, _entropy, TokenRenewal) : null;
        }
    }

    private DropReason HandlePacket(ReadOnlySpan<byte> packet, in OuterPath from, Instant now)
    {
        var key = SessionKey.Of(from, BinaryPrimitives.ReadUInt64BigEndian(packet[1..]));
        if (_sessions.TryGetValue(key, out var peer))
        {
            _touched = peer;
            var reason = peer.Session.HandlePacket(packet, now);
            if (!peer.HasBegun && peer.Session.IsAnswered)
            {
                var refusal = Begin(peer, now);
                if (refusal != DropReason.None)
                {
                    Remove(peer);
                    return refusal;
                }
            }

            if (reason == DropReason.None && new PacketHead(packet[0]).Opcode == Opcode.SoftResetV1 && peer is { HasTunnel: true, Admitted: { } who })
            {
                Tell(who.Shard, new PeerNegotiates(who.Slot, who.TunnelId));
            }

            Drain(peer, now);
            return reason;
        }

        // A connection carries one session; anything else on it is a mistake or an attempt.
        if (from.IsStream && _byConnection.ContainsKey(key.WithoutRemote))
        {
            return DropReason.UnknownPeer;
        }

        // A repetition: it has its place.
        return _waiting.Holds(key) ? DropReason.None : Knock(packet, from, key, now);
    }

    /// <summary>The peer answers: from here on it counts against its credential, and may cost us TLS.</summary>
    private DropReason Begin(PeerSession peer, Instant now)
    {
        if (peer.WrappedKeyId is { } id)
        {
            if (!_door.TryCount(id, now))
            {
                return DropReason.SessionRateLimited;
            }

            peer.IsCounted = true;
        }

        if (!TryMakeRoom(peer.Newcomer with { HasAnswered = true }))
        {
            return DropReason.ResetRateLimited;
        }

        _halfOpen.Begin(peer);
        peer.Session.Begin(now);
        return DropReason.None;
    }

    private bool TryMakeRoom(in Newcomer who)
    {
        _leavers.Clear();
        if (!_halfOpen.TryMakeRoom(who, _leavers))
        {
            return false;
        }

        foreach (var leaver in _leavers)
        {
            Drops.Count(DropReason.MadeRoom);
            Remove(leaver);
        }

        _leavers.Clear();
        return true;
    }

    private DropReason Knock(ReadOnlySpan<byte> packet, in OuterPath from, SessionKey key, Instant now)
    {
        // Who heard of our end may be back before it; the next gateway answers when it asks again.
        if (IsLeaving)
        {
            return DropReason.GatewayStopping;
        }

        _directory.Use(Context.Model.Current);
        var verdict = _door.Handle(packet, from.Peer, from.IsStream, _directory, now, _datagram, out var length, out var admission);
        switch (verdict.Action)
        {
            case DoorAction.Reply:
                Send(from, _datagram.AsSpan(0, length));
                return DropReason.None;
            case DoorAction.Admit:
                return MustWait(admission!) ? Wait(admission!, from, key, now) : Admit(admission!, from, key, _directory.Model, now);
            case DoorAction.Drop:
            default:
                if (from.IsStream)
                {
                    Tell(from.Shard, new PoisonConnection(from));
                }

                if (verdict.Reason == DropReason.CredentialUnknown)
                {
                    RaiseUnknownCredential(from, now);
                }

                return verdict.Reason;
        }
    }

    /// <summary>What is admitted with its reset alone costs nothing yet, and has more to say before it does.</summary>
    private bool MustWait(Admission admission) => admission.ResetExchanged && (!Inbox.IsEmpty || !_waiting.IsEmpty);

    private DropReason Wait(Admission admission, in OuterPath from, SessionKey key, Instant now)
    {
        if (_waiting.TryPut(key, from, admission, now))
        {
            return DropReason.None;
        }

        admission.Dispose();
        return DropReason.HandshakeQueueFull;
    }

    private void AdmitWaiting(Instant now)
    {
        if (!_waiting.TryTake(now, out var guest))
        {
            return;
        }

        var reason = DropReason.GatewayStopping;
        if (IsLeaving)
        {
            guest.Admission.Dispose();
        }
        else
        {
            reason = Admit(guest.Admission, guest.From, guest.Key, Context.Model.Current, now);
        }

        if (reason != DropReason.None)
        {
            Drops.Count(reason);
        }
    }

    /// <summary>The tls-crypt-v2 key was made by us, so this is no stranger.</summary>
    private void RaiseUnknownCredential(in OuterPath from, Instant now)
    {
        var entry = _directory.LastUnknown is { } id ? _directory.Model.FindWrappedKey(id) : null;
        var identity = entry is null ? null : _directory.Model.Fleet.Identity(entry.IdentityId);
        var former = _directory.LastUnknown is { } unknown ? Context.Model.FormerOwner(unknown) : null;
        var detail = identity is not null ? $"{Authenticator.Describe(identity)} is {Authenticator.WhyInactive(identity)}"
            : former is not null ? $"the credential of {former.Value.Name} has been revoked"
            : "a tls-crypt-v2 key of ours whose credential is not known: revoked or removed";
        _failures.Raise("handshake.failed", identity?.Id ?? former?.IdentityId ?? 0, from.Peer, detail, now);
    }

    private DropReason Admit(Admission admission, in OuterPath from, SessionKey key, GatewayModel model, Instant now)
    {
        var wrappedFor = admission.WrappedKeyId is { } id ? model.FindWrappedKey(id) : null;
        var who = new Newcomer
        {
            HasAnswered = admission.ResetExchanged,
            HasOwnKey = admission.Wrapper.Kind == WrappingKind.TlsCryptV2,
            Credential = wrappedFor,
            NetworkId = admission.NetworkId,
            From = from.Peer,
            Remote = key.Remote,
            ResetTag = admission.ResetTag,
        };
        if (!TryMakeRoom(who))
        {
            admission.Dispose();
            return DropReason.ResetRateLimited;
        }

        var networkId = admission.NetworkId ?? (wrappedFor is null ? null : model.Fleet.Identity(wrappedFor.IdentityId)?.NetworkId);
        if (Context.Tls.For(networkId, model) is not { } tls)
        {
            admission.Dispose();
            return DropReason.HandshakeQueueFull;
        }

        var settings = model.Settings;
        var options = new ServerSessionOptions
        {
            HandshakeWindow = TimeSpan.FromSeconds(settings.HandshakeWindowSeconds),
            HelloWindow = DataPlaneLimits.HelloWindow,
            RenegotiateAfter = TimeSpan.FromSeconds(settings.RenegotiateSeconds),
            IsStream = from.IsStream,
            WaitsForOwner = true,
        };
        var peer = new PeerSession
        {
            Number = ++_lastNumber,
            Session = new ServerSession(options, tls, admission, _entropy, now),
            Key = key,
            Path = from,
            Wrapping = admission.Wrapper.Kind,
            Newcomer = who,
            IsCounted = admission.IsCounted,
            HasBegun = admission.ResetExchanged,
            WrappedKeyId = admission.WrappedKeyId,
        };
        _sessions.Add(key, peer);
        _byNumber.Add(peer.Number, peer);
        if (from.IsStream)
        {
            _byConnection.Add(key.WithoutRemote, peer);
            Tell(from.Shard, new ProveConnection(from));
        }

        _halfOpen.Add(peer);
        _touched = peer;
        Drain(peer, now);
        return DropReason.None;
    }

    /// <summary>Everything that a session wants after it was touched.</summary>
    private void Drain(PeerSession peer, Instant now)
    {
        bool more;
        do
        {
            more = false;
            while (peer.Session.TryDequeueTransmit(_datagram, now, out var length))
            {
                Send(peer.Path, _datagram.AsSpan(0, length));
            }

            while (peer.Session.TryDequeueEvent(out var happened))
            {
                more = true;
                Handle(peer, happened, now);
            }
        }
        while (more);

        if (peer.Session.IsFinished)
        {
            Forget(peer);
            return;
        }

        HalfOpenSessions.Look(peer);
        _deadlines.Want(peer.Number, peer.Session.NextDeadline);
    }

    private void Handle(PeerSession peer, SessionEvent happened, Instant now)
    {
        switch (happened)
        {
            case AuthenticationRequired required:
                using (required.Request)
                {
                    Authenticate(peer, required.Request, now);
                }

                break;
            case KeysReady keys:
                UseKeys(peer, keys, now);
                break;
            case Established:
                _halfOpen.Remove(peer);
                break;
            case Renegotiated:
                Context.Uplink.CountRenegotiation(peer.Admitted!.TunnelId);
                RenewToken(peer, now);
                break;
            case MessageReceived:
                break;
            case SessionEnded ended:
                Ended(peer, ended, now);
                break;
            default:
                throw new InvariantException($"the owner of a session knows {happened.GetType().Name}");
        }
    }

    private void Authenticate(PeerSession peer, AuthenticationRequest request, Instant now)
    {
        var model = Context.Model.Current;
        var judgement = Authenticator.Judge(
            new Claim
            {
                Request = request,
                Wrapping = peer.Wrapping,
                WrappedFor = peer.WrappedFor,
                WrappedForNetwork = peer.WrappedForNetwork,
                Before = peer.Admitted,
                TokenSession = peer.TokenUser.Length == 0 ? null : peer.Token.SessionId,
            },
            model, _tokens, now);
        if (!judgement.Allowed)
        {
            _failures.Raise("handshake.failed", judgement.Identity?.Id ?? 0, peer.Path.Peer, judgement.Refusal, now);
            peer.Session.Reject(
                judgement.TokenExpired ? ControlMessage.TokenExpired : ControlMessage.AuthFailed(), judgement.Refusal, now);
            return;
        }

        if (!request.IsRenegotiation && !MayBegin(peer, judgement.Identity!, request, now))
        {
            return;
        }

        if (peer.Admitted is null && !TryPromisePlace(peer, judgement, request, now))
        {
            return;
        }

        var token = judgement.Access!.NeedsPassword && !request.IsRenegotiation
            ? IssueToken(peer, Authenticator.TokenName(model.ByUsername.GetValueOrDefault(request.Username)), judgement.Token, now)
            : null;
        peer.GrantedBy = request.IsRenegotiation ? null : model.Fleet;
        peer.Session.Accept(Grants.For(judgement.Identity!, judgement.Access!, model, peer.Admitted!.PeerId, token), now);
    }

    /// <summary>Whether a peer that may come in may do so now; it has been answered where not.</summary>
    private bool MayBegin(PeerSession peer, Identity identity, AuthenticationRequest request, Instant now)
    {
        var understands = request.PeerInfo.Proto.HasFlag(IvProto.AuthFailTemp);
        if (!peer.IsCounted && !_sessionsOfIdentities.TryTake((uint)identity.Id, now))
        {
            Drops.Count(DropReason.SessionRateLimited);
            if (understands)
            {
                peer.Session.Reject(ControlMessage.AuthFailedTemporarily(ShortBackoff(), mayAdvance: true, "too many sessions"), "too many sessions", now);
            }
            else
            {
                // AUTH_FAILED would end an older client for good; in silence it tries again when its window is over.
                peer.Session.Close(SessionEnd.Closed, "too many sessions", now);
            }

            return false;
        }

        if (understands && _halfOpen.Working > DataPlaneLimits.HalfOpenBackoffAbove)
        {
            // It would be served in the end, but those before it would wait longer; with a time of its own it waits once.
            peer.Session.Reject(ControlMessage.AuthFailedTemporarily(Backoff(), mayAdvance: true, "busy"), "busy", now);
            return false;
        }

        return true;
    }

    /// <summary>Who came with a token gets it renewed: reconnecting does not lengthen the time that a password is good for.</summary>
    private string? IssueToken(PeerSession peer, string user, AuthTokenClaims? before, Instant now)
    {
        if (_tokens is null)
        {
            return null;
        }

        var claims = before.GetValueOrDefault();
        var token = before is null ? _tokens.Issue(user, now, out claims) : _tokens.Renew(user, ref claims, now);
        (peer.Token, peer.TokenUser) = (claims, user);
        return token;
    }

    /// <summary>A token is good for a day; a session lasts for months.</summary>
    private void RenewToken(PeerSession peer, Instant now)
    {
        if (_tokens is null || peer.TokenUser.Length == 0)
        {
            return;
        }

        var claims = peer.Token;
        var token = _tokens.Renew(peer.TokenUser, ref claims, now);
        peer.Token = claims;
        foreach (var message in ControlMessage.Push(new PushOptions { AuthToken = token }))
        {
            peer.Session.Send(message, now);
        }
    }

    private bool TryPromisePlace(PeerSession peer, in Judgement judgement, AuthenticationRequest request, Instant now)
    {
        var shard = Context.Shards[peer.Path.Shard];
        if (!shard.PeerIds.TryAllot(out var slot))
        {
            _failures.Raise("gateway.full", judgement.Identity!.Id, peer.Path.Peer, "no tunnel can be added", now);
            peer.Session.Reject(ControlMessage.AuthFailedTemporarily(Backoff(), mayAdvance: true, "full"), "no tunnel can be added", now);
            return false;
        }

        var identity = judgement.Identity!;
        peer.Admitted = new Admitted
        {
            Proof = judgement.Proof,
            IdentityId = identity.Id,
            Name = Authenticator.Describe(identity),
            Tls = string.Intern(request.Tls),
            ClientVersion = PeerText.Cut(request.PeerInfo.Version),
            ClientPlatform = PeerText.Cut(request.PeerInfo.Platform),
            AddressV4 = identity.AddressV4 ?? default,
            AddressV6 = identity.AddressV6 ?? default,
            Shard = peer.Path.Shard,
            Slot = slot,
            PeerId = shard.PeerIds.PeerId(slot),
            TunnelId = Context.TunnelIds.Next(),
        };
        return true;
    }

    private void UseKeys(PeerSession peer, KeysReady keys, Instant now)
    {
        var who = peer.Admitted!;
        var settings = Context.Model.Current.Settings;
        DataKey key;
        using (keys.Keys)
        {
            key = DataKey.Create(keys.Keys, keys.Format, isServer: true, keys.KeyId, who.PeerId);
        }

        if (!keys.IsFirst)
        {
            var half = TimeSpan.FromSeconds(settings.RenegotiateSeconds) / 2;
            var handOver = half > TimeSpan.Zero && half < DataPlaneLimits.KeyHandOver ? half : DataPlaneLimits.KeyHandOver;
            if (!Tell(who.Shard, new InstallKey(who.Slot, who.TunnelId, key, keys.KeyId, handOver)))
            {
                key.Free();
            }

            return;
        }

        Context.Uplink.Announce(Describe(peer, who, keys.Format, now));
        peer.HasTunnel = peer.TunnelWasOpened = true;
        var ping = TimeSpan.FromSeconds(Math.Max(1, settings.PingSeconds));
        var opened = Tell(who.Shard, new OpenTunnel(new NewTunnel
        {
            Slot = who.Slot,
            TunnelId = who.TunnelId,
            IdentityId = who.IdentityId,
            Proof = who.Proof,
            GrantedBy = peer.GrantedBy!,
            AddressV4 = who.AddressV4,
            AddressV6 = who.AddressV6,
            Handshaker = Index,
            Session = peer.Number,
            Path = peer.Path,
            Cipher = TunnelWords.ReadCipher(keys.Format.Cipher.Name()),
            PingAfter = ping,
            // As stock's keepalive: the server waits twice as long as it tells its clients to.
            DeadAfter = TimeSpan.FromSeconds(2L * Math.Max(1, settings.PingRestartSeconds)),
            AliveWithin = ping * 2,
            InnerMax = InnerMtu.MaxPacket(keys.Format, !peer.Path.Peer.Ip.IsV4, peer.Path.IsStream, InnerMtu.DefaultTarget),
            Key = key,
            KeyId = keys.KeyId,
        }));
        peer.GrantedBy = null;
        if (!opened)
        {
            key.Free();
            peer.HasTunnel = peer.TunnelWasOpened = false;
            Context.Uplink.Withdraw(who.TunnelId);
            peer.Session.Close(SessionEnd.Closed, "the packet thread is overloaded", now);
        }
    }

    private TunnelDescription Describe(PeerSession peer, Admitted who, DataFormat format, Instant now) => new()
    {
        TunnelId = who.TunnelId,
        IdentityId = who.IdentityId,
        Protocol = peer.Path.IsStream ? "openvpn/tcp" : "openvpn/udp",
        OuterAddress = peer.Path.Peer.ToString(),
        Cipher = format.Cipher.Name(),
        Tls = who.Tls,
        Wrapping = peer.Session.Wrapping,
        ClientVersion = who.ClientVersion,
        ClientPlatform = who.ClientPlatform,
        Since = Context.Clock.ToWall(now),
    };

    private void Ended(PeerSession peer, SessionEnded ended, Instant now)
    {
        // One that never came up counts until it is forgotten: it still holds memory while its last words are delivered.
        CloseTunnelOf(peer, ended.Reason == SessionEnd.PeerExit ? TunnelEnd.PeerExit : TunnelEnd.SessionEnded);
        if (KindOf(ended.Reason) is { } kind)
        {
            var whom = peer.Admitted?.Name ?? NameOf(peer.WrappedFor);
            _failures.Raise(
                kind, peer.Admitted?.IdentityId ?? peer.WrappedFor?.IdentityId ?? 0, peer.Path.Peer,
                whom.Length == 0 ? ended.Detail : $"{whom}: {ended.Detail}", now);
        }
    }

    /// <summary>The event that operators are told of; null for what is no news to them, or was told before.</summary>
    private static string? KindOf(SessionEnd reason) => reason switch
    {
        SessionEnd.TlsFailed or SessionEnd.HandshakeTimeout or SessionEnd.KeyExchangeMalformed or SessionEnd.NoSharedCipher => "handshake.failed",
        SessionEnd.RenegotiationFailed => "renegotiation.failed",
        SessionEnd.OutputNotTaken => "session.abused",
        SessionEnd.PeerExit or SessionEnd.Closed or SessionEnd.AuthenticationFailed or SessionEnd.ConfigurationRefused => null,
    };

    private void CloseTunnelOf(PeerSession peer, TunnelEnd end)
    {
        if (peer is { HasTunnel: true, Admitted: { } who })
        {
            peer.HasTunnel = false;
            Tell(who.Shard, new CloseTunnel(who.Slot, who.TunnelId, end));
        }
    }

    private string NameOf(CredentialEntry? entry) =>
        entry is not null && Context.Model.Current.Fleet.Identity(entry.IdentityId) is { } identity ? Authenticator.Describe(identity) : "";

    private void HandleNotice(in TunnelNotice notice, Instant now)
    {
        if (notice.Kind == TunnelNoticeKind.Cloned)
        {
            _tunnelNews.Cloned(notice, now);
            return;
        }

        if (notice.Kind == TunnelNoticeKind.Ended && notice.End == TunnelEnd.Replaced)
        {
            _tunnelNews.Replaced(notice, now);
        }

        if (!_byNumber.TryGetValue(notice.Session, out var peer))
        {
            return;
        }

        _touched = peer;
        switch (notice.Kind)
        {
            case TunnelNoticeKind.Opened:
            case TunnelNoticeKind.Cloned:
                return;
            case TunnelNoticeKind.Moved:
                Move(peer, notice.Path);
                return;
            case TunnelNoticeKind.NeedsKey:
                peer.Session.Renegotiate(now);
                break;
            case TunnelNoticeKind.NeedsConfiguration:
                peer.Session.Send(ControlMessage.Restart, now);
                break;
            case TunnelNoticeKind.Ended:
                TunnelEnded(peer, notice.End, now);
                break;
        }

        Drain(peer, now);
    }

    private static void TunnelEnded(PeerSession peer, TunnelEnd end, Instant now)
    {
        peer.HasTunnel = false;
        switch (end)
        {
            case TunnelEnd.Revoked:
                peer.Session.Send(ControlMessage.Halt, now);
                break;
            case TunnelEnd.ConfigurationChanged:
            case TunnelEnd.Disconnected:
                peer.Session.Send(ControlMessage.Restart, now);
                break;
            case TunnelEnd.None:
            case TunnelEnd.PeerExit:
            case TunnelEnd.Silent:
            case TunnelEnd.ConnectionClosed:
            case TunnelEnd.Replaced:
            case TunnelEnd.NotActive:
            case TunnelEnd.SessionEnded:
            case TunnelEnd.GatewayStopping:
                break;
        }

        peer.Session.Close(SessionEnd.Closed, end.Text(), now);
    }

    private void Move(PeerSession peer, in OuterPath to)
    {
        _sessions.Remove(peer.Key);
        peer.Path = to;
        peer.Key = SessionKey.Of(to, peer.Key.Remote);
        _sessions[peer.Key] = peer;
    }

    private void HandleTimeouts(Instant now)
    {
        while (_deadlines.TryTakeDue(now, out var number))
        {
            if (!_byNumber.TryGetValue(number, out var peer))
            {
                continue;
            }

            _touched = peer;
            peer.Session.HandleTimeout(now);
            Drain(peer, now);
        }
    }

    private void Remove(PeerSession peer)
    {
        CloseTunnelOf(peer, TunnelEnd.SessionEnded);
        Forget(peer);
    }

    private void Forget(PeerSession peer)
    {
        _halfOpen.Remove(peer);
        _byNumber.Remove(peer.Number);
        _deadlines.Forget(peer.Number);
        if (_sessions.TryGetValue(peer.Key, out var there) && there == peer)
        {
            _sessions.Remove(peer.Key);
        }

        if (peer.Path.IsStream)
        {
            _byConnection.Remove(peer.Key.WithoutRemote);
            Tell(peer.Path.Shard, new PoisonConnection(peer.Path));
        }

        if (peer is { TunnelWasOpened: false, Admitted: { } who })
        {
            Context.Shards[who.Shard].PeerIds.Return(who.Slot);
        }

        peer.Session.Dispose();
    }

    private bool Tell(int shard, ShardCommand command) => Context.Shards[shard].Mailbox.TryPost(command);

    private void Send(in OuterPath to, ReadOnlySpan<byte> datagram) => Context.Shards[to.Shard].Mailbox.TryPost(to, datagram);

    /// <summary>Seconds, spread so that those who are sent away do not come back together.</summary>
    private int Backoff() => Between(10, 50);

    /// <summary>For one that comes too often: by then its bucket holds some sessions again.</summary>
    private int ShortBackoff() => Between(4, 8);

    private int Between(int from, int to)
    {
        Span<byte> random = stackalloc byte[1];
        _entropy.Fill(random);
        return from + (random[0] % (to - from));
    }

    /// <summary>One state of the model, which remembers whom it did not know.</summary>
    private sealed class RememberingDirectory : ICredentialDirectory
    {
        public GatewayModel Model { get; private set; } = GatewayModel.Empty;

        public byte[]? LastUnknown { get; private set; }

        public void Use(GatewayModel model)
        {
            Model = model;
            LastUnknown = null;
        }

        public IReadOnlyList<LegacyWrapping> LegacyWrappings => Model.LegacyWrappings;

        public bool IsKnown(ReadOnlySpan<byte> wrappedKeyId)
        {
            var isKnown = Model.IsKnown(wrappedKeyId);
            LastUnknown = isKnown ? null : wrappedKeyId.ToArray();
            return isKnown;
        }
    }
}
