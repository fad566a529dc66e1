using System.Globalization;
using Sallyport.Daemon.Processes;
using Sallyport.Daemon.Settings;

namespace Sallyport.Daemon.Commands;

/// <summary>
/// What a running sallyportd says of itself once devices can connect; in a file, so that another process can wait for it.
/// </summary>
internal static class ReadyNote
{
    public static void Write(DaemonSettings settings, string text)
    {
        var path = PathOf(settings);
        File.WriteAllText(path + ".new", string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}\n{text}"));
        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>Null until the process is ready, and when the note is another process's.</summary>
    public static string? Read(DaemonSettings settings, int processId)
    {
        try
        {
            var text = File.ReadAllText(PathOf(settings));
            var end = text.IndexOf('\n', StringComparison.Ordinal);
            return end > 0 && text[..end] == processId.ToString(CultureInfo.InvariantCulture) ? text[(end + 1)..] : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    public static void Remove(DaemonSettings settings) => File.Delete(PathOf(settings));

    public static string Text(DaemonSettings settings, IReadOnlyList<string> listening, bool isEmpty)
    {
        var devices = listening.Count > 0 ? string.Join(", ", listening) : "nowhere";
        var https = settings.ApiHttps.Count > 0 ? string.Join(", ", settings.ApiHttps.Select(e => $"https://{e}")) : "https is off";
        var token = Path.Combine(settings.DataDirectory, DataDirectoryNames.AdminToken);
        var next = isEmpty ? "\n  next                ./sallyport network add plant-a --prefix 10.20.0.0/16   (./sallyport --help shows all)" : "";
        return $"""
            Sallyport is ready.
              devices connect to  {settings.Endpoint}
              listening           {devices}
              API                 {settings.ApiSocket}, {https}
              data                {settings.DataDirectory}
              settings            {settings.ConfigFile ?? "defaults and variables (no sallyport.yaml)"}
              the CLI is authorised by {token}, which only {Environment.UserName} can read{next}

            """;
    }

    private static string PathOf(DaemonSettings settings) => Path.Combine(settings.DataDirectory, DataDirectoryNames.ControlState);
}
