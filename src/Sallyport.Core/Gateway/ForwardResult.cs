namespace Sallyport.Core.Gateway;

public enum ForwardKind : byte
{
    /// <summary>Give the packet to the tunnel of <see cref="ForwardResult.ToIdentityId"/>.</summary>
    Forward,

    /// <summary>Drop it, and give the refusal back to who sent it.</summary>
    Refuse,

    /// <summary>Drop it in silence.</summary>
    Drop,

    /// <summary>A later part of a datagram whose first one is not there yet; the forwarder keeps it. <see cref="Forwarder.TakeHeld"/> gives it back.</summary>
    Hold,

    /// <summary>It asks the gateway for a name: answer it.</summary>
    Resolve,
}

/// <summary>What becomes of one packet.</summary>
/// <param name="ToIdentityId">Who gets it; 0 unless forwarded.</param>
/// <param name="Length">Bytes of the packet to forward: what follows is padding. 0 unless forwarded.</param>
/// <param name="RefusalLength">Bytes written for the sender; 0 unless refused.</param>
/// <param name="Reason">Why it is not forwarded; <see cref="DropReason.None"/> where it is, and where it is the gateway's to answer.</param>
public readonly record struct ForwardResult(ForwardKind Kind, int ToIdentityId, int Length, int RefusalLength, DropReason Reason)
{
    /// <summary>The conversation is between two networks: <see cref="Forwarder.Translate"/> puts the addresses of the other one in before the packet leaves.</summary>
    public bool IsTranslated => Translation != 0;

    /// <summary>The port, or identifier of echo, that the opener has in the other network: for the packet thread that has the other end.</summary>
    public ushort GuestPort { get; internal init; }

    internal int Translation { get; init; }

    /// <summary>From the opener's network to the other one.</summary>
    internal bool IsOutbound { get; init; }

    /// <summary>Of a part of a datagram whose sender shares his address: what it is identified by there.</summary>
    internal ushort Identification { get; init; }

    internal static ForwardResult Forward(int toIdentityId, int length) => new(ForwardKind.Forward, toIdentityId, length, 0, DropReason.None);

    internal static ForwardResult Refuse(DropReason reason, int length) => new(ForwardKind.Refuse, 0, 0, length, reason);

    internal static ForwardResult Hold() => new(ForwardKind.Hold, 0, 0, 0, DropReason.None);

    internal static ForwardResult Resolve() => new(ForwardKind.Resolve, 0, 0, 0, DropReason.None);

    internal static ForwardResult Drop(DropReason reason) => new(ForwardKind.Drop, 0, 0, 0, reason);
}

/// <summary>What a change of the model cut at once.</summary>
/// <param name="FlowsCut">Flows that were alive and allowed and are not any more.</param>
/// <param name="LastPacketAt">When the last packet of any of them was forwarded; default where there was none.</param>
public readonly record struct CutReport(int FlowsCut, Primitives.Instant LastPacketAt);
