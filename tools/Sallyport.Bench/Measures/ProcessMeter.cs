using System.Globalization;
using System.Runtime.InteropServices;

namespace Sallyport.Bench.Measures;

/// <summary>What a process that is not ours to ask has used.</summary>
internal static partial class ProcessMeter
{
    // Linux makes a clock id of a process id: the complement, and the scheduler's count (2) in the low bits.
    private const int SchedulerClock = 2;

    /// <summary>User and system time of all threads, also of those that have ended, in seconds; nanoseconds fine.</summary>
    public static unsafe double CpuSeconds(int processId)
    {
        Timespec time;
        return clock_gettime((~processId << 3) | SchedulerClock, &time) == 0
            ? time.Seconds + (time.Nanoseconds / 1e9)
            : throw new InvalidOperationException($"process {processId} is gone");
    }

    /// <summary>Resident memory in KiB, counted page by page (VmRSS may be off by some pages per thread).</summary>
    public static long ResidentKib(int processId)
    {
        var line = File.ReadLines($"/proc/{processId}/smaps_rollup").First(line => line.StartsWith("Rss:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    [LibraryImport("libc")]
    private static unsafe partial int clock_gettime(int clock, Timespec* time);

    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
