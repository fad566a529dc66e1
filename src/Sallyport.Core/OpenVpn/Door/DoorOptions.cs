using Sallyport.Core.OpenVpn.Wrapping;

namespace Sallyport.Core.OpenVpn.Door;

public sealed record DoorOptions
{
    /// <summary>Up to 8, the one in use first and then retired ones whose clients are still about. The door copies them.</summary>
    public required IReadOnlyList<TlsCryptV2ServerKey> ServerKeys { get; init; }

    /// <summary>Seconds of a time slot: a cookie is good for two to three of them. Half of the handshake window in stock.</summary>
    public int CookieSlotSeconds { get; init; } = 30;
}
