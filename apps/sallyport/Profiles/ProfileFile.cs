using Sallyport.Api.Credentials;

namespace Sallyport.Cli.Profiles;

/// <summary>
/// The place of a profile, made sure of before anything is created on the server: what exists is not overwritten, and what cannot be
/// written is known early. The file appears whole, with mode 0600, or not at all.
/// </summary>
internal sealed class ProfileFile : IDisposable
{
    public const string StandardOutput = "-";

    private readonly bool force;
    private readonly string draft;
    private FileStream? stream;

    private ProfileFile(string path, bool force, string draft, FileStream? stream)
    {
        Path = path;
        this.force = force;
        this.draft = draft;
        this.stream = stream;
    }

    public string Path { get; }

    public bool IsStandardOutput => Path == StandardOutput;

    /// <summary>Throws a <see cref="CliException"/> where the profile could not be written afterwards.</summary>
    public static ProfileFile Reserve(string path, bool force)
    {
        if (path == StandardOutput)
        {
            return new ProfileFile(path, force, "", null);
        }

        var full = System.IO.Path.GetFullPath(path);
        if (Directory.Exists(full))
        {
            throw new CliException(ExitCodes.Usage, $"{path} is a directory", "--profile", "Name a file, such as pump-17.ovpn.");
        }

        if (File.Exists(full) && !force)
        {
            throw new CliException(
                ExitCodes.Refused,
                $"{path} exists already; nothing was created",
                "--profile",
                "Name another file, or add --force to replace it.");
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
            return new ProfileFile(path, force, draft, new FileStream(draft, options));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CliException(
                ExitCodes.Refused,
                $"{path} cannot be written: {CliException.Why(error)}; nothing was created",
                "--profile",
                "Name a file in a directory that you may write to.");
        }
    }

    /// <summary>Writes the profile where it belongs. <paramref name="standardOutput"/> takes it for "-".</summary>
    public void Commit(ProfileIssued profile, Action<string> standardOutput)
    {
        if (stream is null)
        {
            standardOutput(profile.Text);
            return;
        }

        using (var writer = new StreamWriter(stream))
        {
            writer.Write(profile.Text);
            writer.Flush();
            stream.Flush(flushToDisk: true);
        }

        stream = null;
        try
        {
            File.Move(draft, System.IO.Path.GetFullPath(Path), overwrite: force);
        }
        catch (IOException error)
        {
            // The key in it exists nowhere else: it stays where it is.
            throw new CliException(
                ExitCodes.Refused,
                $"{Path} cannot be written: {CliException.Why(error)}",
                "--profile",
                $"The profile is in {draft}; move it to where it belongs.");
        }
    }

    public void Dispose()
    {
        if (stream is not null)
        {
            stream.Dispose();
            File.Delete(draft);
        }
    }
}
