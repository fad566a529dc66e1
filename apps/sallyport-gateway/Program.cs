using System.Reflection;
using System.Runtime.InteropServices;
using Sallyport.DataPlane;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Logs;

namespace Sallyport.Gateway;

/// <summary>
/// The data plane's process: it faces the network, holds no database and no CA key, and outlives the control process that started it.
/// Exit codes: 0 stopped in order, 2 wrong arguments, 3 another instance runs on this data directory, 4 cannot listen, 5 a thread died.
/// </summary>
internal static class Program
{
    private const string Usage = "usage: sallyport-gateway --control <unix socket> --data <directory> --name <name> [--log <file to keep small>]...";

    private static async Task<int> Main(string[] args)
    {
        if (!Arguments.TryParse(args, out var arguments, out var problem))
        {
            await Console.Error.WriteLineAsync($"sallyport-gateway: {problem}\n{Usage}").ConfigureAwait(false);
            return 2;
        }

        Directory.CreateDirectory(arguments.DataDirectory);
        using var instance = TryLock(Path.Combine(arguments.DataDirectory, "gateway.lock"));
        if (instance is null)
        {
            await Console.Error.WriteLineAsync(
                $"sallyport-gateway: another gateway runs on {arguments.DataDirectory}; two on one directory would fight for the same tunnels.")
                .ConfigureAwait(false);
            return 3;
        }

        return await RunAsync(arguments).ConfigureAwait(false);
    }

    private static async Task<int> RunAsync(Arguments arguments)
    {
        var log = new GatewayLog(Console.Error, TimeProvider.System);
        using var stop = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Stop(context, stop));
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Stop(context, stop));

        // The terminal or the parent going away is not our end: devices stay connected while control is restarted or upgraded.
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => context.Cancel = true);

        var version = typeof(Program).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
        var options = new GatewayOptions { ControlSocket = arguments.ControlSocket, Name = arguments.Name, SoftwareVersion = version };
        using var host = new GatewayHost(options, TimeProvider.System, log);
        log.Write("started", $"{arguments.Name}, version {version}, process {Environment.ProcessId}");
        try
        {
            var rotation = new LogRotation(arguments.Logs, LogRotation.DefaultBytesMax, LogRotation.DefaultKept).RunAsync(TimeProvider.System, stop.Token);
            await host.RunAsync(stop.Token).ConfigureAwait(false);
            await stop.CancelAsync().ConfigureAwait(false);
            await rotation.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        catch (Exception e) when (e is LinuxException or FormatException)
        {
            return 4;
        }
        catch (Exception e)
        {
            log.Write("died", e.ToString());
            return 5;
        }

        log.Write("stopped", "in order");
        return 0;
    }

    private static void Stop(PosixSignalContext context, CancellationTokenSource stop)
    {
        context.Cancel = true;
        stop.Cancel();
    }

    /// <summary>An exclusive advisory lock that ends with the process however it ends; null where somebody has it.</summary>
    private static FileStream? TryLock(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
