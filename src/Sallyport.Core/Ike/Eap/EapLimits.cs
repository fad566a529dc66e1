using Sallyport.Core.Crypto;

namespace Sallyport.Core.Ike.Eap;

/// <summary>Bounds of what an EAP peer can make us hold or do before it has proven anything.</summary>
public static class EapLimits
{
    /// <summary>Bytes of an identity: RFC 7542 section 2.2.</summary>
    public const int MaxIdentity = 253;

    /// <summary>
    /// Requests of one conversation. A flight of the largest size in pieces of 1,024 bytes is 64, there are two long flights, and the rest is few.
    /// </summary>
    public const int MaxRounds = 160;

    /// <summary>Bytes of TLS that one side says at once; what TLS itself would take.</summary>
    public const int MaxTlsMessage = TlsLimits.MaxUnreadCiphertext;

    /// <summary>Bytes of TLS in one packet, where nobody says otherwise: with all heads of IKE, ESP and tunnels around it below 1,280.</summary>
    public const int FragmentLength = 1024;
}
