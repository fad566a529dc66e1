using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Sallyport.Harness;

/// <summary>What a short command said.</summary>
public sealed record CommandResult(int ExitCode, string Output, string Errors)
{
    public string All => Output + Errors;
}

/// <summary>Runs short commands to their end.</summary>
public static partial class Shell
{
    public const int SignalKill = 9;
    public const int SignalTerminate = 15;
    public const int SignalUser1 = 10;

    /// <summary>Runs and throws with everything it printed where it fails.</summary>
    public static string Run(string program, params IEnumerable<string> arguments)
    {
        var list = arguments.ToArray();
        var result = TryRun(program, list);
        return result.ExitCode == 0
            ? result.Output
            : throw new InvalidOperationException($"{program} {string.Join(' ', list)} ended with {result.ExitCode}: {result.All.Trim()}");
    }

    public static CommandResult TryRun(string program, params IEnumerable<string> arguments) => TryRunWith(program, arguments);

    public static CommandResult TryRunWith(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, string? input = null, string folder = "")
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = folder,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        if (input is not null)
        {
            process.StandardInput.Write(input);
        }

        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new CommandResult(process.ExitCode, output, errors.GetAwaiter().GetResult());
    }

    public static void Signal(int processId, int signal) => _ = Kill(processId, signal);

    public static bool IsAlive(int processId) => Kill(processId, 0) == 0;

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int processId, int signal);
}
