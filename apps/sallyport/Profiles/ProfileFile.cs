using System.Text;
using Sallyport.Api.Credentials;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Profiles;

/// <summary>Where a profile goes: a private file whose place is made sure of before anything is created on the server, or standard output.</summary>
internal sealed class ProfileFile : IDisposable
{
    public const string StandardOutput = "-";

    private readonly PrivateFile? file;

    private ProfileFile(string path, PrivateFile? file)
    {
        Path = path;
        this.file = file;
    }

    public string Path { get; }

    public bool IsStandardOutput => Path == StandardOutput;

    /// <summary>Throws a <see cref="CliException"/> where the profile could not be written afterwards.</summary>
    public static ProfileFile Reserve(string path, bool force) =>
        new(path, path == StandardOutput ? null : PrivateFile.Reserve(path, force, "--profile", "pump-17.ovpn"));

    /// <summary>Writes the profile where it belongs. <paramref name="standardOutput"/> takes it for "-".</summary>
    public void Commit(ProfileIssued profile, Action<string> standardOutput)
    {
        if (file is null)
        {
            standardOutput(profile.Text);
            return;
        }

        file.Stream.Write(Encoding.UTF8.GetBytes(profile.Text));
        file.Commit();
    }

    public void Dispose() => file?.Dispose();
}
