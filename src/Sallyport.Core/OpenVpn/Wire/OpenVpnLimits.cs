namespace Sallyport.Core.OpenVpn.Wire;

/// <summary>Every bound of the OpenVPN control channel. "Stock" is OpenVPN 2.6, whose peers must keep working.</summary>
public static class OpenVpnLimits
{
    /// <summary>Bytes of a control datagram that we send, IP and UDP headers included: stock's default of max-packet-size.</summary>
    public const int MaxControlDatagram = 1250;

    /// <summary>IPv6 and UDP headers: the larger of the two families, so that one budget serves both.</summary>
    public const int IpUdpHeaders = 48;

    /// <summary>Bytes of a control packet that we accept: 2.4 and 2.5 fill 1500-byte links and do not count their own wrapping.</summary>
    public const int MaxControlPacket = 1600;

    /// <summary>Bytes of a packet on a TCP stream: tun-mtu 1500 with every overhead known, rounded up.</summary>
    public const int MaxStreamPacket = 2048;

    /// <summary>Unacknowledged messages in flight; stock sends as many and 2.4 buffers 8.</summary>
    public const int SendWindow = 6;

    /// <summary>Messages accepted ahead of the next expected one, stock's receive window.</summary>
    public const int ReceiveWindow = 12;

    /// <summary>Acknowledgements in one packet; stock refuses more.</summary>
    public const int MaxAcks = 8;

    /// <summary>Acknowledgements that ride on a packet with a message, and the most that SoftEther peers read.</summary>
    public const int MaxPiggybackedAcks = 4;

    /// <summary>Acknowledgements remembered in order to be repeated, as stock 2.6 does.</summary>
    public const int RecentAcks = 8;

    /// <summary>Acknowledgements waiting to be sent: a full receive window and a few repeats of lost ones.</summary>
    public const int PendingAcks = 16;

    /// <summary>Retransmission starts here (tls-timeout) and doubles.</summary>
    public static readonly TimeSpan FirstRetransmit = TimeSpan.FromSeconds(2);

    /// <summary>Where doubling ends: the first power of two beyond stock's hand-window, so that handshakes never meet it.</summary>
    public static readonly TimeSpan LongestRetransmit = TimeSpan.FromSeconds(64);

    /// <summary>Acknowledgements of later messages after which an earlier one is taken for lost, as stock does.</summary>
    public const int FastRetransmitAcks = 3;

    /// <summary>The TLS plaintext buffer of a stock peer.</summary>
    public const int MaxTlsPlaintext = 2048;

    /// <summary>Packets behind the newest whose replay counter is still accepted: stock's replay-window.</summary>
    public const int ControlReplayWindow = 64;

    /// <summary>Bytes of a static key: two directions, each with 64 bytes for a cipher and 64 for an HMAC.</summary>
    public const int StaticKeyLength = 256;

    /// <summary>Shortest WKc: tag 32, client key 256, length field 2.</summary>
    public const int MinWrappedKey = 290;

    /// <summary>Longest WKc, tls-crypt-v2.txt.</summary>
    public const int MaxWrappedKey = 1024;

    /// <summary>Metadata in a WKc with its type byte: what MaxWrappedKey leaves.</summary>
    public const int MaxMetadata = MaxWrappedKey - MinWrappedKey;

    /// <summary>Legacy wrappings that the door tries on a packet; bounds the work that a forged packet causes.</summary>
    public const int MaxLegacyWrappings = 32;

    /// <summary>tls-crypt-v2 server keys that the door tries on a packet: the current one and retired ones.</summary>
    public const int MaxServerKeys = 8;

    /// <summary>Bytes swallowed after an illegal stream before it is closed: at least this many, and up to twice, chosen at random.</summary>
    public const int MinPoisonedBytes = 4096;

    /// <summary>Time slots of the stateless handshake in which a cookie is taken: its own and two more, stock's choice.</summary>
    public const int CookieSlots = 3;

    /// <summary>How long one secret makes cookies. The secret before stays until its last cookie is too old.</summary>
    public static readonly TimeSpan CookieSecretLifetime = TimeSpan.FromHours(1);

    /// <summary>
    /// Answers to resets without any key, per source prefix (IPv4 /24, IPv6 /56) and window. Stock has the same numbers for the whole server, which
    /// a fleet behind many addresses exceeds at every restart of its gateway.
    /// </summary>
    public const int PlainResetsPerWindow = 100;

    public static readonly TimeSpan PlainResetWindow = TimeSpan.FromSeconds(10);

    /// <summary>Counters of source prefixes; prefixes that share one share its limit. Fixed, so that spoofed sources grow nothing.</summary>
    public const int PlainResetCounters = 4096;
}
