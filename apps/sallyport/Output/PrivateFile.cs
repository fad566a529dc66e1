namespace Sallyport.Cli.Output;

/// <summary>
/// The place of a file, made sure of before the server is asked for what goes into it: what exists is not overwritten unless that is
/// wanted, and what cannot be written is known early. The file appears whole, with mode 0600, or not at all, and no link is followed.
/// </summary>
internal sealed class PrivateFile : IDisposable
{
    private readonly string path;
    private readonly string flag;
    private readonly bool force;
    private readonly string draft;
    private bool isKept;

    private PrivateFile(string path, string flag, bool force, string draft, FileStream stream)
    {
        this.path = path;
        this.flag = flag;
        this.force = force;
        this.draft = draft;
        Stream = stream;
    }

    public FileStream Stream { get; }

    /// <summary>Throws a <see cref="CliException"/> where the file could not be written afterwards.</summary>
    /// <param name="flag">What named the path.</param>
    /// <param name="example">A name that would do.</param>
    public static PrivateFile Reserve(string path, bool force, string flag, string example)
    {
        var full = Path.GetFullPath(path);
        if (Directory.Exists(full))
        {
            throw new CliException(ExitCodes.Usage, $"{path} is a directory", flag, $"Name a file, such as {example}.");
        }

        if (File.Exists(full) && !force)
        {
            throw new CliException(
                ExitCodes.Refused, $"{path} exists already; nothing was created", flag, "Name another file, or add --force to replace it.");
        }

        var draft = $"{full}.{Environment.ProcessId}.part";
        try
        {
            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                Share = FileShare.None,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            };
            return new PrivateFile(path, flag, force, draft, new FileStream(draft, options));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CliException(
                ExitCodes.Refused,
                $"{path} cannot be written: {CliException.Why(error)}; nothing was created",
                flag,
                "Name a file in a directory that you may write to.");
        }
    }

    /// <summary>Puts what was written where it belongs.</summary>
    public void Commit()
    {
        Stream.Flush(flushToDisk: true);
        Stream.Dispose();
        isKept = true; // a key in it exists nowhere else
        try
        {
            File.Move(draft, Path.GetFullPath(path), overwrite: force);
        }
        catch (IOException error)
        {
            throw new CliException(
                ExitCodes.Refused, $"{path} cannot be written: {CliException.Why(error)}", flag, $"What was written is in {draft}; move it to where it belongs.");
        }
    }

    public void Dispose()
    {
        Stream.Dispose();
        if (!isKept)
        {
            File.Delete(draft);
        }
    }
}
