using System.Globalization;

/// <summary>
/// Writes what the garbage collector of this process has cost to SALLYPORT_GC_WATCH/PID, twice a second: collections, the sum of their
/// pauses and the longest pause, in milliseconds. (A pause is as long as the pauses between two looks, 10 ms apart, together: never told
/// too short.)
/// </summary>
internal static class StartupHook
{
    private const int LookEveryMilliseconds = 10;
    private const int WriteEveryLooks = 50;

    /// <summary>Called by the runtime before Main.</summary>
    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable("SALLYPORT_GC_WATCH") is { Length: > 0 } directory && Directory.Exists(directory))
        {
            var file = Path.Combine(directory, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            new Thread(() => Watch(file)) { IsBackground = true, Name = "gc-watch" }.Start();
        }
    }

    private static void Watch(string file)
    {
        using var never = new ManualResetEventSlim();
        var (before, longest) = (TimeSpan.Zero, TimeSpan.Zero);
        for (var look = 0; ; look++)
        {
            var total = GC.GetTotalPauseDuration();
            longest = total - before > longest ? total - before : longest;
            before = total;
            if (look % WriteEveryLooks == 0)
            {
                Write(file, total, longest);
            }

            never.Wait(LookEveryMilliseconds);
        }
    }

    private static void Write(string file, TimeSpan total, TimeSpan longest)
    {
        try
        {
            File.WriteAllText(file, string.Create(CultureInfo.InvariantCulture, $"{GC.CollectionCount(0)} {total.TotalMilliseconds:0.###} {longest.TotalMilliseconds:0.###}\n"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Who measures sees the old figures; the program that is measured must not end of it.
        }
    }
}
