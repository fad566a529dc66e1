using Sallyport.Core.Dns;
using Sallyport.Core.Flows;
using Sallyport.Core.Nat;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Gateway;

/// <summary>
/// One gateway thread's whole decision on packets from inside tunnels: who sent it, whom it is for, whether policy lets it pass, and what
/// the sender is told where not. Nothing is allocated per packet. Not thread-safe: all packets of a network must come to the same
/// forwarder, or replies will not find their flow.
/// </summary>
/// <remarks>
/// The time to live is left alone, as in a bridge: a loop cannot form, because a packet is only taken from who owns its source.
/// </remarks>
public sealed class Forwarder
{
    private readonly FlowLimits _limits;
    private readonly IdentityShares<IdentityShare> _shares = new();
    private readonly TranslationTable _translations;
    private readonly SharedPorts _sharedPorts;
    private readonly Identifications _identifications;
    private readonly FlowTable _flows;
    private readonly FragmentTable _fragments;
    private readonly HeldFragments _held;
    private readonly RefusalLimiter _refusals;
    private readonly Situations _situations;
    private readonly FlowMetering _metering;
    private readonly Resets _resets;
    private readonly long[] _drops = new long[Enum.GetValues<DropReason>().Length];
    private readonly Instant _adoptRepliesUntil;
    private readonly INameTies? _names;
    private readonly ServerNames _serverNames = new();
    private FleetModel _model = FleetModel.Empty;
    private Instant _now;
    private long _situationsSeen;
    private bool _isHandedOver;
    private ushort _handedPort;

    /// <param name="shard">Makes flow ids and the ports of shared addresses unique where a process has several forwarders.</param>
    /// <param name="situations">Shared with the process's other forwarders, as <paramref name="meters"/> are; null where it has none.</param>
    /// <param name="names">Which names identities were told addresses for; null where nobody answers.</param>
    public Forwarder(
        FlowLimits limits, IEntropy entropy, Instant start, ushort shard = 0, int shards = 1, Situations? situations = null, Meters? meters = null,
        INameTies? names = null)
    {
        _names = names;
        _situations = situations ?? new Situations();
        _metering = new FlowMetering(meters ?? new Meters());
        _limits = limits;
        _translations = new TranslationTable(entropy);
        _flows = new FlowTable(limits, _shares, _translations, entropy, start, shard);
        _sharedPorts = new SharedPorts(_translations, _flows, entropy, shard, shards);
        _identifications = new Identifications(entropy, shard, shards);
        _fragments = new FragmentTable(limits.Fragments, entropy);
        _held = new HeldFragments(limits);
        _resets = new Resets(_flows, _translations);
        _refusals = new RefusalLimiter(limits, _shares);
        _adoptRepliesUntil = start + limits.AdoptReplies;
        _now = start;
    }

    public FleetModel Model => _model;

    /// <summary>The packet thread that knows a conversation of a guest who shares his address, by his port there.</summary>
    public static int ShardOfSharedPort(ushort port, int shards) => SharedPorts.ThreadOf(port, shards);

    public int AllowedFlows => _flows.AllowedCount;

    public int DeniedFlows => _flows.DeniedCount;

    /// <summary>
    /// How many conversations with what lies beyond the gateway host there may be at once: each is one that the host's kernel has to remember,
    /// beside all others of the host.
    /// </summary>
    public int BeyondFlowsMax
    {
        get => _flows.BeyondMax;
        set => _flows.BeyondMax = value;
    }

    /// <summary>Last records of flows that were given up because nobody fetched them; anything but 0 means the reader is too slow.</summary>
    public long FlowRecordsLost => _flows.RecordsLost;

    /// <summary>Denied attempts that got no flow of their own (<see cref="FlowLimits.DeniedPerIdentity"/>); they are among the drops.</summary>
    public long DeniedUnrecorded { get; private set; }

    /// <summary>Refusals that were not sent for the sake of the rate limit.</summary>
    public long RefusalsSuppressed => _refusals.Suppressed;

    /// <summary>Packets that were not forwarded, by <see cref="DropReason"/>.</summary>
    public ReadOnlySpan<long> Drops => _drops;

    /// <summary>When <see cref="HandleTimeout"/> has something to do; may lie in the past.</summary>
    public Instant NextDeadline => _flows.NextDeadline;

    /// <summary>
    /// Runs on this model from now on. Flows that the change could concern are judged at once, so that those which lost their permission
    /// are cut, recorded and counted; all others are judged at their next packet.
    /// </summary>
    public CutReport Adopt(FleetModel model, Instant now)
    {
        _now = now;
        var before = _model;
        _model = model;
        var cut = 0;
        Instant last = default;
        for (var index = 0; index < _flows.Extent; index++)
        {
            ref var flow = ref _flows[index];
            if (flow.Status != FlowStatus.Allowed || before.JudgesAlike(model, flow.Key.NetworkId, flow.FromId, flow.ToId))
            {
                continue;
            }

            var isMirror = flow.IsMirror;
            if (JudgeOne(index, now, out var lastForwarded))
            {
                cut += isMirror ? 0 : 1;
                last = lastForwarded > last ? lastForwarded : last;
            }
        }

        return new CutReport(cut, last);
    }

    /// <summary>Judges an allowed flow again. True where it was live and is not any more.</summary>
    private bool JudgeOne(int index, Instant now, out Instant lastForwarded)
    {
        ref var flow = ref _flows[index];
        var wasLive = flow.IsLive;
        lastForwarded = flow.LastForwarded;
        return (!JudgeAgain(index, now) || flow.Status != FlowStatus.Allowed) && wasLive;
    }

    /// <summary>
    /// Where it stands otherwise with any tunnel since the last call, and any rule looks at that: flows that this concerns are judged, so
    /// that those which lost their permission are on record though they are silent. The next packet of each is judged anew without it.
    /// Costs a walk over all flows: for now and then, however often peers move.
    /// </summary>
    public CutReport Reconsider(Instant now)
    {
        var changes = _situations.Changes;
        var isNew = changes != _situationsSeen;
        _situationsSeen = changes;
        if (!isNew || !_model.LooksAtTunnels)
        {
            return default;
        }

        _now = now;
        var (cut, last) = (0, default(Instant));
        for (var index = 0; index < _flows.Extent; index++)
        {
            ref var flow = ref _flows[index];
            if (flow.Status != FlowStatus.Allowed || flow.JudgedBy.Situation == _situations.VersionOf(flow.FromId))
            {
                continue;
            }

            var isMirror = flow.IsMirror;
            if (JudgeOne(index, now, out var lastForwarded))
            {
                cut += isMirror ? 0 : 1;
                last = lastForwarded > last ? lastForwarded : last;
            }
        }

        return new CutReport(cut, last);
    }

