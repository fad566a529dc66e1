using BenchmarkDotNet.Attributes;
using Sallyport.MicroBench.Works;

namespace Sallyport.MicroBench;

/// <summary>All works of the list, one after the other.</summary>
[MemoryDiagnoser]
public class HotPaths
{
    private IWork work = null!;

    public static IEnumerable<WorkEntry> Works => WorkList.All;

    [ParamsSource(nameof(Works))]
    public WorkEntry Work { get; set; } = null!;

    [GlobalSetup]
    public void SetUp() => work = Work.Make();

    [Benchmark(OperationsPerInvoke = IWork.Repeats)]
    public bool Once() => work.Run() ? true : throw new InvalidOperationException($"{Work} does not do what it should");
}
