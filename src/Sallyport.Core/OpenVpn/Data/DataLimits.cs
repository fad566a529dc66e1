namespace Sallyport.Core.OpenVpn.Data;

public static class DataLimits
{
    /// <summary>Packet ids are 32 bits and never wrap (CVE-2017-7479); stock peers renegotiate from here on.</summary>
    public const uint RenegotiateFromPacketId = 0xff00_0000;

    /// <summary>
    /// Packets plus 16-byte blocks under one GCM key (2.7; draft-irtf-cfrg-aead-limits section 5.1). Beyond it the key seals no more.
    /// </summary>
    public const ulong GcmBlocksMax = (1UL << 36) - 1;

    /// <summary>Stock 2.7 renegotiates at 7/8 of the limit.</summary>
    public const ulong GcmBlocksRenegotiate = GcmBlocksMax / 8 * 7;

    /// <summary>Forgeries after which a key opens no more (2.7; draft-irtf-cfrg-aead-limits section 5).</summary>
    public const ulong BadTagsMax = 1UL << 36;

    public const ulong BadTagsRenegotiate = BadTagsMax / 8 * 7;

    /// <summary>Peer ids are 24 bits; all ones means "none".</summary>
    public const uint NoPeerId = 0xff_ffff;

    /// <summary>Room that serves every format: 4 + 64 (SHA-512) + 16 + 4 + 2.</summary>
    public const int HeadroomMax = 96;

    /// <summary>Room that serves every format: padding 16 + swapped byte 1.</summary>
    public const int TailroomMax = 32;
}