    /// <summary>
    /// Composes the next reset of a connection that was cut or had to make room: for both its ends, also where nobody speaks. To be drained after every turn.
    /// </summary>
    /// <param name="packet">At least <see cref="TcpReset.MaximumLength"/> bytes.</param>
    /// <param name="toIdentityId">Who gets it, as it is. Where his tunnel is on another packet thread, that one sends its own when it judges its end: at once for a
    /// change of the model, at that end's next packet for a volume that was used up.</param>
    /// <returns>Its length; 0 where there is none left.</returns>
    public int TakeReset(Span<byte> packet, out int toIdentityId) => _resets.Take(_model, packet, out toIdentityId);

    /// <summary>A volume was used up; each is told once, by one of the forwarders that share its meter.</summary>
    public bool TryDequeueUsedUp(out MeterReading used) => _metering.TryDequeueUsedUp(out used);

    /// <summary>
    /// Counts what the gateway itself is about to send an identity, which is no flow's, against its limit. None where it may have it.
    /// </summary>
    public DropReason MeterAnswer(int toIdentityId, int length, Instant now) =>
        _model.Identity(toIdentityId) is { } to ? _metering.Take(_model, to, length, now) : DropReason.IdentityNotActive;

    /// <summary>
    /// Decides on a packet that came out of the tunnel of <paramref name="fromIdentityId"/>.
    /// <paramref name="refusal"/> needs <see cref="Refusal.MaximumLength"/> bytes.
    /// </summary>
    public ForwardResult Handle(int fromIdentityId, ReadOnlySpan<byte> packet, Instant now, Span<byte> refusal)
    {
        _isHandedOver = false;
        return Judge(fromIdentityId, packet, now, refusal);
    }

    private ForwardResult Judge(int fromIdentityId, ReadOnlySpan<byte> packet, Instant now, Span<byte> refusal)
    {
        _now = now;
        var malformed = InnerPacket.Read(packet, out var read);
        var result = Decide(fromIdentityId, packet, malformed, read, refusal);
        if (result.Reason != DropReason.None)
        {
            _drops[(int)result.Reason]++;
        }

        return result;
    }

    /// <summary>
    /// To be called after a packet of a sender was handled: copies a part of its datagram that came earlier, to be handled now as if it
    /// came from the same sender. Returns its length, 0 where there is none.
    /// </summary>
    public int TakeHeld(int fromIdentityId, Span<byte> packet) => _held.Take(fromIdentityId, packet, _now);

    /// <summary>
    /// Decides again, for the other end, on a packet that another packet thread's forwarder has let pass. The same model makes the same
    /// decision; what is different here is that nothing is answered or recorded: that is done where the packet came from. Replies from
    /// this end then find their conversation.
    /// </summary>
    /// <param name="guestPort"><see cref="ForwardResult.GuestPort"/> of the decision there.</param>
    public ForwardResult HandleHandedOver(int fromIdentityId, ReadOnlySpan<byte> packet, Instant now, ushort guestPort = 0)
    {
        _isHandedOver = true;
        _handedPort = guestPort;
        return Judge(fromIdentityId, packet, now, default);
    }

    /// <summary>
    /// Tells the sender of a packet that <see cref="Handle"/> forwarded that its destination has no tunnel at the moment, and the record
    /// of its flow, too.
    /// </summary>
    public ForwardResult Unreachable(int fromIdentityId, ReadOnlySpan<byte> packet, Instant now, Span<byte> refusal)
    {
        _now = now;
        _drops[(int)DropReason.PeerOffline]++;
        if (InnerPacket.Read(packet, out var read) != DropReason.None || _model.Identity(fromIdentityId) is not { } from)
        {
            return ForwardResult.Drop(DropReason.PeerOffline);
        }

        if (read.Part != FragmentPart.Later && read.Ends.Kind != PacketKind.IcmpError)
        {
            MarkUndelivered(from, read);
        }

        return Answer(RefusalKind.Unreachable, DropReason.PeerOffline, from, packet, read, refusal);
    }

    /// <summary>
    /// Tells the sender of a packet that <see cref="Handle"/> or <see cref="HandleHandedOver"/> forwarded, and that may not be cut up, how long
    /// one may be to fit the tunnel that it is for.
    /// </summary>
    public ForwardResult TooBig(int fromIdentityId, ReadOnlySpan<byte> packet, int largest, Instant now, Span<byte> refusal)
    {
        _now = now;
        _isHandedOver = false;
        _drops[(int)DropReason.PacketTooBig]++;
        return InnerPacket.Read(packet, out var read) != DropReason.None || _model.Identity(fromIdentityId) is not { } from
            ? ForwardResult.Drop(DropReason.PacketTooBig)
            : Answer(RefusalKind.TooBig, DropReason.PacketTooBig, from, packet, read, refusal, largest);
    }

    /// <summary>Only what its opener sends: a flow whose opener went away has been answered.</summary>
    private void MarkUndelivered(Identity from, in InnerPacket read)
    {
        var index = _flows.Find(FlowKey.Of(from.NetworkId, read.Ends, out var sourceIsLow));
        if (index >= 0 && _flows[index].OpenerIsLow == sourceIsLow)
        {
            _flows[index].Undelivered = true;
        }
    }

    /// <summary>
    /// What happened to flows: begun and ended ones and changed verdicts at once, moved counters every few seconds.
    /// To be drained after every turn; what waits is merged, not lost, except as <see cref="FlowRecordsLost"/> says.
    /// </summary>
    public bool TryDequeueFlow(out FlowRecord record) => _flows.TryDequeue(out record);

    public void HandleTimeout(Instant now)
    {
        _now = now;
        _flows.HandleTimeout(now);
        ExpireHeld();
    }

