using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.Policy;

namespace Sallyport.Core.Tests.Gateway;

/// <summary>
/// What the forwarder promises, in the most direct words: a list of conversations, searched from the front, and the policy asked for every
/// packet. No epochs, no index, no wheel, no verdict kept.
/// </summary>
internal sealed class NaiveForwarder(NaiveFleet fleet, FlowLimits limits, Instant start)
{
    private readonly List<Conversation> _conversations = [];
    private readonly NaiveMeters _meters = new(fleet);
    private int _adoptions;

    public int Count => _conversations.Count;

    /// <summary>What the last packet that passed is to say where it arrives.</summary>
    public PacketEnds Delivered { get; private set; }

    public void Pass(Instant now) => _conversations.RemoveAll(conversation => conversation.Until <= now);

    /// <summary>Returns how many live conversations lost their permission.</summary>
    public int Adopt(Instant now)
    {
        _adoptions++;
        var cut = 0;
        foreach (var conversation in _conversations.Where(conversation => conversation.Allowed).ToList())
        {
            var wasLive = conversation.Opened && !conversation.IsClosed;
            if (!JudgeAgain(conversation, now) || !conversation.Allowed)
            {
                cut += wasLive ? 1 : 0;
            }
        }

        return cut;
    }

    /// <summary>Who gets the packet, or why nobody does.</summary>
    public (int To, DropReason Reason) Handle(int senderId, in InnerPacket packet, Instant now)
    {
        var ends = packet.Ends;
        if (fleet.Find(senderId) is not { } sender)
        {
            return (0, DropReason.IdentityNotActive);
        }

        var conversation = _conversations.Find(one => one.Matches(sender.NetworkId, ends));
        var far = conversation is { Allowed: true } ? null : _conversations.Find(one => one.MatchesFar(sender.NetworkId, ends));
        conversation = far ?? conversation;
        if (conversation is not null && MustBeJudged(conversation) && !JudgeAgain(conversation, now))
        {
            conversation = null;
        }

        if (fleet.At(sender.NetworkId, ends.Source) != sender)
        {
            return (0, DropReason.SpoofedSource);
        }

        var to = fleet.Resolve(sender.NetworkId, ends.Destination).Carrier;
        var fromOpener = conversation is not null && far is null && conversation.Source == ends.Source;
        var isTcp = ends.Kind == PacketKind.Tcp;
        var isSyn = (packet.Flags & (TcpFlags.Syn | TcpFlags.Ack)) == TcpFlags.Syn;
        if (isTcp && conversation is not null && !IsPossible(packet.Flags))
        {
            return (0, DropReason.InvalidTcpState);
        }

        if (conversation is null || (!fromOpener && !conversation.Opened))
        {
            return First(sender, to, packet, conversation, now);
        }

        if (!conversation.Allowed)
        {
            if (fromOpener)
            {
                conversation.Until = now + limits.Denied;
                return (0, conversation.Reason);
            }

            return ends.Kind != PacketKind.EchoReply && Ask(sender, ends.Destination, ends.Protocol, ends.DestinationPort).Allowed
                ? First(sender, to, packet, conversation, now)
                : (0, conversation.Reason);
        }

        if (isTcp && isSyn && conversation.IsClosed)
        {
            return First(sender, to, packet, conversation, now);
        }

        return isTcp && (packet.Flags & TcpFlags.Syn) != 0 && isSyn != fromOpener
            ? (0, DropReason.InvalidTcpState)
            : Pass(conversation, fromOpener, packet, now);
    }

