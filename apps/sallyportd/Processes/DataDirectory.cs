using Sallyport.Daemon.Settings;

namespace Sallyport.Daemon.Processes;

/// <summary>The directory that everything lives in; private to its owner.</summary>
internal static class DataDirectory
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Makes it with mode 0700, or proves that it can be used.</summary>
    public static SettingProblem? Prepare(string path)
    {
        try
        {
            if (File.Exists(path))
            {
                return Unusable(path, "it is a file");
            }

            Directory.CreateDirectory(path, Private);
            if (File.GetUnixFileMode(path) != Private)
            {
                File.SetUnixFileMode(path, Private);
            }

            var probe = Path.Combine(path, $".probe-{Environment.ProcessId}");
            File.WriteAllText(probe, "");
            File.Delete(probe);
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Unusable(path, error.Message);
        }
    }

    /// <summary>Null where another sallyportd holds it. The kernel releases it however the process ends.</summary>
    public static FileStream? TryLock(string path)
    {
        try
        {
            return new FileStream(Path.Combine(path, DataDirectoryNames.Lock), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static SettingProblem Unusable(string path, string why) => new(
        "data",
        $"the data directory {path} cannot be used: {why}",
        $"Name a directory that user {Environment.UserName} may write with SALLYPORT_DATA, or: sudo chown {Environment.UserName} '{path}'");
}
