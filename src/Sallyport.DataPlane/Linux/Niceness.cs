namespace Sallyport.DataPlane.Linux;

/// <summary>Who goes first where threads share a core.</summary>
internal static class Niceness
{
    private const int PriorityOfProcess = 0;

    /// <summary>The calling thread steps back for those of other kinds; anybody may. On Linux 0 is the calling thread, not its process (setpriority(2)).</summary>
    public static void StepBack(int niceness) => _ = Native.SetPriority(PriorityOfProcess, 0, niceness);
}