    private (int To, DropReason Reason) First(
        Identity sender, Identity? to, in InnerPacket packet, Conversation? instead, Instant now)
    {
        var ends = packet.Ends;
        if (to is null && fleet.IsBroadcast(sender.NetworkId, ends.Destination))
        {
            return (0, DropReason.NotUnicast);
        }

        if (to == sender)
        {
            return (0, DropReason.ToItself);
        }

        if (ends.Kind == PacketKind.EchoReply)
        {
            return (0, DropReason.NotRequested);
        }

        var isTcp = ends.Kind == PacketKind.Tcp;
        var isSyn = (packet.Flags & (TcpFlags.Syn | TcpFlags.Ack)) == TcpFlags.Syn;
        var isSynAck = (packet.Flags & TcpFlags.Syn) != 0 && !isSyn;
        if (isTcp && !IsPossible(packet.Flags))
        {
            return (0, DropReason.InvalidTcpState);
        }

        if ((packet.Flags & TcpFlags.Rst) != 0)
        {
            return (0, DropReason.NotRequested);
        }

        var decision = Ask(sender, ends.Destination, ends.Protocol, ends.DestinationPort);
        if (decision.Allowed && !isSynAck)
        {
            if (Begin(sender, to, ends, isTcp && !isSyn, decision.RuleId, instead) is not { } begun)
            {
                return (0, DropReason.NoGuestAddress);
            }

            begun.Name = NameOf(sender, begun, decision, null);
            return Pass(begun, true, packet, now);
        }

        var reversed = default(Decision);
        var (asked, near) = Asked(sender, to, ends);
        var mayBeReply = asked is not null && ((isTcp && !isSyn) || ends.Kind == PacketKind.Udp)
            && (reversed = Ask(asked, near.Destination, ends.Protocol, ends.SourcePort)).Allowed;
        if (mayBeReply && isTcp && now < start + limits.AdoptReplies)
        {
            if (Begin(asked!, sender, near, true, reversed.RuleId, instead) is not { } begun)
            {
                return (0, DropReason.NoGuestAddress);
            }

            begun.Opened = true;
            return Pass(begun, false, packet, now);
        }

        if (mayBeReply || isSynAck)
        {
            return (0, DropReason.NotRequested);
        }

        if (instead is null or { Opened: true })
        {
            var denied = Begin(sender, to, ends, false, 0, instead, isDenied: true)!;
            (denied.Allowed, denied.Opened, denied.Reason, denied.Until) = (false, false, decision.Reason, now + limits.Denied);
        }

        return (0, decision.Reason);
    }

    /// <summary>Names come and go beside the policy, and a conversation keeps the one that it began with: it is judged when the policy is another one.</summary>
    private bool MustBeJudged(Conversation conversation) =>
        fleet.Find(conversation.ToId) is not { IsEgress: true } || conversation.JudgedBy != _adoptions || conversation is { Allowed: false, Reason: DropReason.NameNotAsked };

    private (int To, DropReason Reason) Pass(Conversation conversation, bool fromOpener, in InnerPacket packet, Instant now)
    {
        if (_meters.Take(conversation.RuleId, conversation.FromId, conversation.ToId, packet.Length, now) is not DropReason.None and var reason)
        {
            if (reason == DropReason.VolumeUsed)
            {
                JudgeAgain(conversation, now);
            }
            else
            {
                conversation.Stay(limits, now);
            }

            return (0, reason);
        }

        Delivered = conversation.Guest is null ? packet.Ends
            : fromOpener ? packet.Ends with { Source = conversation.Guest.Value, Destination = conversation.Target }
            : packet.Ends with { Source = conversation.Destination, Destination = conversation.Source };

        // Nothing in here is acknowledged: so what leads out of everything is never known to be ended by its opener.
        var isBelieved = !fromOpener || fleet.Find(conversation.ToId) is not { IsEgress: true };
        var flags = isBelieved ? packet.Flags : packet.Flags & ~(TcpFlags.Rst | TcpFlags.Fin);
        return (conversation.Pass(fromOpener, flags, limits, now), DropReason.None);
    }

    private string? NameOf(Identity from, Conversation conversation, Decision decision, string? held)
    {
        var (to, inside) = fleet.Resolve(from.NetworkId, conversation.Destination);
        return to is { IsEgress: true } ? fleet.NameOf(from, inside, decision.ApplicationId, held) : null;
    }

    private Decision Ask(Identity from, IpAddress destination, IpProtocol protocol, ushort port, string? held = null)
    {
        var decision = fleet.Decide(from, destination, protocol, port, held);
        return decision.Allowed && _meters.IsUsedUp(decision.RuleId, from.Id, fleet.Resolve(from.NetworkId, destination).Carrier!.Id)
            ? Decision.Deny(DropReason.VolumeUsed, decision.ApplicationId, decision.RuleId)
            : decision;
    }

