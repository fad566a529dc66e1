namespace Sallyport.DataPlane.Dns;

/// <summary>Every bound of answering names, with where it comes from.</summary>
internal static class DnsServiceLimits
{
    /// <summary>Questions of one identity at once, and one more each interval: a site asks for a whole plant. An answer of our own takes microseconds.</summary>
    public const int QueryBurst = 200;

    public static readonly TimeSpan QueryInterval = TimeSpan.FromMilliseconds(10);

    /// <summary>
    /// New lines in the log that one identity causes at once, and one more each interval: 43,000 a day at worst. What it asks beyond is counted
    /// in one line of its own.
    /// </summary>
    public const int LogBurst = 100;

    public static readonly TimeSpan LogInterval = TimeSpan.FromSeconds(2);

    /// <summary>Different questions of one shard that wait to be reported.</summary>
    public const int LogWindowMax = 8192;

    /// <summary>Of one identity among them, once half of the places are taken: what it asks beyond is counted in its own line.</summary>
    public const int LogLinesWhenScarce = 8;

    /// <summary>The same question within this time is one line.</summary>
    public static readonly TimeSpan LogWindow = TimeSpan.FromSeconds(1);

    /// <summary>Addresses of an answer that the log keeps.</summary>
    public const int LogAddressesMax = 8;

    /// <summary>
    /// Questions that wait for other servers, each with a socket; and of one identity among them. Where all places are taken, who has clearly
    /// more than the one who asks gives one up.
    /// </summary>
    public const int OutstandingMax = 512;

    public const int OutstandingPerIdentityMax = 32;

    /// <summary>Questions on their way to the thread that asks.</summary>
    public const int InboxMax = 1024;

    /// <summary>Of one identity among them: as many as may wait for servers, and few once half of the places are taken.</summary>
    public const int InboxPerIdentityMax = OutstandingPerIdentityMax;

    public const int InboxPerIdentityWhenScarce = 4;

    /// <summary>Those over TCP: up to 64 KB each.</summary>
    public const int StreamsMax = 32;

    /// <summary>A server is asked, then the next, or the same again; glibc gives a server five seconds in all.</summary>
    public const int AttemptsMax = 3;

    public static readonly TimeSpan AttemptTime = TimeSpan.FromMilliseconds(1400);

    public static readonly TimeSpan StreamTime = TimeSpan.FromSeconds(3);

    /// <summary>
    /// How long an address is one of a name: so long that a client that resolves first can connect, and no longer than caches keep what
    /// they were told (RFC 8767 section 4 would have a day, or a week).
    /// </summary>
    public const uint TieSecondsMin = 60;

    public const uint TieSecondsMax = 86_400;

    /// <summary>Addresses of names that are remembered: of one answer, of one identity, and of all, some 100 bytes each.</summary>
    public const int TiesPerAnswerMax = 64;

    public const int TiesPerIdentityMax = 256;

    public const int TiesMax = 500_000;

    /// <summary>Datagrams that answer something else than was asked, of one attempt: somebody guesses. Then its server counts as silent.</summary>
    public const int StrayAnswersMax = 16;
}
