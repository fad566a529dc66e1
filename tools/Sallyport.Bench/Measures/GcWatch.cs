using System.Globalization;
using Sallyport.Harness;

namespace Sallyport.Bench.Measures;

/// <summary>The garbage collector of a gateway, told by a hook inside it (tools/Sallyport.GcWatch).</summary>
internal sealed class GcWatch : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sp-gc-").FullName;

    /// <summary>What the gateway must be started with.</summary>
    public IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["DOTNET_STARTUP_HOOKS"] = Path.Combine(Programs.Root, "artifacts", "bin", "Sallyport.GcWatch", "release", "Sallyport.GcWatch.dll"),
        ["SALLYPORT_GC_WATCH"] = folder,
    };

    public GcReading Read(int processId)
    {
        var words = File.ReadAllText(Path.Combine(folder, processId.ToString(CultureInfo.InvariantCulture))).Split(' ');
        return new GcReading(Number(0), Number(1), Number(2));

        double Number(int index) => double.Parse(words[index], CultureInfo.InvariantCulture);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);
}

/// <param name="LongestMilliseconds">Since the process began.</param>
internal readonly record struct GcReading(double Collections, double TotalMilliseconds, double LongestMilliseconds);