    /// <summary>Who would have asked for what is sent here, and the ends of his question.</summary>
    private (Identity? Asked, PacketEnds Near) Asked(Identity sender, Identity? to, PacketEnds ends)
    {
        var near = new PacketEnds
        {
            Kind = ends.Kind,
            Protocol = ends.Protocol,
            Source = ends.Destination,
            SourcePort = ends.DestinationPort,
            Destination = ends.Source,
            DestinationPort = ends.SourcePort,
        };
        if (to is not null)
        {
            return (to.NetworkId == sender.NetworkId ? to : null, near);
        }

        if (fleet.Home(sender.NetworkId, ends.Destination) is not { } home || fleet.Service(home.HomeId, sender.NetworkId, ends.Source) is not { } service)
        {
            return (null, near);
        }

        near.Source = home.Inside;
        near.Destination = service;
        return (fleet.At(home.HomeId, home.Inside), near);
    }

    /// <summary>Null where the opener has no address in the other's network, or somebody has the same conversation there.</summary>
    private Conversation? Begin(Identity opener, Identity? target, in PacketEnds ends, bool adopted, int ruleId, Conversation? instead, bool isDenied = false)
    {
        var conversation = new Conversation
        {
            NetworkId = opener.NetworkId,
            Protocol = ends.Protocol,
            FromId = opener.Id,
            ToId = target?.Id ?? 0,
            Source = ends.Source,
            Destination = ends.Destination,
            SourcePort = ends.SourcePort,
            DestinationPort = ends.DestinationPort,
            IsEcho = ends.Kind == PacketKind.EchoRequest,
            Allowed = true,
            RuleId = ruleId,
            Adopted = adopted,
            JudgedBy = _adoptions,
        };
        if (!isDenied && target!.NetworkId != opener.NetworkId)
        {
            conversation.FarNetworkId = target.NetworkId;
            conversation.Guest = fleet.Guest(target.NetworkId, opener.NetworkId, ends.Source);
            conversation.Target = fleet.Resolve(opener.NetworkId, ends.Destination).Address;
            if (conversation.Guest is null || _conversations.Exists(other => other != instead && other.IsTheSameFar(conversation)))
            {
                return null;
            }
        }

        if (instead is not null)
        {
            _conversations.Remove(instead);
        }

        _conversations.Add(conversation);
        return conversation;
    }

    /// <summary>False where the conversation is over: its addresses are somebody else's, or it was closed and may not come again.</summary>
    private bool JudgeAgain(Conversation conversation, Instant now)
    {
        var atSource = fleet.At(conversation.NetworkId, conversation.Source);
        var (atDestination, target) = fleet.Resolve(conversation.NetworkId, conversation.Destination);
        if ((atSource is not null && atSource.Id != conversation.FromId) || (atDestination is not null && atDestination.Id != conversation.ToId))
        {
            _conversations.Remove(conversation);
            return false;
        }

        var decision = atSource is null
            ? Decision.Deny(DropReason.IdentityNotActive)
            : Ask(atSource, conversation.Destination, conversation.Protocol, conversation.DestinationPort, conversation.Allowed ? conversation.Name : null);
        var guest = decision.Allowed && atDestination!.NetworkId != conversation.NetworkId
            ? fleet.Guest(atDestination.NetworkId, conversation.NetworkId, conversation.Source) : null;
        if (decision.Allowed && (guest != conversation.Guest || (guest is not null && target != conversation.Target)
            || (guest is null && atDestination!.NetworkId != conversation.NetworkId)))
        {
            _conversations.Remove(conversation);
            return false;
        }

        if (conversation is { Allowed: true, IsClosed: true } && !decision.Allowed)
        {
            _conversations.Remove(conversation);
            return false;
        }

        if (conversation.Allowed && !decision.Allowed)
        {
            conversation.Until = now + limits.Denied;
        }

        if (decision.Allowed)
        {
            conversation.Name = NameOf(atSource!, conversation, decision, conversation.Name) ?? conversation.Name;
        }

        conversation.JudgedBy = _adoptions;
        conversation.Adopted |= decision.Allowed && !conversation.Allowed;
        conversation.Allowed = decision.Allowed;
        conversation.RuleId = decision.RuleId;
        conversation.Reason = decision.Reason;
        return true;
    }

    private static bool IsPossible(TcpFlags flags)
    {
        var (syn, ack, rst, fin) = (flags.HasFlag(TcpFlags.Syn), flags.HasFlag(TcpFlags.Ack), flags.HasFlag(TcpFlags.Rst), flags.HasFlag(TcpFlags.Fin));
        return syn ? !rst && !fin : rst ? !fin : ack;
    }

