using System.Diagnostics;
using Sallyport.Simulator.Measures;

namespace Sallyport.Simulator.Fleets;

/// <summary>What came of a wave of connections.</summary>
/// <param name="Failures">Reasons, and how often each; of attempts, where devices try again.</param>
public sealed record WaveReport(int Connected, IReadOnlyDictionary<string, int> Failures, TimeSpan Elapsed, LatencyHistogram Times)
{
    public int Failed => Failures.Values.Sum();

    public TimeSpan Median => Times.Percentile(50);

    public TimeSpan Percentile99 => Times.Percentile(99);

    public string Describe() => Failed == 0
        ? $"{Connected} connected"
        : $"{Connected} connected, {Failed} failed ({string.Join("; ", Failures.Select(one => $"{one.Value} × {one.Key}"))})";

    internal static WaveReport Sum(IReadOnlyList<WaveReport> parts)
    {
        var times = new LatencyHistogram();
        foreach (var part in parts)
        {
            times.Add(part.Times);
        }

        return new WaveReport(
            parts.Sum(one => one.Connected),
            parts.SelectMany(one => one.Failures).GroupBy(one => one.Key).ToDictionary(one => one.Key, one => one.Sum(of => of.Value)),
            parts.Select(one => one.Elapsed).DefaultIfEmpty().Max(),
            times);
    }
}

/// <summary>Devices that connect, so many at once. Used by the thread that they live on.</summary>
internal sealed class Wave(IEnumerable<int> indexes, int width, bool leaves)
{
    private readonly Queue<int> waiting = new(indexes);
    private readonly HashSet<int> underWay = [];
    private readonly LatencyHistogram times = new();
    private readonly Dictionary<string, int> failures = [];
    private readonly TaskCompletionSource<WaveReport> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long began = Stopwatch.GetTimestamp();

    public bool Leaves => leaves;

    public Task<WaveReport> Done => done.Task;

    public bool IsOver => done.Task.IsCompleted;

    public bool TryStart(out int index)
    {
        index = -1;
        return underWay.Count < width && waiting.TryDequeue(out index) && underWay.Add(index);
    }

    public bool IsWaitingFor(int index) => underWay.Contains(index);

    public void Connected(int index, TimeSpan took)
    {
        times.Record(took);
        underWay.Remove(index);
        FinishIfDone();
    }

    /// <summary>An attempt came to nothing; the device stays in the wave where it will try again.</summary>
    public void Failed(int index, string reason, bool triesAgain)
    {
        failures[reason] = failures.GetValueOrDefault(reason) + 1;
        if (!triesAgain)
        {
            underWay.Remove(index);
            FinishIfDone();
        }
    }

    /// <summary>Takes what there is for the result.</summary>
    public void Finish() =>
        done.TrySetResult(new WaveReport((int)times.Count, failures, Stopwatch.GetElapsedTime(began), times));

    public void FinishIfDone()
    {
        if (waiting.Count == 0 && underWay.Count == 0)
        {
            Finish();
        }
    }
}