    private ForwardResult Decide(
        int fromIdentityId, ReadOnlySpan<byte> packet, DropReason malformed, in InnerPacket read, Span<byte> refusal)
    {
        if (malformed is DropReason.NotIp or DropReason.IpMalformed)
        {
            return ForwardResult.Drop(malformed);
        }

        if (_model.Identity(fromIdentityId) is not { } from)
        {
            return ForwardResult.Drop(DropReason.IdentityNotActive);
        }

        // What every stock client sends unasked: neighbour discovery, multicast name services, DHCP. No record, no answer.
        switch (Widest(AddressScope.Of(read.Ends.Source), AddressScope.Of(read.Ends.Destination)))
        {
            case Scope.Group:
                return ForwardResult.Drop(DropReason.NotUnicast);
            case Scope.LinkLocal:
                return ForwardResult.Drop(DropReason.LinkLocal);
            case Scope.NotOnWire:
                return ForwardResult.Drop(DropReason.SpoofedSource);
            case Scope.Unicast:
            default:
                break;
        }

        if (malformed != DropReason.None)
        {
            return !_model.Owns(from.Id, read.Ends.Source) ? ForwardResult.Drop(DropReason.SpoofedSource)
                : malformed == DropReason.ProtocolNotSupported && from.Active
                    ? Answer(RefusalKind.Prohibited, malformed, from, packet, read, refusal)
                    : ForwardResult.Drop(malformed);
        }

        if (read.Part == FragmentPart.Later)
        {
            return DecideLaterFragment(from, packet, read);
        }

        if (read.Ends.Kind == PacketKind.IcmpError)
        {
            return DecideIcmpError(from, read);
        }

        if (IsForNames(from, read))
        {
            return !_model.Owns(from.Id, read.Ends.Source) ? ForwardResult.Drop(DropReason.SpoofedSource)
                : !from.Active ? ForwardResult.Drop(DropReason.IdentityNotActive)
                : _metering.Take(_model, from, read.Length, _now) is not DropReason.None and var reason ? ForwardResult.Drop(reason)
                : ForwardResult.Resolve();
        }

        var result = DecideFlow(from, packet, read, refusal, out var index);
        if (read.Part == FragmentPart.First)
        {
            result = result with { Identification = RememberFirstFragment(from, read, index, result.ToIdentityId) };
        }

        return result;
    }

    /// <summary>
    /// A question for a name crosses to nobody: the gateway answers it, of what policy lets the asker reach. The host itself knows its names
    /// from elsewhere.
    /// </summary>
    private bool IsForNames(Identity from, in InnerPacket read) =>
        read.Ends is { DestinationPort: DnsLimits.Port, Kind: PacketKind.Udp } && read.Part == FragmentPart.Whole
        && !_isHandedOver && from.Kind != IdentityKind.Host && _model.AnswersNamesAt(from.NetworkId, read.Ends.Destination);

    /// <summary>A second first fragment of the same datagram is judged like the first one, and its verdict replaces the other.</summary>
    /// <param name="toIdentityId">0 where it was not forwarded.</param>
    /// <returns>What the datagram is identified by where it arrives; 0 where that is what the sender says.</returns>
    private ushort RememberFirstFragment(Identity from, in InnerPacket read, int index, int toIdentityId)
    {
        var key = new FragmentKey(from.Id, read.Ends.Source, read.Ends.Destination, read.FragmentId, read.Ends.Protocol);
        if (toIdentityId == 0)
        {
            // Remembered, too, so that what follows need not wait for another one.
            Remember(new FirstFragment { Key = key, Flow = FirstFragment.Refused, Expires = _now + _limits.Fragment });
            return 0;
        }

        ref var flow = ref _flows[index];
        var fromOpener = toIdentityId == flow.ToId;
        var identification = fromOpener && flow.Translation != 0 ? NextIdentification(_translations[flow.Translation]) : (ushort)0;
        Remember(new FirstFragment
        {
            Key = key,
            Flow = index,
            FlowId = flow.Id,
            FromOpener = fromOpener,
            Identification = identification,
            End = read.FragmentEnd,
            Expires = _now + _limits.Fragment,
        });
        return identification;
    }

    private ushort NextIdentification(in Translation translation) => translation.IsShared
        ? _identifications.Next(translation.Key.NetworkId, translation.Guest, translation.Target, translation.Key.Protocol) : (ushort)0;

    /// <summary>What was handed over has nothing waiting for it here: it is the sender's packet thread that holds parts.</summary>
    private void Remember(in FirstFragment first)
    {
        if (_fragments.TryPut(first, _now) && !_isHandedOver)
        {
            _held.Release(first.Key);
        }
    }

    private void ExpireHeld() => _drops[(int)DropReason.IpFragment] += _held.Expire(_now);

    /// <summary>
    /// The flow of a packet, -1 for none. Of one between two networks the called one sends packets with the ends that it has in its own;
    /// whoever sends as the guest there is not the guest.
    /// </summary>
    private int Find(in FlowKey key, bool targetIsLow, out bool isFar)
    {
        var index = _flows.Find(key);
        isFar = false;
        if (index >= 0 && _flows[index].Status == FlowStatus.Allowed)
        {
            return index;
        }

        var translation = _translations.Find(key);
        isFar = translation != 0 && _translations[translation].Target == (targetIsLow ? key.Low : key.High);
        return isFar ? _translations[translation].Flow : index;
    }

    private static Scope Widest(Scope source, Scope destination) =>
        source == Scope.Unicast ? destination
        : destination == Scope.Unicast ? source
        : source == Scope.Group || destination == Scope.Group ? Scope.Group
        : source;