    private sealed class Conversation
    {
        public required int NetworkId { get; init; }

        public required IpProtocol Protocol { get; init; }

        public required int FromId { get; init; }

        public required int ToId { get; init; }

        public required IpAddress Source { get; init; }

        public required IpAddress Destination { get; init; }

        public required ushort SourcePort { get; init; }

        public required ushort DestinationPort { get; init; }

        public required bool IsEcho { get; init; }

        public int FarNetworkId { get; set; }

        /// <summary>Who the opener is in the other's network, where that is not his own.</summary>
        public IpAddress? Guest { get; set; }

        public IpAddress Target { get; set; }

        public bool Allowed { get; set; }

        public int RuleId { get; set; }

        /// <summary>For which the opener was told where it leads, if it leads out of everything.</summary>
        public string? Name { get; set; }

        /// <summary>How often the policy had changed then.</summary>
        public int JudgedBy { get; set; }

        public bool Opened { get; set; }

        public bool Adopted { get; set; }

        public DropReason Reason { get; set; }

        public Instant Until { get; set; }

        public bool IsClosed => Protocol == IpProtocol.Tcp && (Reset || (FinOut && FinBack));

        private bool Out { get; set; }

        private bool Back { get; set; }

        private bool SynAck { get; set; }

        private bool Confirmed { get; set; }

        private bool FinOut { get; set; }

        private bool FinBack { get; set; }

        private bool Reset { get; set; }

        public bool Matches(int networkId, in PacketEnds ends)
        {
            if (networkId != NetworkId || ends.Protocol != Protocol)
            {
                return false;
            }

            var forth = ends.Source == Source && ends.Destination == Destination
                && ends.SourcePort == SourcePort && ends.DestinationPort == DestinationPort;
            var back = ends.Source == Destination && ends.Destination == Source
                && ends.SourcePort == DestinationPort && ends.DestinationPort == SourcePort;
            return IsEcho ? (forth && ends.Kind == PacketKind.EchoRequest) || (back && ends.Kind == PacketKind.EchoReply) : forth || back;
        }

        /// <summary>An answer of whom the opener calls, as it is in the network of that one.</summary>
        public bool MatchesFar(int networkId, in PacketEnds ends) =>
            Guest is { } guest && networkId == FarNetworkId && ends.Protocol == Protocol
            && ends.Source == Target && ends.Destination == guest && ends.SourcePort == DestinationPort && ends.DestinationPort == SourcePort
            && (!IsEcho || ends.Kind == PacketKind.EchoReply);

        public bool IsTheSameFar(Conversation other) =>
            Guest == other.Guest && Target == other.Target && FarNetworkId == other.FarNetworkId && Protocol == other.Protocol
            && SourcePort == other.SourcePort && DestinationPort == other.DestinationPort && IsEcho == other.IsEcho;

        public int Pass(bool fromOpener, TcpFlags flags, FlowLimits limits, Instant now)
        {
            Opened |= fromOpener;
            Out |= fromOpener;
            Back |= !fromOpener;
            if (flags.HasFlag(TcpFlags.Rst))
            {
                Reset = true;
            }
            else
            {
                Reset = false;
                FinOut |= fromOpener && flags.HasFlag(TcpFlags.Fin);
                FinBack |= !fromOpener && flags.HasFlag(TcpFlags.Fin);
                Confirmed |= fromOpener && SynAck && flags.HasFlag(TcpFlags.Ack);
                SynAck |= !fromOpener && flags.HasFlag(TcpFlags.Syn);
            }

            Stay(limits, now);
            return fromOpener ? ToId : FromId;
        }

        public void Stay(FlowLimits limits, Instant now)
        {
            var established = !IsClosed && !FinOut && !FinBack && (Confirmed || (Adopted && Out && Back));
            Until = now + (Protocol switch
            {
                IpProtocol.Tcp => IsClosed ? limits.TcpClosed : established ? limits.TcpEstablished : limits.TcpTransitory,
                IpProtocol.Udp => Back ? limits.UdpAnswered : limits.Udp,
                _ => limits.Echo,
            });
        }
    }
}
