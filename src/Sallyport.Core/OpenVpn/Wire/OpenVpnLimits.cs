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

    /// <summary>
    /// Negotiations of later keys that the peer may begin: so many at once, then one each interval. Each costs milliseconds of TLS; stock
    /// clients begin one an hour, and the shortest interval that anybody configures is some seconds.
    /// </summary>
    public const int SoftResetBurst = 4;

    public static readonly TimeSpan SoftResetInterval = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Negotiations of later keys that may come to nothing in a row. With the windows and pauses between them the peer has about five
    /// minutes, longer than it takes stock's keepalive to find out that the path is gone.
    /// </summary>
    public const int FailedRenegotiationsMax = 3;

    /// <summary>
    /// Sessions that one credential or identity may begin: so many at once, then one each interval. Two clones, a device on a bad radio
    /// link or one that is restarted by hand stay below it: stock waits one to five seconds between attempts, and longer each time.
    /// </summary>
    public const int SessionBurst = 10;

    public static readonly TimeSpan SessionInterval = TimeSpan.FromSeconds(2);

    /// <summary>Credentials whose latest sessions are remembered; a bucket is full again after twenty seconds.</summary>
    public const int SessionBuckets = 65_536;

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
    /// Answers to resets without any key that nobody confirmed, per source prefix (IPv4 /24, IPv6 /56) and window. Stock has a tenth of that
    /// for the whole server. An answer is never longer than its request, and this many are 43 kbit/s with their IP headers: what it
    /// bounds is how much of somebody else's flood seems to come from us.
    /// </summary>
    public const int PlainResetsPerPrefix = 1000;

    /// <summary>
    /// The same for one address: the devices behind one NAT that come back at once, while each confirms what it asked for within
    /// a round trip.
    /// </summary>
    public const int PlainResetsPerAddress = 50;

    public static readonly TimeSpan PlainResetWindow = TimeSpan.FromSeconds(10);

    /// <summary>How long an address that confirmed an answer counts as one of ours: a day, as long as a changing address usually stays.</summary>
    public static readonly TimeSpan PlainResetProof = TimeSpan.FromDays(1);

    /// <summary>Counters of source prefixes and of addresses; those that share one share its limit. Fixed, so that spoofed sources grow nothing.</summary>
    public const int PlainResetPrefixes = 4096;

    public const int PlainResetAddresses = 16_384;
}