    private ForwardResult DecideFlow(
        Identity from, ReadOnlySpan<byte> packet, in InnerPacket read, Span<byte> refusal, out int index)
    {
        var key = FlowKey.Of(from.NetworkId, read.Ends, out var sourceIsLow);
        index = Find(key, targetIsLow: sourceIsLow, out var isFar);
        if (index >= 0 && MustBeJudged(_flows[index]) && !JudgeAgain(index, _now))
        {
            index = -1;
        }

        if (index < 0)
        {
            return DecideFirst(from, packet, key, sourceIsLow, read, refusal, ref index);
        }

        // A flow that this model allows has the addresses of both ends proven: only another sender must be looked up.
        ref var flow = ref _flows[index];
        var fromOpener = !isFar && flow.OpenerIsLow == sourceIsLow;
        var isProven = flow.Status == FlowStatus.Allowed && (fromOpener ? flow.FromId : flow.ToId) == from.Id;
        if (!isProven && !_model.Owns(from.Id, read.Ends.Source))
        {
            return ForwardResult.Drop(DropReason.SpoofedSource);
        }

        if (flow.IsMirror && fromOpener && !_isHandedOver)
        {
            // Its tunnel was on another packet thread, which had the record.
            _flows.TakeOver(index);
        }

        if (read.Ends.Kind == PacketKind.Tcp && !TcpTracking.IsPossible(read.Flags))
        {
            return ForwardResult.Drop(DropReason.InvalidTcpState);
        }

        // Where the opener's packet thread has begun it anew, it has another port in the other network.
        if (_isHandedOver && fromOpener && flow.Translation != 0 && _translations[flow.Translation].GuestPort != _handedPort)
        {
            return DecideFirst(from, packet, key, sourceIsLow, read, refusal, ref index);
        }

        if (!fromOpener && !flow.Opened)
        {
            // The opener's attempt was refused, or allowed only since: nothing has passed, so this is no reply.
            return DecideFirst(from, packet, key, sourceIsLow, read, refusal, ref index);
        }

        if (flow.Status == FlowStatus.Denied)
        {
            return DecideDenied(from, packet, key, sourceIsLow, fromOpener, read, refusal, ref index);
        }

        if (read.Ends.Kind == PacketKind.Tcp)
        {
            if (TcpTracking.IsOpening(read.Flags) && TcpTracking.IsClosed(flow.Tcp))
            {
                return DecideFirst(from, packet, key, sourceIsLow, read, refusal, ref index);
            }

            // The replying side does not open, the opener does not reply.
            if ((read.Flags & TcpFlags.Syn) != 0 && TcpTracking.IsOpening(read.Flags) != fromOpener)
            {
                return ForwardResult.Drop(DropReason.InvalidTcpState);
            }

            if (flow.Translation != 0 && _translations[flow.Translation].IsShared && !IsOfThisOpener(flow, fromOpener, read))
            {
                return ForwardResult.Drop(DropReason.InvalidTcpState);
            }

            if (fromOpener && flow.IsBeyond && BeyondNumbers.IsOutside(flow, read))
            {
                return ForwardResult.Drop(DropReason.InvalidTcpState);
            }
        }

        if (fromOpener && !flow.IsMirror && !flow.HelloSeen && read.Ends.Kind == PacketKind.Tcp)
        {
            LookForServerName(index, packet, read);
        }

        return Pass(index, fromOpener, read);
    }

    /// <summary>
    /// Whether a packet on the port of an address that several share can be one of the connection that its holder began. Somebody else may have had one
    /// there: until the target has answered his SYN neither end's other packets pass, but for the refusal of that very SYN.
    /// </summary>
    private static bool IsOfThisOpener(in Flow flow, bool fromOpener, in InnerPacket read)
    {
        const TcpFlags refusal = TcpFlags.Rst | TcpFlags.Ack;

        // The other end's packet thread may have missed the beginning; the opener's has not.
        return (flow.Tcp & TcpMarks.SynAck) != 0 || (flow.IsMirror && (flow.Tcp & TcpMarks.Adopted) != 0) || (read.Flags & TcpFlags.Syn) != 0
            || (!fromOpener && (read.Flags & refusal) == refusal && read.Acknowledgement == flow.OpenerSent);
    }

    /// <summary>A name was asked for since it was refused for the lack of one: no change of the model tells of it.</summary>
    private bool MayBeNamed(in Flow flow) =>
        flow is { Status: FlowStatus.Denied, Reason: DropReason.NameNotAsked } && flow.JudgedBy.Names != VersionOfNames(flow.FromId);

    private int VersionOfNames(int identityId) => _names?.VersionOf(identityId) ?? 0;

    /// <summary>The first data of a client: the name of the server that it wants, where it says so.</summary>
    private void LookForServerName(int index, ReadOnlySpan<byte> packet, in InnerPacket read)
    {
        if (read.Part != FragmentPart.Whole || !TcpView.TryCreate(packet[read.TransportOffset..read.Length], out var tcp) || tcp.Payload.IsEmpty)
        {
            return;
        }

        ref var flow = ref _flows[index];
        flow.HelloSeen = _serverNames.Look(flow.Key, flow.FromId, tcp, out var name);
        if (name is not null)
        {
            _flows.Name(index, _flows.NamesOf(index) with { Server = name });
        }
    }

    /// <summary>What the sender was told the destination for, where it lies beyond the gateway host.</summary>
    /// <param name="held">The name of a conversation that has begun.</param>
    private TiedNames NamesOf(Identity from, Identity? to, string? held = null)
    {
        if (to is not { IsEgress: true })
        {
            return default;
        }

        var version = VersionOfNames(from.Id);
        return new TiedNames(_names?.Of(from.Id), _now, held, version);
    }

