namespace Sallyport.Control.Store;

/// <summary>Nanoseconds since the Unix epoch, as they are stored and sent.</summary>
internal static class UnixTime
{
    public static long NowNanoseconds(this TimeProvider time) => time.GetUtcNow().ToUnixNanoseconds();

    public static long ToUnixNanoseconds(this DateTimeOffset at) => (at.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) * 100;

    public static DateTimeOffset ToTime(long nanoseconds) => DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / 100);

    public static DateTimeOffset? ToTime(long? nanoseconds) => nanoseconds is { } known ? ToTime(known) : null;
}
