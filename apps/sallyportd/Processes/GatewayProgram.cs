using System.Diagnostics;

namespace Sallyport.Daemon.Processes;

/// <summary>Where the gateway's program is, and how it is started so that it outlives us.</summary>
internal sealed record GatewayProgram(string File, string DataDirectory)
{
    public const string Name = "sallyport-gateway";

    /// <summary>What the gateway of this machine is called in lists and records.</summary>
    public const string LocalName = "local";

    /// <summary>
    /// Beside us when installed, in its own folder of the build output otherwise; SALLYPORT_GATEWAY_PROGRAM names another.
    /// </summary>
    public static GatewayProgram? Find(string dataDirectory)
    {
        var here = AppContext.BaseDirectory;
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(here));
        string?[] places =
        [
            Environment.GetEnvironmentVariable("SALLYPORT_GATEWAY_PROGRAM"),
            Path.Combine(here, Name),
            Path.GetFullPath(Path.Combine(here, "..", "..", Name, configuration, Name)),
        ];
        return places.FirstOrDefault(p => !string.IsNullOrEmpty(p) && System.IO.File.Exists(p)) is { } file
            ? new GatewayProgram(file, dataDirectory)
            : null;
    }

    /// <summary>
    /// A session of its own: what ends our terminal or our process group does not end the tunnels. The shell replaces itself twice,
    /// so the process id is the gateway's.
    /// </summary>
    public Process Start()
    {
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("""exec setsid "$0" --data "$1" --control "$2" --name "$3" --log "$4" --log "$5" </dev/null >>"$4" 2>&1""");
        start.ArgumentList.Add(File);
        start.ArgumentList.Add(DataDirectory);
        start.ArgumentList.Add(Path.Combine(DataDirectory, DataDirectoryNames.NodeSocket));
        start.ArgumentList.Add(LocalName);
        start.ArgumentList.Add(Path.Combine(DataDirectory, DataDirectoryNames.GatewayLog));
        start.ArgumentList.Add(Path.Combine(DataDirectory, DataDirectoryNames.ControlLog));
        start.Environment["SALLYPORT_DATA"] = DataDirectory;
        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is null && Environment.ProcessPath is { } us
            && Path.GetFileName(us) == "dotnet")
        {
            start.Environment["DOTNET_ROOT"] = Path.GetDirectoryName(us);
        }

        return Process.Start(start) ?? throw new InvalidOperationException("/bin/sh did not start");
    }

    /// <summary>A gateway that somebody else started on our data directory.</summary>
    public int? FindRunning()
    {
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0])))
        {
            try
            {
                var arguments = System.IO.File.ReadAllText($"{process}/cmdline").Split('\0');
                if (arguments.Take(2).Any(a => Path.GetFileNameWithoutExtension(a) == Name || Path.GetFileName(a) == Name)
                    && arguments.Contains(DataDirectory))
                {
                    return int.Parse(Path.GetFileName(process), System.Globalization.CultureInfo.InvariantCulture);
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It ended while we looked.
            }
        }

        return null;
    }
}
