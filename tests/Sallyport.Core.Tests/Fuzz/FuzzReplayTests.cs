using Sallyport.Fuzz.Engine;
using Sallyport.Fuzz.Targets;

namespace Sallyport.Core.Tests.Fuzz;

/// <summary>
/// What the fuzzer knows is tried again, and a little more; <c>./fuzz</c> goes on for as long as asked. Alone: a collection of garbage while another
/// test counts its allocations adds the unused rest of that thread's allocation context to them.
/// </summary>
[CollectionDefinition(nameof(FuzzReplayTests), DisableParallelization = true)]
[Collection(nameof(FuzzReplayTests))]
public class FuzzReplayTests
{
    private static readonly SeedStore Store = SeedStore.Find();

    public static TheoryData<string> Targets => [.. AllTargets.List.Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Every_seed_and_the_first_mutations_of_a_target_keep_its_properties(string name)
    {
        var target = Target(name);
        var seeds = Store.Load(target).Select(seed => seed.Input).ToList();
        var report = new Fuzzer(target, seed: 1).Run(seeds, Budget.Count(seeds.Count + target.ReplayMutations));
        report.Executions.ShouldBe(seeds.Count + target.ReplayMutations);
        report.Findings.Select(finding => $"{finding.Detail}\ninput: {Convert.ToHexStringLower(finding.Input)}").ShouldBeEmpty();
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void Committed_seeds_are_those_that_our_writers_make(string name)
    {
        var target = Target(name);
        var committed = Store.Load(target)
            .Select(seed => (Name: Path.GetFileName(seed.Path), seed.Input))
            .Where(seed => !SeedStore.IsFromElsewhere(seed.Name))
            .ToDictionary(seed => seed.Name, seed => Convert.ToHexStringLower(seed.Input));
        var made = target.MakeSeeds().ToDictionary(seed => seed.Name + ".bin", seed => Convert.ToHexStringLower(seed.Input));
        made.ShouldBe(committed, ignoreOrder: true, "where a format changed on purpose: ./fuzz --make-seeds");
    }

    [Fact]
    public void Same_seed_makes_the_same_run()
    {
        var seeds = Store.Load(Target("push-reply")).Select(seed => seed.Input).ToList();
        FuzzReport Run() => new Fuzzer(Target("push-reply"), seed: 42).Run(seeds, Budget.Count(2000));
        var (first, second) = (Run(), Run());
        (second.Kept, second.Features).ShouldBe((first.Kept, first.Features));
        first.Kept.ShouldBeGreaterThan(0, "mutations reach what seeds do not");
    }

    [Fact]
    public void Fault_is_found_and_its_input_made_small()
    {
        var report = new Fuzzer(new FaultyTarget(), seed: 1).Run([[.. "some seed of forty bytes, long and harmless"u8]], Budget.Count(200_000));
        report.Findings.Select(finding => finding.Input.Length).ShouldBe([1]);
    }

    private static FuzzTarget Target(string name) => AllTargets.List.Single(target => target.Name == name);

    private sealed class FaultyTarget : FuzzTarget
    {
        public override string Name => "faulty";

        public override IEnumerable<(string Name, byte[] Input)> MakeSeeds() => [];

        public override void Run(ReadOnlySpan<byte> input, Probe probe) => probe.That(input.IsEmpty || input[0] != 0x80, "the first byte is not 0x80");
    }
}
