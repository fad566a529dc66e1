namespace Sallyport.Simulator.Linux;

/// <summary>How nice the calling thread is to others.</summary>
internal static class Niceness
{
    /// <summary>On Linux the priority is a thread's own, and 0 means the caller (setpriority(2)).</summary>
    public static void Set(int niceness)
    {
        if (niceness > 0)
        {
            Native.Check(Native.SetPriority(Native.PriorityOfProcess, 0, niceness), "setpriority");
        }
    }
}