    /// <summary>
    /// A packet of no flow, or of one that it may not join: then a new one takes the place of <paramref name="index"/> if it is allowed.
    /// </summary>
    private ForwardResult DecideFirst(
        Identity from, ReadOnlySpan<byte> packet, in FlowKey key, bool sourceIsLow, in InnerPacket read, Span<byte> refusal, ref int index)
    {
        if (!_model.Owns(from.Id, read.Ends.Source))
        {
            return ForwardResult.Drop(DropReason.SpoofedSource);
        }

        var (to, inside) = _model.Resolve(from.NetworkId, read.Ends.Destination);
        if (to is null && IsBroadcast(from.NetworkId, read.Ends.Destination))
        {
            return ForwardResult.Drop(DropReason.NotUnicast);
        }

        if (to?.Id == from.Id)
        {
            return ForwardResult.Drop(DropReason.ToItself);
        }

        // Replies of a conversation that nobody here has opened.
        if (read.Ends.Kind == PacketKind.EchoReply)
        {
            return ForwardResult.Drop(DropReason.NotRequested);
        }

        var names = NamesOf(from, to);
        var judgement = Ask(from, to, inside, read.Ends.Protocol, read.Ends.DestinationPort, names);
        var isMidStream = false;
        if (read.Ends.Kind == PacketKind.Tcp)
        {
            if (!TcpTracking.IsPossible(read.Flags))
            {
                return ForwardResult.Drop(DropReason.InvalidTcpState);
            }

            isMidStream = !TcpTracking.IsOpening(read.Flags);
            if ((read.Flags & TcpFlags.Rst) != 0)
            {
                return ForwardResult.Drop(DropReason.NotRequested);
            }
        }

        var isReply = (read.Flags & TcpFlags.Syn) != 0 && isMidStream;
        if (judgement.Allowed && !isReply)
        {
            if (isMidStream && !_isHandedOver && IsSharedGuest(from, to!, read.Ends.Source))
            {
                // Nobody knows whose connection it was: its sender begins another one.
                return Answer(RefusalKind.Prohibited, DropReason.InvalidTcpState, from, packet, read, refusal);
            }

            var far = Far(from, to!, inside, read.Ends, index);
            var opened = Open(from, to!, key, sourceIsLow, fromOpener: true, isMidStream, judgement, far, read, ref index);
            // Also where a limit holds its first packet back: the name is what it goes on being allowed for.
            if (opened.Reason is not (DropReason.NoGuestAddress or DropReason.FlowTableFull)
                && _flows[index].Status == FlowStatus.Allowed && NameOf(judgement.Decision, names, inside) is { } name)
            {
                _flows.Name(index, new FlowNames(name, null));
            }

            return opened;
        }

        // Not for this sender to open; but it may be the reply of a conversation that we have forgotten.
        if (isMidStream || read.Ends.Kind == PacketKind.Udp)
        {
            var opener = OpenerOf(from, to, read.Ends, out var ends);
            Judgement reversed = opener is null ? default : Ask(opener, from, read.Ends.Source, read.Ends.Protocol, read.Ends.SourcePort);
            if (reversed.Allowed)
            {
                // A connection outlives a gateway that was killed, whichever side speaks first; but not for ever, and never for UDP,
                // where the packet would be taken by whoever has the port now.
                var openerKey = FlowKey.Of(opener!.NetworkId, ends, out sourceIsLow);
                return isMidStream && _now < _adoptRepliesUntil
                    ? Open(opener, from, openerKey, !sourceIsLow, fromOpener: false, isMidStream, reversed, new FarEnds(read.Ends.Reversed(), IsShared: false), read, ref index)
                    : ForwardResult.Drop(DropReason.NotRequested);
            }
        }

        return isReply
            ? ForwardResult.Drop(DropReason.NotRequested)
            : Deny(from, to, key, sourceIsLow, judgement, packet, read, refusal, ref index);
    }

    /// <summary>The name for which it is allowed; where no name was needed one that the address was told for.</summary>
    private string? NameOf(in Decision decision, in TiedNames names, IpAddress inside) =>
        NameToHold(decision, names, inside) ?? names.Any(inside);

    /// <summary>The name without which the decision would be another one; null where it asks for none.</summary>
    private string? NameToHold(in Decision decision, in TiedNames names, IpAddress inside) =>
        _model.Application(decision.ApplicationId) is { Names.IsEmpty: false } named ? names.Match(named.Names, inside) : null;

    /// <summary>Who would have opened the conversation that a packet is a reply of, and the packet's ends as they are in his network.</summary>
    private Identity? OpenerOf(Identity from, Identity? to, in PacketEnds ends, out PacketEnds near)
    {
        near = ends;
        if (to is not null || !_model.TryFindGuest(from.NetworkId, ends.Destination, out var homeId, out near.Destination))
        {
            return to?.NetworkId == from.NetworkId ? to : null;
        }

        if (_model.ServiceAddress(homeId, from.NetworkId, ends.Source) is not { } service)
        {
            return null;
        }

        near.Source = service;
        return _model.IdentityAt(homeId, near.Destination);
    }

    /// <summary>
    /// The ends of the opener's packets in the network of the one whom he calls; in his own network what they are. Where he shares his
    /// address and no port of it is free, who has most of them loses a conversation.
    /// </summary>
    /// <param name="index">The flow that the new one takes the place of; -1 for none.</param>
    private FarEnds Far(Identity from, Identity to, IpAddress inside, PacketEnds ends, int index)
    {
        if (from.NetworkId == to.NetworkId)
        {
            return new FarEnds(ends, IsShared: false);
        }

        var host = ends.Source;
        var guest = _model.GuestAddress(to.NetworkId, from.NetworkId, host, out var isShared);
        isShared &= guest is not null;
        ends.Source = guest ?? default;
        ends.Destination = inside;
        if (!isShared)
        {
            return new FarEnds(ends, IsShared: false);
        }

        ends.SourcePort = _isHandedOver && _handedPort != 0 ? _handedPort : FindPort(new PortSeeker(from.Id, host, index), to, ends);
        ends.Source = ends.SourcePort == 0 ? default : ends.Source;
        return new FarEnds(ends, IsShared: true);
    }

    private bool IsSharedGuest(Identity from, Identity to, IpAddress source) =>
        from.NetworkId != to.NetworkId && _model.GuestAddress(to.NetworkId, from.NetworkId, source, out var isShared) is not null && isShared;

    private ushort FindPort(in PortSeeker seeker, Identity to, in PacketEnds ends)
    {
        var port = _sharedPorts.Find(seeker, to.NetworkId, ends, _now - _limits.PortIdle, out var makesRoom);
        if (makesRoom < 0)
        {
            return port;
        }

        if (_flows.IsAtItsLimit(seeker.IdentityId, to.IsEgress))
        {
            // It would get no flow: nobody loses one for it.
            return 0;
        }

        _resets.AddEnding(makesRoom);
        _flows.End(makesRoom);
        return port;
    }

    /// <param name="far">The ends of the opener's packets in the other's network; without a source where there is no address for him.</param>
    private ForwardResult Open(
        Identity opener, Identity target, in FlowKey key, bool openerIsLow, bool fromOpener, bool isMidStream, in Judgement judgement,
        in FarEnds far, in InnerPacket read, ref int index)
    {
        var isTranslated = opener.NetworkId != target.NetworkId;
        var farKey = isTranslated ? FlowKey.Of(target.NetworkId, far.Ends, out _) : default;
        if (isTranslated && (far.Ends.Source == default || !TryMakeFree(farKey, index)))
        {
            return ForwardResult.Drop(DropReason.NoGuestAddress);
        }

        if (index >= 0)
        {
            _flows.End(index);
        }

        index = _flows.Begin(key, openerIsLow, opener.Id, target.Id, judgement, _now, _isHandedOver, target.IsEgress);
        if (index < 0)
        {
            return ForwardResult.Drop(DropReason.FlowTableFull);
        }

        ref var flow = ref _flows[index];
        // The opener's own packet opens it only if it passes.
        flow.Opened = !fromOpener;
        flow.IsMetered = FlowMetering.Concerns(_model, flow);
        flow.Tcp = isMidStream ? TcpMarks.Adopted : TcpMarks.None;
        if (isTranslated)
        {
            flow.Translation = _translations.Add(new Translation
            {
                Key = farKey,
                Flow = index,
                Guest = far.Ends.Source,
                GuestPort = far.Ends.SourcePort,
                Target = far.Ends.Destination,
                IsShared = far.IsShared,
                Holder = far.IsShared && !_isHandedOver ? _translations.Holders.Take(PortHolderKey.Of(opener.Id, target.NetworkId, far.Ends)) : 0,
            });
        }

        return Pass(index, fromOpener, read);
    }

