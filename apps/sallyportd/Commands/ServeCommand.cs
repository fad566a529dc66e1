using System.Data.Common;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Sallyport.Control;
using Sallyport.Daemon.Hosting;
using Sallyport.Daemon.Processes;
using Sallyport.Daemon.Settings;

namespace Sallyport.Daemon.Commands;

/// <summary>
/// Runs control in this process and one gateway beside it. SIGTERM ends control alone: the tunnels stay up, and the next sallyportd takes
/// the gateway over. SIGINT (Ctrl-C) ends both.
/// </summary>
internal static class ServeCommand
{
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

        settings = Preparation.Fit(settings);
        if (!Preparation.CanStart(settings) || !MakeRoomForSocket(settings))
        {
            return ExitCodes.Failed;
        }

        PidFile.Write(Path.Combine(settings.DataDirectory, DataDirectoryNames.ControlPid), Environment.ProcessId);
        ReadyNote.Remove(settings);
        EndingNote.Remove(settings);
        var endGateway = false;
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => endGateway = true);
        if (!await RunControlAsync(settings))
        {
            return ExitCodes.Failed;
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
        else if (!EndingNote.Exists(settings))
        {
            Console.WriteLine($"the gateway goes on (process {gateway}): the next ./run takes it over, ./run --stop ends it");
        }

        return ExitCodes.Ok;
    }

    /// <summary>Until a signal ends it; false where the store cannot be opened.</summary>
    private static async Task<bool> RunControlAsync(DaemonSettings settings)
    {
        ControlHost control;
        try
        {
            control = ControlHost.Open(WebServer.OptionsOf(settings), TimeProvider.System);
        }
        catch (Exception error) when (error is InvalidOperationException or CryptographicException or DllNotFoundException or DbException or IOException)
        {
            Preparation.Print([new SettingProblem(settings.DataDirectory, error.Message, "")]);
            return false;
        }

        using (control)
        {
            await using var app = WebServer.Build(settings, control);
            try
            {
                await app.StartAsync();
            }
            catch (IOException error)
            {
                // Somebody took an address since we tried it.
                Preparation.Print([new SettingProblem(
                    SettingKey.ApiHttps.Path, error.Message, $"Set another one with {SettingKey.ApiHttps.Variable}.")]);
                return false;
            }

            File.SetUnixFileMode(settings.ApiSocket, UnixFileMode.UserRead | UnixFileMode.UserWrite);

            // Last of all: a gateway that is started by a control which then fails would be nobody's.
            var log = app.Services.GetRequiredService<ILogger<GatewaySupervisor>>();
            using var supervisor = new GatewaySupervisor(GatewayProgram.Find(settings.DataDirectory)!, TimeProvider.System, log);
            await supervisor.StartAsync(CancellationToken.None);
            await await Task.WhenAny(app.WaitForShutdownAsync(), supervisor.ExecuteTask!);
            await supervisor.StopAsync(CancellationToken.None);
        }

        return true;
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
