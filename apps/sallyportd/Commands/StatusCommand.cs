using Sallyport.Daemon.Processes;

namespace Sallyport.Daemon.Commands;

/// <summary>What runs on the data directory. Exit code 0 where both processes do.</summary>
internal static class StatusCommand
{
    public static int Run()
    {
        if (Preparation.LoadSettings() is not { } settings)
        {
            return ExitCodes.Usage;
        }

        var control = Preparation.ControlOf(settings);
        var gateway = Preparation.GatewayOf(settings);
        Console.WriteLine($"sallyportd         {(control is { } c ? $"process {c}" : "does not run")}");
        Console.WriteLine($"{GatewayProgram.Name}  {(gateway is { } g ? $"process {g}" : "does not run")}");
        if (control is { } running && ReadyNote.Read(settings, running) is { } text)
        {
            Console.Write(text);
            return gateway is null ? ExitCodes.Failed : ExitCodes.Ok;
        }

        Console.WriteLine(control is null ? $"data               {settings.DataDirectory}" : "not ready yet");
        return ExitCodes.Failed;
    }
}
