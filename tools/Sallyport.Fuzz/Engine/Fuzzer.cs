using System.Diagnostics;

namespace Sallyport.Fuzz.Engine;

/// <summary>How long one target is tried: until either is over.</summary>
public readonly record struct Budget(TimeSpan Time, long Executions)
{
    public static Budget Seconds(double seconds) => new(TimeSpan.FromSeconds(seconds), long.MaxValue);

    public static Budget Count(long executions) => new(TimeSpan.MaxValue, executions);
}

public sealed record FuzzReport(
    string Target, long Executions, TimeSpan Time, int Seeds, int Kept, int Features, TimeSpan Slowest, byte[] SlowestInput, IReadOnlyList<Finding> Findings);

/// <summary>Mutates what was kept, keeps what is new. The same seed and count make the same inputs.</summary>
public sealed class Fuzzer(FuzzTarget target, ulong seed, Witness? witness = null)
{
    /// <summary>Enough to be worth fixing before going on.</summary>
    private const int FindingsMax = 8;

    /// <summary>Inputs of one run that are kept: memory, and time for each of them.</summary>
    private const int KeptMax = 8192;

    private readonly Execution _execution = new(target);
    private readonly HashSet<ulong> _features = [];
    private readonly List<byte[]> _kept = [];
    private readonly Dictionary<string, Finding> _findings = [];
    private TimeSpan _slowest;
    private byte[] _slowestInput = [];

    public FuzzReport Run(IReadOnlyList<byte[]> seeds, Budget budget)
    {
        var started = Stopwatch.GetTimestamp();
        long executions = 0;
        foreach (var input in seeds)
        {
            executions++;
            if (Try(input))
            {
                _kept.Add(input);
            }
        }

        var fromSeeds = _kept.Count;
        if (_kept.Count == 0)
        {
            _kept.Add([]);
        }

        var mutator = new Mutator(new Chance(seed), target.InputMax, target.Words);
        while (executions < budget.Executions && _findings.Count < FindingsMax && Stopwatch.GetElapsedTime(started) < budget.Time)
        {
            executions++;
            mutator.Next(_kept);
            if (Try(mutator.Input) && _kept.Count < KeptMax)
            {
                _kept.Add(mutator.Input.ToArray());
            }
        }

        return new FuzzReport(
            target.Name, executions, Stopwatch.GetElapsedTime(started), seeds.Count, _kept.Count - fromSeeds, _features.Count, _slowest, _slowestInput,
            [.. _findings.Values]);
    }

    /// <summary>Whether the input went where none went before.</summary>
    private bool Try(ReadOnlySpan<byte> input)
    {
        witness?.Note(input);
        var finding = _execution.Try(input);
        if (finding is not null)
        {
            if (!_findings.ContainsKey(finding.Kind))
            {
                _findings.Add(finding.Kind, _execution.Shrink(finding));
            }

            return false;
        }

        NoteSlow(input);
        var isNew = false;
        foreach (var feature in _execution.Probe.Features)
        {
            isNew |= _features.Add(feature);
        }

        return isNew;
    }

    private void NoteSlow(ReadOnlySpan<byte> input)
    {
        if (_execution.Elapsed > _slowest && _execution.Slowness(input) is var slowness && slowness > _slowest)
        {
            _slowest = slowness;
            _slowestInput = input.ToArray();
        }
    }
}
