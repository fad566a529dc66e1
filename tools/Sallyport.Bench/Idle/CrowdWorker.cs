using System.Globalization;
using Sallyport.Simulator.Fleets;
using Sallyport.Simulator.Profiles;

namespace Sallyport.Bench.Idle;

/// <summary>
/// A part of a crowd in a process of its own: it connects what its file names, says so, and says how many are online whenever it is asked
/// on its standard input, whose end is its own.
/// </summary>
internal static class CrowdWorker
{
    /// <summary>The first word of the command line that makes this program a worker.</summary>
    public const string Command = "crowd-worker";

    private static readonly TimeSpan TlsLinger = TimeSpan.FromSeconds(5);

    /// <param name="file">Profiles with NUL between them.</param>
    public static async Task<int> Run(string file, int width)
    {
        var profiles = (await File.ReadAllTextAsync(file)).Split('\0')
            .Select((text, index) => DeviceProfile.Parse(index.ToString(CultureInfo.InvariantCulture), text)).ToList();
        using var fleet = await Fleet.Start(profiles, new FleetOptions { FreesTlsAfter = TlsLinger });
        var wave = await fleet.Connect(0, fleet.Count, width);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"wave: {wave.Describe()} in {wave.Elapsed.TotalSeconds:0} s"));
        while (await Console.In.ReadLineAsync() is not null)
        {
            var online = await fleet.CountOnline();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"online: {online}"));
        }

        return 0;
    }
}