    /// <summary>
    /// Whether no other conversation has the same ends on the far side. The opener's packet thread knows: where it has given them to this
    /// one, a mirror that still has them is of one that is over there.
    /// </summary>
    private bool TryMakeFree(in FlowKey farKey, int index)
    {
        var taken = _translations.Find(farKey);
        if (taken == 0 || _translations[taken].Flow == index)
        {
            return true;
        }

        var holder = _translations[taken].Flow;
        if (!_isHandedOver || !_flows[holder].IsMirror)
        {
            return false;
        }

        _resets.AddEnding(holder);
        _flows.End(holder);
        return true;
    }

    private ForwardResult Deny(
        Identity from, Identity? to, in FlowKey key, bool sourceIsLow, in Judgement judgement,
        ReadOnlySpan<byte> packet, in InnerPacket read, Span<byte> refusal, ref int index)
    {
        var decision = judgement.Decision;
        if (_isHandedOver)
        {
            return ForwardResult.Drop(decision.Reason);
        }

        if (index >= 0 && !_flows[index].Opened)
        {
            // The other side's record tells that there were packets back: two that refuse each other do not make records without end.
            _flows.Count(index, fromOpener: false, read.Length, _now);
            return Answer(RefusalKind.Prohibited, decision.Reason, from, packet, read, refusal);
        }

        if (index >= 0)
        {
            _flows.End(index);
        }

        index = _flows.Begin(key, sourceIsLow, from.Id, to?.Id ?? 0, judgement, _now);
        if (index >= 0)
        {
            _flows.Touch(index, fromOpener: true, read.Length, _limits.Denied, _now);
        }
        else
        {
            DeniedUnrecorded++;
        }

        return Answer(RefusalKind.Prohibited, decision.Reason, from, packet, read, refusal);
    }

    /// <summary>The opener's packet of a flow that is denied, or anybody's of one that has lost its permission.</summary>
    private ForwardResult DecideDenied(
        Identity from, ReadOnlySpan<byte> packet, in FlowKey key, bool sourceIsLow, bool fromOpener,
        in InnerPacket read, Span<byte> refusal, ref int index)
    {
        ref var flow = ref _flows[index];
        if (fromOpener)
        {
            _flows.Touch(index, fromOpener, read.Length, _limits.Denied, _now);
            return Answer(RefusalKind.Prohibited, flow.Reason, from, packet, read, refusal);
        }

        // The verdict is on who opened the flow. The other side may have a permission of its own to speak to those ports.
        if (read.Ends.Kind is PacketKind.Udp or PacketKind.Tcp)
        {
            var (to, inside) = _model.Resolve(from.NetworkId, read.Ends.Destination);
            if (Ask(from, to, inside, read.Ends.Protocol, read.Ends.DestinationPort).Allowed)
            {
                return DecideFirst(from, packet, key, sourceIsLow, read, refusal, ref index);
            }
        }

        _flows.Count(index, fromOpener, read.Length, _now);
        return Answer(RefusalKind.Prohibited, flow.Reason, from, packet, read, refusal);
    }

    private ForwardResult DecideLaterFragment(Identity from, ReadOnlySpan<byte> packet, in InnerPacket read)
    {
        var fragment = new FragmentKey(from.Id, read.Ends.Source, read.Ends.Destination, read.FragmentId, read.Ends.Protocol);
        if (!_fragments.TryGet(fragment, _now, out var first))
        {
            ExpireHeld();
            return !_isHandedOver && from.Active && _model.Owns(from.Id, read.Ends.Source) && _held.TryHold(fragment, packet[..read.Length], _now)
                ? ForwardResult.Hold()
                : ForwardResult.Drop(DropReason.IpFragment);
        }

        if (first.Flow == FirstFragment.Refused || read.FragmentStart < first.End)
        {
            return ForwardResult.Drop(DropReason.IpFragment);
        }

        ref var flow = ref _flows[first.Flow];
        if (flow.Id != first.FlowId || flow.Status is FlowStatus.Free or FlowStatus.Ended
            || (MustBeJudged(flow) && !JudgeAgain(first.Flow, _now)))
        {
            return ForwardResult.Drop(DropReason.IpFragment);
        }

        if (flow.Status == FlowStatus.Denied)
        {
            _flows.Count(first.Flow, first.FromOpener, read.Length, _now);
            return ForwardResult.Drop(flow.Reason);
        }

        if ((first.FromOpener ? flow.FromId : flow.ToId) != from.Id)
        {
            return ForwardResult.Drop(DropReason.SpoofedSource);
        }

        if (Meter(first.Flow, read.Length) is not DropReason.None and var reason)
        {
            return ForwardResult.Drop(reason);
        }

        flow.LastForwarded = _now;
        _flows.Count(first.Flow, first.FromOpener, read.Length, _now);
        return Forward(flow, first.FromOpener, read.Length) with { Identification = first.Identification };
    }

