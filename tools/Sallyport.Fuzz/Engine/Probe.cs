using System.Runtime.CompilerServices;

namespace Sallyport.Fuzz.Engine;

/// <summary>
/// What a target tells about one input: where it went, and what did not hold. An input that goes where none went before is kept and mutated
/// further, which is as much guidance as there is without instrumented code.
/// </summary>
public sealed class Probe
{
    private const int FeaturesMax = 512;

    private readonly ulong[] _features = new ulong[FeaturesMax];
    private ulong _previous;

    public int Count { get; private set; }

    public ReadOnlySpan<ulong> Features => _features.AsSpan(0, Count);

    public void Clear()
    {
        Count = 0;
        _previous = 0;
    }

    /// <summary>The input came by this line with this value: an enum, a flag, a small count. Values of many kinds go through <see cref="Size"/>.</summary>
    public void Reach(long value = 0, [CallerLineNumber] int line = 0)
    {
        var here = Mix(((ulong)line << 32) ^ (ulong)value);
        Add(here);
        Add(Mix(here ^ (_previous * 3)));
        _previous = here;
    }

    /// <summary>As <see cref="Reach"/>, for a number of which only the magnitude is news.</summary>
    public void Size(long value, [CallerLineNumber] int line = 0) =>
        Reach(value <= 4 ? value : 64 - System.Numerics.BitOperations.LeadingZeroCount((ulong)value) + 4, line);

    /// <summary>A property of every input.</summary>
    public void That(bool holds, string what)
    {
        if (!holds)
        {
            throw new PropertyException(what);
        }
    }

    /// <summary>Goes before code whose allocations are bounded; see <see cref="AllocatedAtMost"/>.</summary>
    public static long StartMeter() => GC.GetAllocatedBytesForCurrentThread();

    public void AllocatedAtMost(long started, long bytes, string by)
    {
        var allocated = GC.GetAllocatedBytesForCurrentThread() - started;
        if (allocated > bytes)
        {
            throw new AllocationException(by, allocated, bytes);
        }
    }

    private void Add(ulong feature)
    {
        if (Count < FeaturesMax)
        {
            _features[Count++] = feature;
        }
    }

    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 32)) * 0xd6e8_feb8_6659_fd93;
        return value ^ (value >> 32);
    }
}

/// <summary>Something that must hold for every input did not.</summary>
public sealed class PropertyException(string what) : Exception(what);

/// <summary>An input made its parser allocate more than stated.</summary>
public sealed class AllocationException(string by, long allocated, long atMost)
    : Exception($"{by} allocated more than its {atMost} bytes")
{
    public override string ToString() => $"allocated {allocated} bytes: {base.ToString()}";
}
