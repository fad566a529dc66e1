namespace Sallyport.DataPlane.Linux;

/// <summary>Sleeps much shorter than the runtime's.</summary>
internal static unsafe class Pauses
{
    private const int PrSetTimerSlack = 29;
    private const int SlackNanoseconds = 1000;

    /// <summary>For the calling thread: the kernel may otherwise let it sleep 50 µs longer than it asked, to save wake-ups.</summary>
    public static void Sharpen() => _ = Native.PrCtl(PrSetTimerSlack, SlackNanoseconds, 0, 0, 0);

    public static void Pause(TimeSpan time)
    {
        var request = stackalloc long[2];
        request[0] = 0;
        request[1] = time.Ticks * 100;
        _ = Native.NanoSleep(request, null);
    }
}
