using Sallyport.Daemon.Processes;
using Sallyport.Daemon.Settings;

namespace Sallyport.Daemon.Commands;

/// <summary>
/// That both processes are being ended, for the one that goes first: SIGTERM alone leaves the gateway to the next sallyportd. A file,
/// because a process that a shell put into the background may ignore SIGINT.
/// </summary>
internal static class EndingNote
{
    public static void Write(DaemonSettings settings) => File.WriteAllText(PathOf(settings), "");

    public static bool Exists(DaemonSettings settings) => File.Exists(PathOf(settings));

    public static void Remove(DaemonSettings settings) => File.Delete(PathOf(settings));

    private static string PathOf(DaemonSettings settings) => Path.Combine(settings.DataDirectory, DataDirectoryNames.Ending);
}
