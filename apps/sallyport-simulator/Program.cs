using System.Runtime.InteropServices;
using Sallyport.Api.Client;
using Sallyport.Simulator.Linux;
using Sallyport.Simulator.Scenarios;

namespace Sallyport.Simulate;

/// <summary>A fleet of simulated devices: what <c>sallyport simulate</c> starts.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        if (args.Length == 0 || args.Any(word => word is "-h" or "--help"))
        {
            Console.WriteLine(ScenarioArguments.Help);
            return args.Length == 0 ? 2 : 0;
        }

        var (options, problems) = ScenarioArguments.Parse(args);
        foreach (var problem in problems)
        {
            // "--rate: at most ..." says where before what.
            var (where, what) = problem.Split(": ", 2) is [var flag, var rest] && flag.StartsWith("--", StringComparison.Ordinal)
                ? (flag, rest) : ("the command line", problem);
            Error(what, where, "sallyport simulate --help shows what it takes.");
        }

        return problems.Count > 0 ? 2 : await RunAsync(options with { Data = options.Data ?? UsualData() }).ConfigureAwait(false);
    }

    private static async Task<int> RunAsync(ScenarioOptions options)
    {
        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Stop(context, stop));
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Stop(context, stop));
        try
        {
            var report = await Scenario.Run(options, Console.Error.WriteLine, stop.Token).ConfigureAwait(false);
            Console.WriteLine(options.Json ? report.ToJson() : report.ToText());
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 130; // 128 + SIGINT, as shells count
        }
        catch (ScenarioException e)
        {
            Error(e.Message, e.Where, e.Fix);
            return 1;
        }
        catch (ApiException e)
        {
            foreach (var problem in e.Problem.Errors)
            {
                Error(problem.Message, problem.Field, problem.Hint);
            }

            if (e.Problem.Errors.Count == 0)
            {
                Error(e.Message, "the API", "Its log, sallyportd.log in the data directory, may say more.");
            }

            return 1;
        }
        catch (Exception e) when (e is FormatException or LinuxException or HttpRequestException
            or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            Error(e.Message, "", "");
            return 1;
        }
    }

    private static string UsualData() => Environment.GetEnvironmentVariable("SALLYPORT_DATA") is { Length: > 0 } data
        ? data
        : Path.Combine(Environment.GetEnvironmentVariable("SALLYPORT_HOME") ?? ".", ".sallyport");

    private static void Error(string what, string where, string fix)
    {
        Console.Error.WriteLine($"error: {what}");
        if (where.Length > 0)
        {
            Console.Error.WriteLine($"  where: {where}");
        }

        if (fix.Length > 0)
        {
            Console.Error.WriteLine($"  fix:   {fix}");
        }
    }

    private static void Stop(PosixSignalContext context, CancellationTokenSource stop)
    {
        context.Cancel = true;
        stop.Cancel();
    }
}