    /// <summary>
    /// An error passes only as part of the conversation whose packet it quotes, from the side to which that packet went, to its sender.
    /// </summary>
    private ForwardResult DecideIcmpError(Identity from, in InnerPacket read)
    {
        if (!_model.Owns(from.Id, read.Ends.Source))
        {
            return ForwardResult.Drop(DropReason.SpoofedSource);
        }

        var index = Find(FlowKey.Of(from.NetworkId, read.Quoted, out var quotedSourceIsLow), targetIsLow: !quotedSourceIsLow, out var isFar);
        if (index < 0 || read.Quoted.Source != read.Ends.Destination
            || (MustBeJudged(_flows[index]) && !JudgeAgain(index, _now)))
        {
            return ForwardResult.Drop(DropReason.NotRequested);
        }

        ref var flow = ref _flows[index];
        // On the far side only what the opener sent can be spoken of.
        var isAboutOpener = isFar || flow.OpenerIsLow == quotedSourceIsLow;
        if (flow.Status != FlowStatus.Allowed || !flow.Opened || (isAboutOpener ? flow.ToId : flow.FromId) != from.Id)
        {
            return ForwardResult.Drop(DropReason.NotRequested);
        }

        if (Meter(index, read.Length) is not DropReason.None and var reason)
        {
            return ForwardResult.Drop(reason);
        }

        // RFC 5508 section 4.2 (REQ-3): an error neither ends the conversation nor keeps it alive.
        flow.LastForwarded = _now;
        _flows.Count(index, fromOpener: !isAboutOpener, read.Length, _now);
        return Forward(flow, fromOpener: !isAboutOpener, read.Length);
    }

    private ForwardResult Pass(int index, bool fromOpener, in InnerPacket read)
    {
        ref var flow = ref _flows[index];
        if (Meter(index, read.Length) is not DropReason.None and var reason)
        {
            // It is alive all the same, or denied from now on, or it was finished and has ended.
            if (flow.Status is FlowStatus.Allowed or FlowStatus.Denied)
            {
                if (!fromOpener && flow.IsBeyond && read.Ends.Kind == PacketKind.Tcp)
                {
                    // The kernel has seen it.
                    flow.Hear(fromOpener, read);
                }

                _flows.Touch(index, fromOpener, read.Length, flow.Status == FlowStatus.Allowed ? Lifetime(flow) : _limits.Denied, _now);
            }

            return ForwardResult.Drop(reason);
        }

        flow.Opened |= fromOpener;
        flow.Answered |= !fromOpener;
        flow.Undelivered = false;
        if (read.Ends.Kind == PacketKind.Tcp)
        {
            var wasFinished = flow.IsFinished;
            var heard = flow.Hear(fromOpener, read);
            flow.Tcp = TcpTracking.Next(flow.Tcp, fromOpener, heard);
            if (flow.IsFinished && !wasFinished)
            {
                _flows.Announce(index);
            }
        }

        _flows.Touch(index, fromOpener, read.Length, Lifetime(flow), _now);
        flow.LastForwarded = _now;
        return Forward(flow, fromOpener, read.Length);
    }

    private ForwardResult Forward(in Flow flow, bool fromOpener, int length)
    {
        var result = ForwardResult.Forward(fromOpener ? flow.ToId : flow.FromId, length);
        return flow.Translation == 0 ? result : result with
        {
            Translation = flow.Translation,
            IsOutbound = fromOpener,
            GuestPort = _translations[flow.Translation].GuestPort,
        };
    }

    /// <summary>Why a packet of an allowed flow does not pass all the same. What another forwarder hands over it has counted.</summary>
    private DropReason Meter(int index, int length)
    {
        ref var flow = ref _flows[index];
        if (!flow.IsMetered || _isHandedOver)
        {
            return DropReason.None;
        }

        var reason = _metering.Take(_model, flow, length, _now);
        if (reason == DropReason.VolumeUsed)
        {
            JudgeAgain(index, _now);
        }

        return reason;
    }

    /// <summary>The policy, with what only a gateway knows: how it stands with the sender's tunnel, and what has been carried.</summary>
    private Judgement Ask(Identity from, Identity? to, IpAddress destination, IpProtocol protocol, ushort port, in TiedNames names = default)
    {
        var situation = _situations.Of(from.Id, out var version);
        var decision = _model.Decide(from, to, destination, protocol, port, situation, names);
        decision = decision.Allowed && _metering.IsUsedUp(_model, decision.RuleId, from, to!)
            ? Decision.Deny(DropReason.VolumeUsed, decision.ApplicationId, decision.RuleId)
            : decision;
        return new Judgement(decision, new Standing(_model.Epoch, version, names.Version));
    }

    private TimeSpan Lifetime(in Flow flow) =>
        flow.Key.Protocol switch
        {
            IpProtocol.Tcp => TcpTracking.IsClosed(flow.Tcp) ? _limits.TcpClosed
                : TcpTracking.IsEstablished(flow.Tcp) ? _limits.TcpEstablished
                : _limits.TcpTransitory,
            IpProtocol.Udp => flow.Answered ? _limits.UdpAnswered : _limits.Udp,
            _ => _limits.Echo,
        };

    /// <summary>By another model than this one or from elsewhere, or what it may carry was used up by others.</summary>
    private bool MustBeJudged(in Flow flow) => flow.JudgedBy.Epoch != _model.Epoch
        || (_model.LooksAtTunnels && flow.JudgedBy.Situation != _situations.VersionOf(flow.FromId)) || MayBeNamed(flow) || (flow.IsMetered && _metering.IsUsedUp(_model, flow));

    /// <summary>
    /// Judges a flow by the present model. False where the addresses are somebody else's now: then the flow has ended,
    /// and its next packet begins another.
    /// </summary>
    private bool JudgeAgain(int index, Instant now)
    {
        ref var flow = ref _flows[index];
        var from = _model.Identity(flow.FromId);
        var atSource = _model.IdentityAt(flow.Key.NetworkId, flow.Source);
        var (to, inside) = _model.Resolve(flow.Key.NetworkId, flow.Destination);
        if ((atSource is not null && atSource.Id != flow.FromId) || (to is not null && to.Id != flow.ToId))
        {
            _flows.End(index);
            return false;
        }

        var held = flow.Status == FlowStatus.Allowed ? _flows.NamesOf(index).Dns : null;
        var names = from is null ? default : NamesOf(from, to, held);
        var judgement = from is null || atSource is null
            ? new Judgement(Decision.Deny(DropReason.IdentityNotActive), new Standing(_model.Epoch, _situations.VersionOf(flow.FromId)))
            : Ask(from, to, inside, flow.Key.Protocol, flow.DestinationPort, names);
        if (judgement.Allowed && !IsTranslatedAs(flow, from!, to!, inside))
        {
            _flows.End(index);
            return false;
        }

        var wasAllowed = flow.Status == FlowStatus.Allowed;
        if (wasAllowed && !judgement.Allowed && flow.IsFinished)
        {
            // There is nothing left to cut: it stays on record as what it was.
            _flows.End(index);
            return false;
        }

        if (!_flows.Judge(index, judgement))
        {
            return flow.Status is FlowStatus.Allowed or FlowStatus.Denied;
        }

        flow.IsMetered = judgement.Allowed && FlowMetering.Concerns(_model, flow);
        if (judgement.Allowed && NameToHold(judgement.Decision, names, inside) is { } name && name != held)
        {
            _flows.Name(index, _flows.NamesOf(index) with { Dns = name });
        }

        if (wasAllowed && !judgement.Allowed)
        {
            _resets.Add(index);
            _flows.Extend(index, _limits.Denied, now);
        }
        else if (!wasAllowed && judgement.Allowed && flow.Key.Protocol == IpProtocol.Tcp)
        {
            // What was seen while it was denied never reached the other side; what was seen before still holds.
            flow.Tcp = flow.Opened ? flow.Tcp | TcpMarks.Adopted : TcpMarks.Adopted;
        }

        return true;
    }

