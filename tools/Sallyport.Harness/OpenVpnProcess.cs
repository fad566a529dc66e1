namespace Sallyport.Harness;

/// <summary>The distribution's <c>openvpn</c> in a namespace, as client or as server.</summary>
public sealed class OpenVpnProcess : IDisposable
{
    private const string Completed = "Initialization Sequence Completed";
    private readonly ChildProcess process;
    private readonly string folder;

    /// <param name="where">The namespace.</param>
    /// <param name="config">Text of the configuration.</param>
    /// <param name="options">Command line options after the configuration.</param>
    /// <param name="clock">What libfaketime makes of the clock ("+400d"), or null.</param>
    public OpenVpnProcess(Namespace where, string config, IEnumerable<string>? options = null, string? clock = null)
    {
        folder = Directory.CreateTempSubdirectory("sp-openvpn-").FullName;
        var file = Path.Combine(folder, "openvpn.conf");
        File.WriteAllText(file, config);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var arguments = new[] { "--cd", folder, "--config", file }.Concat(options ?? []);
        process = clock is null
            ? new ChildProcess(where, "openvpn", arguments)
            : new ChildProcess(where, "faketime", new[] { "-f", clock, "openvpn" }.Concat(arguments));
    }

    public string Log => process.Log;

    public int ProcessId => process.ProcessId;

    public bool HasExited => process.HasExited;

    /// <summary>How often it became ready: more than once after a reconnect.</summary>
    public int Connections => process.Count(Completed);

    public int Count(string pattern) => process.Count(pattern);

    public Task WaitUntilConnected(int times = 1, int seconds = 20) => process.WaitForLine(Completed, TimeSpan.FromSeconds(seconds), times);

    public Task WaitForLine(string pattern, int seconds = 20, int times = 1) => process.WaitForLine(pattern, TimeSpan.FromSeconds(seconds), times);

    public Task<int> WaitForExit(int seconds = 20) => process.WaitForExit(TimeSpan.FromSeconds(seconds));

    public void Signal(int signal) => process.Signal(signal);

    /// <summary>Ends it as an operator would, so that it says goodbye.</summary>
    public void Stop() => process.Stop(TimeSpan.FromSeconds(5));

    public void Kill() => process.Kill();

    public void Dispose()
    {
        process.Dispose();
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
