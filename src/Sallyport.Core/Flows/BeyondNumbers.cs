using Sallyport.Core.Packets;

namespace Sallyport.Core.Flows;

/// <summary>
/// Sequence numbers of TCP connections that lead beyond the gateway host. Its kernel remembers them as well, and ends one only for numbers that
/// fit: so a reset or a FIN with others must not end it here, or whoever sends such has the kernel remember more than we count.
/// </summary>
/// <remarks>
/// What comes from beyond the kernel has looked at, and what does not fit it drops. What the opener sends we see first. So his end is believed only
/// where it agrees with what the other one has sent and acknowledged; in doubt it does not count, and the flow stays for as long as it would.
/// </remarks>
internal static class BeyondNumbers
{
    /// <summary>RFC 7323 section 2.3: no window is larger.</summary>
    private const uint WindowMax = 1 << 30;

    /// <summary>An acknowledgement that is further behind is an old one.</summary>
    private const uint Recent = ushort.MaxValue;

    /// <summary>A reset of the opener that no receiver would take.</summary>
    public static bool IsOutside(in Flow flow, in InnerPacket read) =>
        (read.Flags & TcpFlags.Rst) != 0 && flow.TargetAcknowledged != 0 && read.Sequence - flow.TargetAcknowledged > WindowMax;

    public static TcpFlags Hear(ref Flow flow, bool fromOpener, in InnerPacket read) =>
        fromOpener ? HearOpener(ref flow, read) : HearTarget(ref flow, read);

    private static TcpFlags HearTarget(ref Flow flow, in InnerPacket read)
    {
        // The kernel lets a second SYN|ACK through unseen.
        if ((read.Flags & TcpFlags.Rst) != 0 || ((read.Flags & TcpFlags.Syn) != 0 && flow.TargetSent != 0))
        {
            return read.Flags;
        }

        flow.TargetSent = Later(flow.TargetSent, read.SequenceEnd);
        if ((read.Flags & TcpFlags.Ack) != 0)
        {
            flow.TargetAcknowledged = Later(flow.TargetAcknowledged, read.Acknowledgement);
        }

        if (flow.OpenerFin != 0 && flow.TargetAcknowledged == flow.OpenerFin)
        {
            flow.Tcp |= TcpMarks.FinOut;
        }

        return read.Flags;
    }

    private static TcpFlags HearOpener(ref Flow flow, in InnerPacket read)
    {
        var isNext = flow.TargetAcknowledged != 0 && read.Sequence == flow.TargetAcknowledged;
        var isBelieved = (read.Flags & TcpFlags.Ack) == 0 || (flow.TargetSent != 0 && flow.TargetSent - read.Acknowledgement <= Recent);
        if ((read.Flags & TcpFlags.Rst) != 0)
        {
            return isNext && isBelieved ? read.Flags : TcpFlags.None;
        }

        var isFin = (read.Flags & TcpFlags.Fin) != 0;
        if (isFin && isBelieved && !isNext && IsAfter(read.SequenceEnd, flow.OpenerSent))
        {
            flow.OpenerFin = read.SequenceEnd;
        }
        else if (!isFin && flow.OpenerFin != 0 && !IsAfter(flow.OpenerFin, read.SequenceEnd))
        {
            // There was more to say: what will be acknowledged is not that FIN.
            flow.OpenerFin = 0;
        }

        flow.OpenerSent = TcpTracking.IsOpening(read.Flags) && flow.TargetSent == 0 ? read.SequenceEnd : Later(flow.OpenerSent, read.SequenceEnd);
        if (isBelieved && (read.Flags & TcpFlags.Ack) != 0)
        {
            flow.OpenerAcknowledged = Later(flow.OpenerAcknowledged, read.Acknowledgement);
        }

        return isFin && !(isNext && isBelieved) ? read.Flags & ~TcpFlags.Fin : read.Flags;
    }

    private static uint Later(uint one, uint other) => one == 0 || IsAfter(other, one) ? other : one;

    /// <summary>RFC 9293 section 3.4: numbers go round.</summary>
    private static bool IsAfter(uint one, uint other) => (int)(one - other) > 0;
}
