using System.Runtime.InteropServices;

namespace Sallyport.Daemon.Processes;

/// <summary>Calls of the system that .NET does not offer: kill(2) for other signals than SIGKILL, umask(2).</summary>
internal static partial class Signals
{
    private const int Term = 15;
    private const int Kill = 9;

    /// <summary>
    /// Asks a process to end and waits; ends it by force after <paramref name="patience"/>. False where it is not ours to end.
    /// </summary>
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

    /// <summary>New files and sockets of this process are for its user alone.</summary>
    public static void MakeFilesPrivate() => _ = SetMask(0x3f); // octal 077

    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int processId, int signal);

    [LibraryImport("libc", EntryPoint = "umask")]
    private static partial uint SetMask(uint mask);
}
