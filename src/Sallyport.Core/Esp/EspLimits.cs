namespace Sallyport.Core.Esp;

/// <summary>Every bound of an SA, with where it comes from.</summary>
public static class EspLimits
{
    /// <summary>SPIs up to here are reserved (RFC 4303 section 2.1).</summary>
    public const uint ReservedSpis = 255;

    /// <summary>
    /// Sequence numbers never wrap (RFC 4303 section 3.3.3). Without extended ones the next SA is due here: at a million packets a second
    /// four minutes are left.
    /// </summary>
    public const uint RekeyFromSequence = 0xf000_0000;

    /// <summary>
    /// Packets plus 16-byte blocks under one GCM or GMAC key (NIST SP 800-38D; draft-irtf-cfrg-aead-limits section 5.1). Beyond it the SA seals no more.
    /// </summary>
    public const ulong GcmBlocksMax = (1UL << 36) - 1;

    public const ulong GcmBlocksRekey = GcmBlocksMax / 8 * 7;

    /// <summary>Forgeries after which an SA opens no more (draft-irtf-cfrg-aead-limits section 5).</summary>
    public const ulong BadTagsMax = 1UL << 36;

    public const ulong BadTagsRekey = BadTagsMax / 8 * 7;

    /// <summary>Bytes before an inner packet that serve every suite: SPI 4, sequence number 4, IV 16.</summary>
    public const int HeadroomMax = 24;

    /// <summary>Bytes behind it, without TFC padding: padding 15, its length 1, next header 1, the tag of SHA-512 32.</summary>
    public const int TailroomMax = 49;

    /// <summary>Bytes that an opened packet of transport mode grows by to its front: an IPv6 header less SPI, sequence number and IV.</summary>
    public const int OpeningHeadroomMax = 24;
}
