using System.Diagnostics;
using Sallyport.Daemon.Processes;

namespace Sallyport.Daemon.Commands;

/// <summary>Starts sallyportd in the background and returns when devices can connect.</summary>
internal static class StartCommand
{
    private const int LogLinesShown = 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(50);

    public static async Task<int> RunAsync()
    {
        if (Preparation.LoadSettings() is not { } settings)
        {
            return ExitCodes.Usage;
        }

        if (Preparation.ControlOf(settings) is { } running)
        {
            Console.WriteLine($"Sallyport runs already (process {running}); settings are read at start, ./run --stop ends it.");
            Console.Write(ReadyNote.Read(settings, running));
            return ExitCodes.Ok;
        }

        settings = Preparation.Fit(settings);
        if (!Preparation.CanStart(settings))
        {
            return ExitCodes.Failed;
        }

        var log = Path.Combine(settings.DataDirectory, DataDirectoryNames.ControlLog);
        var before = File.Exists(log) ? new FileInfo(log).Length : 0;
        using var process = Spawn(log);
        for (var waited = TimeSpan.Zero; waited < Patience && !process.HasExited; waited += Step)
        {
            if (ReadyNote.Read(settings, process.Id) is { } text)
            {
                Console.Write(text);
                return ExitCodes.Ok;
            }

            await Task.Delay(Step);
        }

        Console.Error.WriteLine(process.HasExited
            ? $"error: sallyportd ended with exit code {process.ExitCode}; the end of {log}:"
            : $"error: not ready after {Patience.TotalSeconds} s, and still trying; ./run --stop ends it. The end of {log}:");
        foreach (var line in NewLines(log, before).TakeLast(LogLinesShown))
        {
            Console.Error.WriteLine($"    {line}");
        }

        return ExitCodes.Failed;
    }

    /// <summary>
    /// In a session of its own, and with nothing of our terminal or pipes in its hands. The shell replaces itself, so the process id is the
    /// daemon's.
    /// </summary>
    private static Process Spawn(string log)
    {
        var program = Environment.ProcessPath!;
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("""umask 077; exec setsid "$@" </dev/null >>"$SALLYPORTD_LOG" 2>&1""");
        start.ArgumentList.Add("sh");
        start.ArgumentList.Add(program);
        if (Path.GetFileName(program) == "dotnet")
        {
            start.ArgumentList.Add(typeof(StartCommand).Assembly.Location);
        }

        start.ArgumentList.Add("serve");
        start.Environment["SALLYPORTD_LOG"] = log;
        return Process.Start(start) ?? throw new InvalidOperationException("/bin/sh did not start");
    }

    private static string[] NewLines(string log, long before)
    {
        using var stream = new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        stream.Position = Math.Min(before, stream.Length);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
