namespace Sallyport.Control.Store;

/// <summary>Nanoseconds since the Unix epoch, as they are stored and sent.</summary>
internal static class UnixTime
{
    public static long NowNanoseconds(this TimeProvider time) => time.GetUtcNow().ToUnixNanoseconds();

    /// <summary>What lies before 1677 or after 2262 is the end of what can be said.</summary>
    public static long ToUnixNanoseconds(this DateTimeOffset at) =>
        Math.Clamp(at.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks, long.MinValue / 100, long.MaxValue / 100) * 100;

    public static DateTimeOffset ToTime(long nanoseconds) => DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / 100);

    public static DateTimeOffset? ToTime(long? nanoseconds) => nanoseconds is { } known ? ToTime(known) : null;
}
