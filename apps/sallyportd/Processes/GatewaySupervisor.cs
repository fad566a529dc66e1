using System.Diagnostics;

namespace Sallyport.Daemon.Processes;

/// <summary>
/// Keeps one gateway running. Takes over one that already runs, starts another when it dies, and leaves it alone when we end:
/// tunnels outlive the control process.
/// </summary>
internal sealed partial class GatewaySupervisor(
    GatewayProgram program, TimeProvider time, ILogger<GatewaySupervisor> log) : BackgroundService
{
    /// <summary>Another gateway holds the lock of the data directory; it is the one to take over.</summary>
    private const int ExitAlreadyRunning = 3;

    /// <summary>A gateway that lived this long did not die of how it was started: the next start waits no longer.</summary>
    private static readonly TimeSpan Healthy = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    private string PidPath => Path.Combine(program.DataDirectory, DataDirectoryNames.GatewayPid);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var pause = FirstPause;
        while (!stoppingToken.IsCancellationRequested)
        {
            var started = time.GetTimestamp();
            if ((PidFile.ReadLive(PidPath) ?? program.FindRunning()) is { } running)
            {
                Adopted(running);
                PidFile.Write(PidPath, running);
                await WaitForExitAsync(running, stoppingToken);
                Ended(running, "");
            }
            else
            {
                using var process = program.Start();
                PidFile.Write(PidPath, process.Id);
                Started(process.Id, program.File);
                await process.WaitForExitAsync(stoppingToken);
                if (process.ExitCode != ExitAlreadyRunning)
                {
                    Ended(
                        process.Id,
                        $" with exit code {process.ExitCode}; {Path.Combine(program.DataDirectory, DataDirectoryNames.GatewayLog)} may say why");
                }
            }

            pause = time.GetElapsedTime(started) > Healthy ? FirstPause : TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks));
            await Task.Delay(pause, time, stoppingToken);
        }
    }

    private static async Task WaitForExitAsync(int processId, CancellationToken stoppingToken)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            await process.WaitForExitAsync(stoppingToken);
        }
        catch (ArgumentException)
        {
            // It ended before we could look.
        }
    }

    [LoggerMessage(200, LogLevel.Information, "gateway started: process {ProcessId}, {Program}")]
    private partial void Started(int processId, string program);

    [LoggerMessage(201, LogLevel.Information, "gateway taken over: process {ProcessId} already runs")]
    private partial void Adopted(int processId);

    [LoggerMessage(202, LogLevel.Error, "gateway ended: process {ProcessId}{Detail}; starting another")]
    private partial void Ended(int processId, string detail);
}
