using Sallyport.Daemon.Processes;

namespace Sallyport.Daemon.Commands;

/// <summary>Ends control first, so that it does not start another gateway, then the gateway.</summary>
internal static class StopCommand
{
    // Control has requests to finish and a checkpoint to write; the gateway tells its clients that it goes.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static async Task<int> RunAsync()
    {
        if (Preparation.LoadSettings() is not { } settings)
        {
            return ExitCodes.Usage;
        }

        var control = Preparation.ControlOf(settings);
        var gateway = Preparation.GatewayOf(settings);
        if (control is null && gateway is null)
        {
            Console.WriteLine($"nothing runs on {settings.DataDirectory}");
            return ExitCodes.Ok;
        }

        EndingNote.Write(settings);
        var ended = await EndAsync("sallyportd", control);
        EndingNote.Remove(settings);

        // Looked up again: control may just have started another one.
        return ended & await EndAsync(GatewayProgram.Name, Preparation.GatewayOf(settings) ?? gateway) ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private static async Task<bool> EndAsync(string name, int? processId)
    {
        if (processId is not { } id)
        {
            return true;
        }

        var ended = await Signals.EndAsync(id, Patience);
        (ended ? Console.Out : Console.Error).WriteLine(ended ? $"{name} ended (process {id})" : $"error: {name} (process {id}) cannot be ended by {Environment.UserName}");
        return ended;
    }
}
