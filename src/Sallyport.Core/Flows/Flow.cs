using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Flows;

internal enum FlowStatus : byte
{
    Free,
    Allowed,
    Denied,

    /// <summary>Out of the index; kept until its last record is fetched.</summary>
    Ended,
}

internal enum FlowQueue : byte
{
    None,

    /// <summary>Something worth knowing at once.</summary>
    News,

    /// <summary>Counters moved; due at <see cref="Flow.ReportDue"/>.</summary>
    Counters,
    Ended,
}

/// <summary>What a flow was judged by: a model, how it stood with its opener's tunnel, and the names that he knew.</summary>
/// <param name="Epoch">Of the model.</param>
/// <param name="Situation">A version, see <see cref="Situations.VersionOf"/>; compared only under a model that looks at tunnels.</param>
/// <param name="Names">Of what its opener was told, see <see cref="INameTies.VersionOf"/>; 0 where no names were looked at.</param>
internal readonly record struct Standing(int Epoch, int Situation, int Names = 0);

/// <summary>What policy says of a flow, and as long as what it holds.</summary>
internal readonly record struct Judgement(Decision Decision, Standing By)
{
    public bool Allowed => Decision.Allowed;
}

/// <summary>One conversation; lives in the array of the <see cref="FlowTable"/>.</summary>
internal struct Flow
{
    public FlowKey Key;
    public uint Hash;

    // Links are indexes into the same array, -1 for none.
    public int Next;
    public int TimerNext;
    public int TimerPrevious;
    public int QueueNext;
    public int QueuePrevious;

    /// <summary>The tick of the timer wheel at which the flow is looked at: never after its deadline.</summary>
    public long TimerTick;

    public FlowStatus Status;
    public FlowQueue Queue;
    public FlowChanges Changes;
    public bool OpenerIsLow;

    /// <summary>
    /// The other end of a conversation that the packet thread of its opener has, judged and timed here as there so that its packets pass
    /// from this end, too; recorded there alone.
    /// </summary>
    public bool IsMirror;

    /// <summary>To beyond the gateway host, whose kernel remembers it as long as we do, or until it is told of its end.</summary>
    public bool IsBeyond;

    /// <summary>A packet of the opener has passed, so that replies are replies.</summary>
    public bool Opened;
    public bool Answered;

    /// <summary>Its rule or one of its ends has a limit.</summary>
    public bool IsMetered;

    /// <summary>The last packet that passed found its destination without a tunnel.</summary>
    public bool Undelivered;
    public TcpMarks Tcp;

    /// <summary>The last acknowledgement of TCP that either side sent; 0 for none, and once in 4 billion for one.</summary>
    public uint OpenerAcknowledged;
    public uint TargetAcknowledged;

    /// <summary>The end of what either side has sent; 0 for nothing. Of the opener's SYN alone, and beyond the gateway host of all that may be believed.</summary>
    public uint OpenerSent;
    public uint TargetSent;

    /// <summary>The end of a FIN that leads beyond the gateway host and counts when it is acknowledged; 0 for none.</summary>
    public uint OpenerFin;

    /// <summary>The first data of the opener was looked at for a TLS server name, all of it that matters.</summary>
    public bool HelloSeen;

    /// <summary>The table has names for it.</summary>
    public bool HasNames;
    public DropReason Reason;

    public Standing JudgedBy;
    public int FromId;
    public int ToId;
    public int RuleId;
    public int ApplicationId;

    /// <summary>Entry of the translation table where the two ends are in two networks; else 0.</summary>
    public int Translation;
    public long Id;
    public Instant FirstSeen;
    public Instant LastSeen;

    /// <summary>The last packet that passed, either way.</summary>
    public Instant LastForwarded;
    public Instant Deadline;
    public Instant ReportDue;
    public long PacketsOut;
    public long BytesOut;
    public long PacketsBack;
    public long BytesBack;

    public readonly IpAddress Source => OpenerIsLow ? Key.Low : Key.High;

    public readonly IpAddress Destination => OpenerIsLow ? Key.High : Key.Low;

    /// <summary>Without the mark of echo.</summary>
    public readonly ushort SourcePort => (ushort)(OpenerIsLow ? Key.LowPort : Key.HighPort);

    public readonly ushort DestinationPort => (ushort)(OpenerIsLow ? Key.HighPort : Key.LowPort);

    /// <summary>Both sides have said goodbye, or one broke it off; kept for stragglers.</summary>
    public readonly bool IsFinished => Key.Protocol == IpProtocol.Tcp && TcpTracking.IsClosed(Tcp);

    public readonly bool IsLive => Status == FlowStatus.Allowed && Opened && !IsFinished;

    /// <summary>Takes note of the numbers of a segment that passes.</summary>
    /// <returns>Its flags, as far as they count.</returns>
    public TcpFlags Hear(bool fromOpener, in InnerPacket read)
    {
        if (IsBeyond)
        {
            return BeyondNumbers.Hear(ref this, fromOpener, read);
        }

        if (fromOpener && TcpTracking.IsOpening(read.Flags))
        {
            OpenerSent = read.SequenceEnd;
        }

        if ((read.Flags & TcpFlags.Ack) == 0)
        {
            return read.Flags;
        }

        if (fromOpener)
        {
            OpenerAcknowledged = read.Acknowledgement;
        }
        else
        {
            TargetAcknowledged = read.Acknowledgement;
        }

        return read.Flags;
    }

    public void Count(bool fromOpener, int length)
    {
        if (fromOpener)
        {
            PacketsOut++;
            BytesOut += length;
        }
        else
        {
            PacketsBack++;
            BytesBack += length;
        }
    }

    public readonly FlowRecord Record() =>
        new()
        {
            FlowId = Id,
            Changes = Changes,
            Finished = IsFinished,
            NetworkId = Key.NetworkId,
            FromId = FromId,
            ToId = ToId,
            Protocol = Key.Protocol,
            Source = Source,
            SourcePort = SourcePort,
            Destination = Destination,
            DestinationPort = DestinationPort,
            Allowed = Reason == DropReason.None,
            Cut = Reason != DropReason.None && Opened,
            RuleId = RuleId,
            ApplicationId = ApplicationId,
            Reason = Reason == DropReason.None && Undelivered ? DropReason.PeerOffline : Reason,
            FirstSeen = FirstSeen,
            LastSeen = LastSeen,
            PacketsOut = PacketsOut,
            BytesOut = BytesOut,
            PacketsBack = PacketsBack,
            BytesBack = BytesBack,
        };
}
