using System.CommandLine;
using System.Diagnostics;
using Sallyport.Cli.Connection;

namespace Sallyport.Cli.Simulate;

/// <summary>
/// <c>sallyport simulate</c> hands its words to a program of its own: the simulator speaks the devices' protocols, and the command line
/// tool has the API and nothing else.
/// </summary>
internal static class SimulatorProgram
{
    public const string Verb = "simulate";

    private const string Name = "sallyport-simulator";

    /// <summary>For the list of commands; its words are the simulator's to read.</summary>
    public static Command Command() =>
        new(Verb, "Simulate a fleet of devices against this installation, or by their profiles against any OpenVPN server; simulate --help");

    public static async Task<int> RunAsync(IReadOnlyList<string> words, TextWriter remarks)
    {
        if (Find() is not { } program)
        {
            remarks.WriteLine($"error: {Name} is not installed beside this program");
            remarks.WriteLine("  fix:   ./sallyport builds it; SALLYPORT_SIMULATOR_PROGRAM names it where it is elsewhere");
            return ExitCodes.Refused;
        }

        var start = new ProcessStartInfo(program);
        foreach (var word in words)
        {
            start.ArgumentList.Add(word);
        }

        if (!words.Any(word => word is "--data" or "--profiles"))
        {
            start.Environment["SALLYPORT_DATA"] = DataDirectory.Find(
                Environment.GetEnvironmentVariable("SALLYPORT_DATA") is { Length: > 0 } data ? data : null,
                name => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null,
                Directory.GetCurrentDirectory());
        }

        // Ctrl-C goes to both; the simulator tidies up, and then we end.
        Console.CancelKeyPress += (_, pressed) => pressed.Cancel = true;
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    /// <summary>Beside us when installed, in its own folder of the build output otherwise.</summary>
    private static string? Find()
    {
        var here = AppContext.BaseDirectory;
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(here));
        string?[] places =
        [
            Environment.GetEnvironmentVariable("SALLYPORT_SIMULATOR_PROGRAM"),
            Path.Combine(here, Name),
            Path.GetFullPath(Path.Combine(here, "..", "..", Name, configuration, Name)),
        ];
        return places.FirstOrDefault(place => !string.IsNullOrEmpty(place) && File.Exists(place));
    }
}
