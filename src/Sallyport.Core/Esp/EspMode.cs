using Sallyport.Core.Primitives;

namespace Sallyport.Core.Esp;

public enum EspMode : byte
{
    /// <summary>A whole IP packet is inside.</summary>
    Tunnel,

    /// <summary>What an IP packet carries is inside; its addresses are those of the SA.</summary>
    Transport,
}

/// <summary>Between which addresses an SA in transport mode is, as packets have them here.</summary>
/// <param name="IsTranslated">
/// The peer's TCP and UDP checksums are over other addresses, and are made anew: a NAT is between the two (RFC 3948 section 3.1.2), or these are not the addresses
/// of the path.
/// </param>
/// <param name="PathLocal">With <paramref name="PathRemote"/> what our own checksums are over when they leave; default: the same as here.</param>
public readonly record struct EspEnds(IpAddress Local, IpAddress Remote, bool IsTranslated, IpAddress PathLocal = default, IpAddress PathRemote = default);

/// <summary>What an SA may carry in each direction, counted in inner packets and their bytes (RFC 4301 section 4.4.2.1). 0: without a limit.</summary>
/// <param name="SoftBytes">From here on the next SA is due.</param>
/// <param name="HardBytes">Beyond it nothing passes any more.</param>
public readonly record struct EspLifetime(ulong SoftBytes, ulong HardBytes, ulong SoftPackets, ulong HardPackets)
{
    internal bool IsSoftOver(ulong bytes, ulong packets) => (SoftBytes != 0 && bytes >= SoftBytes) || (SoftPackets != 0 && packets >= SoftPackets);

    internal bool IsHardOver(ulong bytes, ulong packets) => (HardBytes != 0 && bytes >= HardBytes) || (HardPackets != 0 && packets >= HardPackets);
}
