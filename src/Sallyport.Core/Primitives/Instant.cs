namespace Sallyport.Core.Primitives;

/// <summary>
/// A point in time: nanoseconds since the Unix epoch on a clock that never steps back.
/// The shell makes one per turn of its loop (wall clock at start plus monotonic time since);
/// tests and simulations make their own.
/// </summary>
public readonly record struct Instant(long Nanoseconds) : IComparable<Instant>
{
    /// <summary>Later than every deadline: "never".</summary>
    public static Instant Never => new(long.MaxValue);

    public long UnixSeconds => Nanoseconds / 1_000_000_000;

    public static Instant FromUnixSeconds(long seconds) => new(seconds * 1_000_000_000);

    public int CompareTo(Instant other) => Nanoseconds.CompareTo(other.Nanoseconds);

    public static Instant Min(Instant a, Instant b) => a.Nanoseconds <= b.Nanoseconds ? a : b;

    public static Instant Max(Instant a, Instant b) => a.Nanoseconds >= b.Nanoseconds ? a : b;

    public static bool operator <(Instant a, Instant b) => a.Nanoseconds < b.Nanoseconds;

    public static bool operator >(Instant a, Instant b) => a.Nanoseconds > b.Nanoseconds;

    public static bool operator <=(Instant a, Instant b) => a.Nanoseconds <= b.Nanoseconds;

    public static bool operator >=(Instant a, Instant b) => a.Nanoseconds >= b.Nanoseconds;

    public static Instant operator +(Instant a, TimeSpan by) => new(a.Nanoseconds + (by.Ticks * 100));

    public static Instant operator -(Instant a, TimeSpan by) => new(a.Nanoseconds - (by.Ticks * 100));

    public static TimeSpan operator -(Instant a, Instant b) => new((a.Nanoseconds - b.Nanoseconds) / 100);
}
