using System.Runtime.InteropServices;

namespace Sallyport.Bench.Measures;

/// <summary>CPU time of this thread inside the measured calls; what lies between them does not count.</summary>
internal sealed partial class ThreadCpu
{
    private const int ThreadClock = 3;
    private long started;

    public double Seconds { get; private set; }

    public void Start() => started = Now();

    public void Stop() => Seconds += (Now() - started) / 1e9;

    private static unsafe long Now()
    {
        Timespec time;
        return clock_gettime(ThreadClock, &time) == 0
            ? (time.Seconds * 1_000_000_000) + time.Nanoseconds
            : throw new InvalidOperationException("no CPU clock of this thread");
    }

    [LibraryImport("libc")]
    private static unsafe partial int clock_gettime(int clock, Timespec* time);

    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
