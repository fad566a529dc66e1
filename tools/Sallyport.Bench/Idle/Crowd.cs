using System.Globalization;
using Sallyport.Bench.Measures;
using Sallyport.Bench.Stages;
using Sallyport.Harness;

namespace Sallyport.Bench.Idle;

/// <summary>More devices than one process may have sockets: in processes of their own, each in a namespace with an address of its own.</summary>
internal sealed class Crowd : IDisposable
{
    /// <summary>20,000 open files is what a process often may have, and not everybody may raise it.</summary>
    private const int DevicesOfWorker = 15_000;

    private const int FirstHost = 40;

    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(10);
    private readonly string folder = Directory.CreateTempSubdirectory("sallyport-crowd-").FullName;
    private readonly List<ChildProcess> workers = [];
    private int asked;

    /// <summary>They begin to connect at once.</summary>
    public Crowd(Stage stage, IReadOnlyList<string> profiles)
    {
        try
        {
            var parts = profiles.Chunk(DevicesOfWorker).ToList();
            foreach (var (index, part) in parts.Index())
            {
                var file = Path.Combine(folder, $"{index}");
                File.WriteAllText(file, string.Join('\0', part));
                var width = (Stage.Width / parts.Count).ToString(CultureInfo.InvariantCulture);

                // They have what time nobody else wants: in life each has a processor of its own, elsewhere.
                workers.Add(new ChildProcess(
                    stage.Topology.Attach($"crowd{index}", FirstHost + index), "chrt", ["--idle", "0", Environment.ProcessPath!, CrowdWorker.Command, file, width],
                    new Dictionary<string, string> { ["DOTNET_ROOT"] = Programs.DotnetRoot }));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public long ResidentKib => workers.Sum(worker => ProcessMeter.ResidentKib(worker.ProcessId));

    /// <summary>What each worker says of its wave.</summary>
    public async Task<IReadOnlyList<string>> Connected(TimeSpan patience)
    {
        await Task.WhenAll(workers.Select(worker => worker.WaitForLine("^wave: ", patience)));
        var said = workers.Select(worker => worker.Log.Split('\n').Last(line => line.StartsWith("wave: ", StringComparison.Ordinal))).ToList();
        return said.Any(line => line.Contains("failed", StringComparison.Ordinal))
            ? throw new InvalidOperationException($"not all devices came online: {string.Join("; ", said)}")
            : said;
    }

    public async Task<int> CountOnline()
    {
        asked++;
        workers.ForEach(worker => worker.Tell("online?"));
        await Task.WhenAll(workers.Select(worker => worker.WaitForLine("^online: ", AnswerTime, asked)));
        return workers.Sum(worker => int.Parse(
            worker.Log.Split('\n').Last(line => line.StartsWith("online: ", StringComparison.Ordinal)).Split(' ')[1], CultureInfo.InvariantCulture));
    }

    public void Dispose()
    {
        workers.ForEach(worker => worker.Dispose());
        Directory.Delete(folder, recursive: true);
    }
}
