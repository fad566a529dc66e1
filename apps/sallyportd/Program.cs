using Sallyport.Daemon.Commands;

namespace Sallyport.Daemon;

internal static class Program
{
    private const string Usage = """
        sallyportd [serve]   run control and one gateway in the foreground; SIGTERM leaves the gateway and its tunnels alone, SIGINT ends it too
        sallyportd start     the same in the background; returns when devices can connect
        sallyportd stop      end both
        sallyportd status    what runs
        sallyportd check     prove the settings

        docs/sallyport.yaml describes every setting.
        """;

    public static async Task<int> Main(string[] args)
    {
        switch (args)
        {
            case [] or ["serve"]:
                return await ServeCommand.RunAsync();
            case ["start"]:
                return await StartCommand.RunAsync();
            case ["stop"]:
                return await StopCommand.RunAsync();
            case ["status"]:
                return StatusCommand.Run();
            case ["check"]:
                return CheckCommand.Run();
            case ["-h" or "--help"]:
                Console.WriteLine(Usage);
                return ExitCodes.Ok;
            default:
                Console.Error.WriteLine($"error: unknown: {string.Join(' ', args)}\n{Usage}");
                return ExitCodes.Usage;
        }
    }
}
