using System.Runtime.InteropServices;

namespace Sallyport.Daemon.Processes;

/// <summary>kill(2), which .NET offers for SIGKILL only.</summary>
internal static partial class Signals
{
    private const int Term = 15;
    private const int Kill = 9;

    /// <summary>Asks a process to end and waits; ends it by force after <paramref name="patience"/>. False where it is not ours to end.</summary>
    public static async Task<bool> EndAsync(int processId, TimeSpan patience)
    {
        if (SendSignal(processId, Term) != 0)
        {
            return !PidFile.IsAlive(processId);
        }

        for (var waited = TimeSpan.Zero; waited < patience; waited += Step)
        {
            if (!PidFile.IsAlive(processId))
            {
                return true;
            }

            await Task.Delay(Step);
        }

        _ = SendSignal(processId, Kill);
        for (var waited = TimeSpan.Zero; waited < patience && PidFile.IsAlive(processId); waited += Step)
        {
            await Task.Delay(Step);
        }

        return !PidFile.IsAlive(processId);
    }

    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int processId, int signal);
}
