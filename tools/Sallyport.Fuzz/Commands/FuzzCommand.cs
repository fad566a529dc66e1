using System.Globalization;
using Sallyport.Fuzz.Engine;
using Sallyport.Fuzz.Targets;

namespace Sallyport.Fuzz.Commands;

/// <summary>The fuzzer as a program.</summary>
internal static class FuzzCommand
{
    private const int Good = 0;
    private const int Found = 1;
    private const int Misused = 2;

    /// <summary>Slower inputs are shown, so that somebody looks whether they should be.</summary>
    private static readonly TimeSpan SlowFrom = TimeSpan.FromMilliseconds(250);

    public static int Run(string[] words, TextWriter output)
    {
        if (FuzzArguments.Parse(words, out var problem) is not { } arguments)
        {
            Console.Error.WriteLine($"error: {problem}");
            return Misused;
        }

        var store = SeedStore.Find();
        if (arguments.Help)
        {
            output.WriteLine(FuzzArguments.Usage);
            return Good;
        }

        if (arguments.List)
        {
            foreach (var target in AllTargets.List)
            {
                output.WriteLine(target.Name);
            }

            return Good;
        }

        if (arguments.MakeSeeds)
        {
            foreach (var target in AllTargets.List)
            {
                output.WriteLine($"{target.Name,-20} {store.Make(target),4} seeds");
            }

            return Good;
        }

        return arguments.Input is { } path ? Reproduce(arguments.Target!, path, output) : Fuzz(arguments, store, output);
    }

    private static int Fuzz(FuzzArguments arguments, SeedStore store, TextWriter output)
    {
        IReadOnlyList<FuzzTarget> targets = arguments.Target is { } one ? [one] : AllTargets.List;
        output.WriteLine($"seed {arguments.Seed}");
        output.WriteLine($"{"target",-20} {"executions",11} {"per second",11} {"seeds",6} {"kept",6} {"slowest",10}  findings");
        var found = 0;
        foreach (var target in targets)
        {
            found += FuzzOne(target, arguments, store, output);
        }

        output.WriteLine(found == 0 ? "nothing found" : $"{found} findings");
        return found == 0 ? Good : Found;
    }

    private static int FuzzOne(FuzzTarget target, FuzzArguments arguments, SeedStore store, TextWriter output)
    {
        var lastWords = Path.Combine(Path.GetTempPath(), $"sallyport-fuzz-{Environment.UserName}-{target.Name}.last");
        if (Witness.ReadLastWords(lastWords) is { } killer)
        {
            var kept = lastWords + ".bin";
            File.WriteAllBytes(kept, killer);
            output.WriteLine($"An earlier run was stopped or died while it tried {kept}. To see which: {Reproduction(target, kept)}");
        }

        using var witness = new Witness(lastWords, target.InputMax + 4096, input =>
        {
            Console.Error.WriteLine($"{target.Name}: an input does not end. {Reproduction(target, store.SaveRegression(target, input))}");
            Environment.Exit(Found);
        });
        var report = new Fuzzer(target, arguments.Seed, witness).Run([.. store.Load(target).Select(seed => seed.Input)], arguments.Budget);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Target,-20} {report.Executions,11:N0} {report.Executions / report.Time.TotalSeconds,11:N0} {report.Seeds,6} {report.Kept,6} {report.Slowest.TotalMilliseconds,7:N1} ms  {report.Findings.Count}"));
        if (report.Slowest >= SlowFrom)
        {
            output.WriteLine($"  slow: {Convert.ToHexStringLower(report.SlowestInput.AsSpan(0, Math.Min(64, report.SlowestInput.Length)))} ({report.SlowestInput.Length} bytes)");
        }

        foreach (var finding in report.Findings)
        {
            output.WriteLine($"  FOUND {finding.Kind}");
            output.WriteLine($"        {Reproduction(target, store.SaveRegression(target, finding.Input))}");
        }

        return report.Findings.Count;
    }

    private static int Reproduce(FuzzTarget target, string path, TextWriter output)
    {
        var execution = new Execution(target);
        var finding = execution.Try(File.ReadAllBytes(path));
        output.WriteLine(finding is null
            ? string.Create(CultureInfo.InvariantCulture, $"nothing found in {execution.Elapsed.TotalMilliseconds:N1} ms")
            : finding.Detail);
        return finding is null ? Good : Found;
    }

    private static string Reproduction(FuzzTarget target, string path) => $"./fuzz {target.Name} --input {path}";
}
