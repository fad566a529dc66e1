using Sallyport.Core.Gateway;

namespace Sallyport.Core.OpenVpn.Door;

public enum DoorAction : byte
{
    /// <summary>Nothing is sent.</summary>
    Drop,

    /// <summary>The reply is sent to where the packet came from; nothing is remembered.</summary>
    Reply,

    /// <summary>A session is made of the admission.</summary>
    Admit,
}

/// <summary>What becomes of a packet that belongs to no session.</summary>
public readonly record struct DoorVerdict(DoorAction Action, DropReason Reason)
{
    internal static DoorVerdict Reply => new(DoorAction.Reply, DropReason.None);

    internal static DoorVerdict Admit => new(DoorAction.Admit, DropReason.None);

    internal static DoorVerdict Drop(DropReason reason) => new(DoorAction.Drop, reason);
}
