namespace Sallyport.Cli.Output;

/// <summary>
/// A directory of private files, whose place is made sure of as <see cref="PrivateFile"/> does it: it appears whole, with mode 0700 and files of
/// mode 0600, or not at all. With force one that was written by us before is replaced, and nothing else.
/// </summary>
internal sealed class PrivateDirectory : IDisposable
{
    private readonly string path;
    private readonly string flag;
    private readonly string marker;
    private readonly string draft;
    private bool isKept;

    private PrivateDirectory(string path, string flag, string marker, string draft)
    {
        this.path = path;
        this.flag = flag;
        this.marker = marker;
        this.draft = draft;
    }

    /// <summary>Throws a <see cref="CliException"/> where the directory could not be written afterwards.</summary>
    /// <param name="flag">What named the path.</param>
    /// <param name="marker">A file that every such directory has.</param>
    public static PrivateDirectory Reserve(string path, bool force, string flag, string marker)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (File.Exists(full))
        {
            throw new CliException(ExitCodes.Usage, $"{path} is a file, and the profile has several", flag, "Name a directory that is not there yet.");
        }

        if (Directory.Exists(full) && (!force || !File.Exists(Path.Combine(full, marker))))
        {
            throw new CliException(
                ExitCodes.Refused,
                $"{path} exists already{(force ? " and is no profile" : "")}; nothing was created",
                flag,
                force ? "Name another directory: only one with a profile in it is replaced." : "Name another directory, or add --force to replace it.");
        }

        var draft = $"{full}.{Environment.ProcessId}.part";
        try
        {
            if (!Directory.Exists(Path.GetDirectoryName(full)))
            {
                throw new DirectoryNotFoundException();
            }

            Directory.CreateDirectory(draft, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            return new PrivateDirectory(full, flag, marker, draft);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CliException(
                ExitCodes.Refused, $"{path} cannot be written: {CliException.Why(error)}; nothing was created", flag, "Name a directory where you may write.");
        }
    }

    /// <summary>Puts the files where they belong. A name may have directories before it, and leads nowhere else than in here.</summary>
    public void Commit(IEnumerable<(string Name, byte[] Content)> files)
    {
        isKept = true; // a key in it exists nowhere else
        foreach (var (name, content) in files)
        {
            var file = Path.GetFullPath(Path.Combine(draft, name));
            if (!file.StartsWith(draft + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                throw new CliException(ExitCodes.Refused, $"the server names a file {name}, outside of the profile", flag, "This is not the Sallyport that you mean.");
            }

            Directory.CreateDirectory(Path.GetDirectoryName(file)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite };
            using var stream = new FileStream(file, options);
            stream.Write(content);
            stream.Flush(flushToDisk: true);
        }

        try
        {
            Replace();
        }
        catch (IOException error)
        {
            throw new CliException(
                ExitCodes.Refused, $"{path} cannot be written: {CliException.Why(error)}", flag, $"What was written is in {draft}; move it to where it belongs.");
        }
    }

    public void Dispose()
    {
        if (!isKept)
        {
            Directory.Delete(draft, recursive: true);
        }
    }

    private void Replace()
    {
        if (!File.Exists(Path.Combine(path, marker)))
        {
            Directory.Move(draft, path);
            return;
        }

        var old = $"{draft}.old";
        Directory.Move(path, old);
        Directory.Move(draft, path);
        Directory.Delete(old, recursive: true);
    }
}
