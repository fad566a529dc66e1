using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Sallyport.Daemon.Processes;
using Sallyport.Daemon.Settings;

namespace Sallyport.Daemon.Commands;

/// <summary>
/// Runs control in this process and one gateway beside it. SIGTERM ends control alone: the tunnels stay up, and the next sallyportd takes
/// the gateway over. SIGINT (Ctrl-C) ends both.
/// </summary>
internal static class ServeCommand
{
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan GatewayPatience = TimeSpan.FromSeconds(10);

    public static async Task<int> RunAsync()
    {
        if (Preparation.LoadSettings() is not { } settings)
        {
            return ExitCodes.Usage;
        }

        // Every file, and above all every socket, is private from the moment it exists.
        Signals.MakeFilesPrivate();
        if (DataDirectory.Prepare(settings.DataDirectory) is { } unusable)
        {
            Preparation.Print([unusable]);
            return ExitCodes.Failed;
        }

        using var held = DataDirectory.TryLock(settings.DataDirectory);
        if (held is null)
        {
            var who = Preparation.ControlOf(settings) is { } other ? $" (process {other})" : "";
            Preparation.Print([new SettingProblem(
                SettingKey.Data.Path,
                $"another sallyportd{who} runs on {settings.DataDirectory}",
                "End it with ./run --stop, or name another directory with SALLYPORT_DATA and other ports in sallyport.yaml.")]);
            return ExitCodes.Failed;
        }

        if (!Preparation.CanStart(settings) || !MakeRoomForSocket(settings))
        {
            return ExitCodes.Failed;
        }

        PidFile.Write(Path.Combine(settings.DataDirectory, DataDirectoryNames.ControlPid), Environment.ProcessId);
        ReadyNote.Remove(settings);
        var endGateway = false;
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => endGateway = true);
        await using (var app = Build(settings))
        {
            await app.RunAsync();
        }

        ReadyNote.Remove(settings);
        if (Preparation.GatewayOf(settings) is not { } gateway)
        {
            return ExitCodes.Ok;
        }

        if (endGateway)
        {
            await Signals.EndAsync(gateway, GatewayPatience);
        }
        else
        {
            Console.WriteLine($"the gateway goes on (process {gateway}): the next ./run takes it over, ./run --stop ends it");
        }

        return ExitCodes.Ok;
    }

    private static WebApplication Build(DaemonSettings settings)
    {
        // Nothing of the current directory counts: no appsettings.json, no wwwroot.
        var builder = WebApplication.CreateEmptyBuilder(
            new WebApplicationOptions { ContentRootPath = settings.DataDirectory, ApplicationName = "sallyportd" });
        builder.Logging.AddSimpleConsole(options =>
        {
            options.SingleLine = true;
            options.UseUtcTimestamp = true;
            options.TimestampFormat = "yyyy-MM-dd HH:mm:ss.fff'Z' ";
            options.ColorBehavior = Microsoft.Extensions.Logging.Console.LoggerColorBehavior.Disabled;
        });
        builder.Logging.SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft", LogLevel.Warning);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = ShutdownTimeout);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => Listen(options, settings));
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(GatewayProgram.Find(settings.DataDirectory)!);
        builder.Services.AddHostedService<GatewaySupervisor>();
        return builder.Build();
    }

    private static void Listen(KestrelServerOptions options, DaemonSettings settings)
    {
        options.AddServerHeader = false;
        options.ListenUnixSocket(settings.ApiSocket);
    }

    /// <summary>The lock is ours, so a socket that is there belongs to nobody any more.</summary>
    private static bool MakeRoomForSocket(DaemonSettings settings)
    {
        var usual = Path.Combine(settings.DataDirectory, DataDirectoryNames.ApiSocket);
        try
        {
            File.Delete(usual);
            if (settings.ApiSocket != usual)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(settings.ApiSocket)!);
                File.Delete(settings.ApiSocket);

                // The command line tool looks in the data directory.
                File.CreateSymbolicLink(usual, settings.ApiSocket);
            }

            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Preparation.Print([new SettingProblem(
                SettingKey.ApiSocket.Path,
                $"the API socket {settings.ApiSocket} cannot be made: {error.Message}",
                $"Set \"api.socket\" or {SettingKey.ApiSocket.Variable} to a path that {Environment.UserName} may write, or leave it out.")]);
            return false;
        }
    }
}