    /// <summary>Whether the two are to each other who they were when the flow began: it has been that of a refused attempt, or an appearance has moved.</summary>
    private bool IsTranslatedAs(in Flow flow, Identity from, Identity to, IpAddress inside)
    {
        if (from.NetworkId == to.NetworkId || flow.Translation == 0)
        {
            return from.NetworkId == to.NetworkId && flow.Translation == 0;
        }

        ref var translation = ref _translations[flow.Translation];
        return translation.Target == inside && translation.Guest == _model.GuestAddress(to.NetworkId, from.NetworkId, flow.Source, out _);
    }

    /// <summary>
    /// Writes the addresses of the other network into a packet that <see cref="Handle"/> forwarded, where its flow is between two. To be
    /// called where the packet leaves, and not before it is given to another packet thread: that one judges what the sender wrote.
    /// </summary>
    public void Translate(in ForwardResult result, Span<byte> packet)
    {
        if (!result.IsTranslated || InnerPacket.Read(packet, out var read) != DropReason.None)
        {
            return;
        }

        ref var translation = ref _translations[result.Translation];
        ref var flow = ref _flows[translation.Flow];
        if (read.Ends.Kind == PacketKind.IcmpError)
        {
            TranslateError(packet, read, flow, translation, result.IsOutbound);
            return;
        }

        AddressTranslation.Apply(packet, read, result.IsOutbound ? translation.ToFar(read.Ends) : NearEnds(read.Ends, flow));
        if (result.IsOutbound && translation.IsShared && !AddressTranslation.IsAtomic(packet, read))
        {
            translation.GivenIdentification = read.Part == FragmentPart.Whole ? NextIdentification(translation) : result.Identification;
            translation.OwnIdentification = AddressTranslation.Identify(packet, translation.GivenIdentification);
        }
    }

    /// <summary>What the other one sends, as the opener gets it.</summary>
    private static PacketEnds NearEnds(in PacketEnds ends, in Flow flow) => ends with
    {
        Source = flow.Destination,
        Destination = flow.Source,
        DestinationPort = flow.SourcePort,
    };

    /// <summary>
    /// A router on the way is told of by the address that it has in the network of who gets the error; where it has none, the error
    /// comes from whom the packet was for.
    /// </summary>
    private void TranslateError(Span<byte> packet, in InnerPacket read, in Flow flow, in Translation translation, bool isOutbound)
    {
        var (near, far) = (flow.Key.NetworkId, translation.Key.NetworkId);
        if (isOutbound)
        {
            var source = read.Ends.Source == flow.Source ? null : _model.GuestAddress(far, near, read.Ends.Source, out _);
            var quoted = translation.ToFar(read.Quoted.Reversed()).Reversed();
            AddressTranslation.ApplyToError(packet, read, source ?? translation.Guest, translation.Target, quoted);
        }
        else
        {
            // Routers on the way through the operator's LAN are not the internet's, though all of it appears here.
            var isShown = read.Ends.Source != translation.Target
                && (far != _model.Egress?.NetworkId || Egress.Means(Egress.Everything, read.Ends.Source));
            var source = isShown ? _model.ServiceAddress(near, far, read.Ends.Source) : null;
            var quoted = NearEnds(read.Quoted.Reversed(), flow).Reversed();
            var isGiven = translation.IsShared && read.IsV4
                && AddressTranslation.QuotedIdentification(packet, read) == translation.GivenIdentification;
            AddressTranslation.ApplyToError(
                packet, read, source ?? flow.Destination, flow.Source, quoted, isGiven ? translation.OwnIdentification : null);
        }
    }

    private ForwardResult Answer(
        RefusalKind kind, DropReason reason, Identity from, ReadOnlySpan<byte> packet, in InnerPacket read, Span<byte> refusal, int largest = 0)
    {
        // Nothing is sent to who may not receive.
        if (_isHandedOver || !from.Active || !Refusal.MayAnswer(packet, read) || !_refusals.TryTake(from.Id, _now))
        {
            return ForwardResult.Drop(reason);
        }

        var length = Refusal.Write(kind, packet, read, RouterOf(from.NetworkId, read.Ends.Destination), refusal, largest);
        return length > 0 ? ForwardResult.Refuse(reason, length) : ForwardResult.Drop(reason);
    }

    /// <summary>The gateway has the first address of each prefix. Without a prefix of the family the error comes from the destination itself.</summary>
    private IpAddress RouterOf(int networkId, IpAddress destination)
    {
        if (_model.Network(networkId) is { } network)
        {
            foreach (var prefix in network.Prefixes)
            {
                if (prefix.IsV4 == destination.IsV4)
                {
                    return new IpAddress(prefix.First.Bits + 1);
                }
            }
        }

        return destination;
    }

    private bool IsBroadcast(int networkId, IpAddress destination)
    {
        if (destination.IsV4 && _model.Network(networkId) is { } network)
        {
            foreach (var prefix in network.Prefixes)
            {
                if (prefix.IsV4 && prefix.Length < 31 && (destination == prefix.Last || destination == prefix.First))
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>How an opener's packets look in the network of the one whom he calls.</summary>
    /// <param name="IsShared">Others of his network have the same address there.</param>
    private readonly record struct FarEnds(PacketEnds Ends, bool IsShared);
}
