using System.Collections;
using Sallyport.Daemon.Processes;
using Sallyport.Daemon.Settings;

namespace Sallyport.Daemon.Commands;

/// <summary>What every command needs first: settings that are valid as a whole, or all their problems on standard error.</summary>
internal static class Preparation
{
    /// <summary>Null after the problems were printed.</summary>
    public static DaemonSettings? LoadSettings()
    {
        var environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(
            e => (string)e.Key,
            e => (string?)e.Value ?? "");
        var loader = new SettingsLoader(environment, Directory.GetCurrentDirectory(), OwnEndpoint.Find);
        var settings = loader.Load();
        foreach (var warning in loader.Warnings)
        {
            Console.Error.WriteLine($"warning: {warning}");
        }

        Print(loader.Problems);
        return settings;
    }

    /// <summary>Whether the directory can be used and every port is free; prints what is in the way.</summary>
    public static bool CanStart(DaemonSettings settings)
    {
        if (DataDirectory.Prepare(settings.DataDirectory) is { } unusable)
        {
            Print([unusable]);
            return false;
        }

        if (GatewayProgram.Find(settings.DataDirectory) is not { } program)
        {
            Console.Error.WriteLine($"error: {GatewayProgram.Name} is not beside {Environment.ProcessPath}\n    Build it with ./run, or name it with SALLYPORT_GATEWAY_PROGRAM.");
            return false;
        }

        var taken = PortCheck.Try(settings, GatewayOf(settings, program) is not null);
        Print(taken);
        return taken.Count == 0;
    }

    /// <summary>As far as this machine and its user allow; says what it does not.</summary>
    public static DaemonSettings Fit(DaemonSettings settings) => PortCheck.Fit(
        settings, GatewayOf(settings) is not null, Privileges.OfThisProcess(), warning => Console.Error.WriteLine($"warning: {warning}"));

    public static int? ControlOf(DaemonSettings settings) =>
        PidFile.ReadLive(Path.Combine(settings.DataDirectory, DataDirectoryNames.ControlPid));

    /// <summary>The gateway that runs on this data directory, whoever started it.</summary>
    public static int? GatewayOf(DaemonSettings settings, GatewayProgram? program = null) =>
        PidFile.ReadLive(Path.Combine(settings.DataDirectory, DataDirectoryNames.GatewayPid))
        ?? (program ?? GatewayProgram.Find(settings.DataDirectory))?.FindRunning();

    public static void Print(IReadOnlyList<SettingProblem> problems)
    {
        foreach (var problem in problems)
        {
            Console.Error.WriteLine($"error: {problem}");
        }
    }
}
