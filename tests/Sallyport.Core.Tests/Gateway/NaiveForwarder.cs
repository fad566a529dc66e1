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

    public int Count => _conversations.Count;

    public void Pass(Instant now) => _conversations.RemoveAll(conversation => conversation.Until <= now);

    /// <summary>Returns how many live conversations lost their permission.</summary>
    public int Adopt(Instant now)
    {
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

        if (fleet.At(sender.NetworkId, ends.Source) != sender)
        {
            return (0, DropReason.SpoofedSource);
        }

        var conversation = _conversations.Find(one => one.Matches(sender.NetworkId, ends));
        if (conversation is not null && !JudgeAgain(conversation, now))
        {
            conversation = null;
        }

        var to = fleet.At(sender.NetworkId, ends.Destination);
        var fromOpener = conversation is not null && conversation.Source == ends.Source;
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
            return Pass(Begin(sender, to, ends, false, isTcp && !isSyn, decision.RuleId, instead), true, packet, now);
        }

        var reversed = default(Decision);
        var mayBeReply = to is not null && ((isTcp && !isSyn) || ends.Kind == PacketKind.Udp)
            && (reversed = Ask(to, ends.Source, ends.Protocol, ends.SourcePort)).Allowed;
        if (mayBeReply && isTcp && now < start + limits.AdoptReplies)
        {
            return Pass(Begin(to!, sender, ends, true, true, reversed.RuleId, instead), false, packet, now);
        }

        if (mayBeReply || isSynAck)
        {
            return (0, DropReason.NotRequested);
        }

        if (instead is null or { Opened: true })
        {
            var denied = Begin(sender, to, ends, false, false, 0, instead);
            (denied.Allowed, denied.Opened, denied.Reason, denied.Until) = (false, false, decision.Reason, now + limits.Denied);
        }

        return (0, decision.Reason);
    }

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

        return (conversation.Pass(fromOpener, packet.Flags, limits, now), DropReason.None);
    }

    private Decision Ask(Identity from, IpAddress destination, IpProtocol protocol, ushort port)
    {
        var decision = fleet.Decide(from, destination, protocol, port);
        return decision.Allowed && _meters.IsUsedUp(decision.RuleId, from.Id, fleet.At(from.NetworkId, destination)!.Id)
            ? Decision.Deny(DropReason.VolumeUsed, decision.ApplicationId, decision.RuleId)
            : decision;
    }

    private Conversation Begin(Identity opener, Identity? target, in PacketEnds ends, bool reply, bool adopted, int ruleId, Conversation? instead)
    {
        if (instead is not null)
        {
            _conversations.Remove(instead);
        }

        var conversation = new Conversation
        {
            NetworkId = opener.NetworkId,
            Protocol = ends.Protocol,
            FromId = opener.Id,
            ToId = target?.Id ?? 0,
            Source = reply ? ends.Destination : ends.Source,
            Destination = reply ? ends.Source : ends.Destination,
            SourcePort = reply ? ends.DestinationPort : ends.SourcePort,
            DestinationPort = reply ? ends.SourcePort : ends.DestinationPort,
            IsEcho = ends.Kind == PacketKind.EchoRequest,
            Allowed = true,
            RuleId = ruleId,
            Opened = reply,
            Adopted = adopted,
        };
        _conversations.Add(conversation);
        return conversation;
    }

    /// <summary>False where the conversation is over: its addresses are somebody else's, or it was closed and may not come again.</summary>
    private bool JudgeAgain(Conversation conversation, Instant now)
    {
        var atSource = fleet.At(conversation.NetworkId, conversation.Source);
        var atDestination = fleet.At(conversation.NetworkId, conversation.Destination);
        if ((atSource is not null && atSource.Id != conversation.FromId) || (atDestination is not null && atDestination.Id != conversation.ToId))
        {
            _conversations.Remove(conversation);
            return false;
        }

        var decision = atSource is null
            ? Decision.Deny(DropReason.IdentityNotActive)
            : Ask(atSource, conversation.Destination, conversation.Protocol, conversation.DestinationPort);
        if (conversation is { Allowed: true, IsClosed: true } && !decision.Allowed)
        {
            _conversations.Remove(conversation);
            return false;
        }

        if (conversation.Allowed && !decision.Allowed)
        {
            conversation.Until = now + limits.Denied;
        }

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

        public bool Allowed { get; set; }

        public int RuleId { get; set; }

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
