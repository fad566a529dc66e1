using System.Text;
using Sallyport.Api.Credentials;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Profiles;

/// <summary>
/// Where a profile goes: a private file, or a directory of them, whose place is made sure of before anything is created on the server; or
/// standard output.
/// </summary>
internal sealed class ProfileFile : IDisposable
{
    public const string StandardOutput = "-";

    /// <summary>In every directory of a profile.</summary>
    public const string Sheet = "sheet.txt";

    private readonly PrivateFile? file;
    private readonly PrivateDirectory? directory;

    private ProfileFile(string path, PrivateFile? file, PrivateDirectory? directory)
    {
        Path = path;
        this.file = file;
        this.directory = directory;
    }

    public string Path { get; }

    public bool IsStandardOutput => Path == StandardOutput;

    /// <summary>Throws a <see cref="CliException"/> where the profile could not be written afterwards.</summary>
    public static ProfileFile Reserve(string path, bool force, bool asDirectory = false) =>
        path == StandardOutput ? new(path, null, null)
        : asDirectory ? new(path, null, PrivateDirectory.Reserve(path, force, "--profile", Sheet))
        : new(path, PrivateFile.Reserve(path, force, "--profile", "pump-17.ovpn; a directory is for --protocol ipsec"), null);

    /// <summary>Writes the profile where it belongs. <paramref name="standardOutput"/> takes it for "-".</summary>
    public void Commit(ProfileIssued profile, Action<string> standardOutput)
    {
        if (directory is not null)
        {
            directory.Commit(profile.Files.Select(part => (part.Name, part.IsBase64 ? Convert.FromBase64String(part.Text) : Encoding.UTF8.GetBytes(part.Text))));
            return;
        }

        if (file is null)
        {
            standardOutput(profile.Text);
            return;
        }

        file.Stream.Write(Encoding.UTF8.GetBytes(profile.Text));
        file.Commit();
    }

    public void Dispose()
    {
        file?.Dispose();
        directory?.Dispose();
    }
}
