using System.Diagnostics;

namespace Sallyport.Bench.Simulator;

/// <summary>What came of a wave of connections.</summary>
/// <param name="Failures">Reasons, and how often each.</param>
internal sealed record WaveReport(int Connected, IReadOnlyDictionary<string, int> Failures, TimeSpan Elapsed, TimeSpan Median, TimeSpan Percentile99)
{
    public int Failed => Failures.Values.Sum();

    public string Describe() => Failed == 0
        ? $"{Connected} connected"
        : $"{Connected} connected, {Failed} failed ({string.Join("; ", Failures.Select(one => $"{one.Value} × {one.Key}"))})";
}

/// <summary>Devices that connect, so many at once. Used by the fleet's thread.</summary>
internal sealed class Wave(IEnumerable<int> indexes, int width, bool leaves)
{
    private readonly Queue<int> waiting = new(indexes);
    private readonly HashSet<int> underWay = [];
    private readonly List<TimeSpan> times = [];
    private readonly Dictionary<string, int> failures = [];
    private readonly TaskCompletionSource<WaveReport> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long began = Stopwatch.GetTimestamp();

    public bool Leaves => leaves;

    public Task<WaveReport> Done => done.Task;

    public bool IsOver => waiting.Count == 0 && underWay.Count == 0;

    public bool TryStart(out int index)
    {
        index = -1;
        return underWay.Count < width && waiting.TryDequeue(out index) && underWay.Add(index);
    }

    public bool IsWaitingFor(int index) => underWay.Contains(index);

    public void Connected(int index, TimeSpan took)
    {
        times.Add(took);
        Finish(index);
    }

    public void Failed(int index, string reason)
    {
        failures[reason] = failures.GetValueOrDefault(reason) + 1;
        Finish(index);
    }

    private void Finish(int index)
    {
        underWay.Remove(index);
        if (IsOver)
        {
            times.Sort();
            done.SetResult(new WaveReport(times.Count, failures, Stopwatch.GetElapsedTime(began), At(0.5), At(0.99)));
        }
    }

    private TimeSpan At(double share) => times.Count == 0 ? TimeSpan.Zero : times[(int)((times.Count - 1) * share)];
}
