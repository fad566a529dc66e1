using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Sallyport.Api.Fleets;
using Sallyport.Api.Problems;
using Sallyport.Control.Appearances;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Networks;
using Sallyport.Control.Nodes;
using Sallyport.Control.Policies;
using Sallyport.Control.Users;

namespace Sallyport.Control.FleetFiles;

/// <summary>
/// A fleet file planned, applied, or only thought through: always the same commands. A plan is made on a copy of the store; an apply is planned like that
/// first, so that only what is right gets to the store itself, and holds it for no longer than its changes take.
/// </summary>
internal sealed class FleetFileCommands(
    Commands commands, Drafts drafts, ChangeFeed feed, NetworkCommands networks, IdentityCommands identities, RuleCommands rules, CountryTable countries, Cuts cuts)
{
    /// <summary>What would change, and what its tests would say. Nothing is changed.</summary>
    public async Task<FleetPlan> PlanAsync(Actor actor, ReadOnlyMemory<byte> text, bool prune, CancellationToken cancel = default) =>
        (await ThinkAsync(actor, Read(actor, text), prune, cancel)).Plan;

    /// <summary>
    /// Makes it so, as a whole or, where anything is wrong or a test fails, not at all. Answers when the gateways have cut what is not allowed
    /// any more, or after the bounded wait.
    /// </summary>
    /// <param name="expected">The version that was planned on; another one is refused.</param>
    public async Task<FleetPlan> ApplyAsync(Actor actor, ReadOnlyMemory<byte> text, bool prune, long? expected, CancellationToken cancel)
    {
        var file = Read(actor, text);
        var thought = await ThinkAsync(actor, file, prune, cancel);
        Revisions.Check("the fleet", thought.Plan.Version, expected);
        if (thought.Plan.Changes.Count == 0)
        {
            return thought.Plan;
        }

        ThrowIfFailed(file.File, thought.Plan);
        var applied = commands.RunLong(actor, change => Apply(change, file, prune, expected, thought.Plan, text));
        if (applied.Value.Changes.Count == 0)
        {
            return applied.Value; // somebody else did the same meanwhile
        }

        var cut = await cuts.EnforceAsync(new CutSubject("fleet", "file", "applied", "fleet.apply", "fleet"), applied.Version, applied.At, cancel);
        return applied.Value with { Applied = true, Version = applied.Version, Cut = cut, TunnelsReconnecting = applied.Reconnecting };
    }

    /// <summary>What gateways would be told if the file were applied; its tests may fail. For whoever wants to try a draft on what has been.</summary>
    public async Task<Draft> DraftAsync(Actor actor, ReadOnlyMemory<byte> text, bool prune, CancellationToken cancel = default) =>
        (await ThinkAsync(actor, Read(actor, text), prune, cancel)).Draft;

    private static ReadFile Read(Actor actor, ReadOnlyMemory<byte> text)
    {
        actor.Require(Right.Change, actor.NetworkId);
        var problems = new FileProblems();
        var file = FleetFileReader.Read(text.Span, problems);
        if (file is null || file.Count > FleetFileLimits.EntriesMax)
        {
            problems.ThrowIfAny();
        }

        return new ReadFile(file!, problems);
    }

    /// <summary>On a copy, which nobody waits for.</summary>
    private Task<Outcome> ThinkAsync(Actor actor, ReadFile file, bool prune, CancellationToken cancel) =>
        drafts.TryAsync(actor, (change, before) => Try(change, file, prune, before), cancel);

    /// <summary>
    /// As a part of the command that is kept. Where the store is still as it was thought through, all tests have been judged; where somebody changed it
    /// since, everything is done anew.
    /// </summary>
    private FleetPlan Apply(Change change, ReadFile file, bool prune, long? expected, FleetPlan thought, ReadOnlyMemory<byte> text)
    {
        var version = FleetLoader.CurrentVersion(change.Sql);
        Revisions.Check("the fleet", version, expected);
        FleetPlan plan;
        if (version == thought.Version)
        {
            var problems = file.NewProblems();
            var run = Make(change, file.File, prune, problems);
            problems.ThrowIfAny();
            plan = PlanOf(run, version, thought.Tests);
        }
        else
        {
            plan = Try(change, file, prune, feed.State).Plan;
            ThrowIfFailed(file.File, plan);
        }

        Audit(change, text, plan);
        return plan;
    }

    private Outcome Try(Change change, ReadFile file, bool prune, FleetState before)
    {
        var problems = file.NewProblems();
        var run = Make(change, file.File, prune, problems);
        problems.ThrowIfAny();
        var draft = Foresee(change, file.File, run, before, problems);
        var tests = new FleetJudge(change, draft.After, run.RuleLines, run.Meant, countries, problems).Judge(file.File.Tests);
        problems.ThrowIfAny();
        return new Outcome(PlanOf(run, before.Version, tests) with { TunnelsReconnecting = commands.Reconnecting(draft) }, draft);
    }

    private FleetRun Make(Change change, FleetFile file, bool prune, FileProblems problems)
    {
        var pruned = prune ? FleetFileReader.Prunable.ToHashSet() : file.Pruned;
        var run = new FleetRun(change, file, pruned, problems, networks, identities, rules);
        run.Run();
        return run;
    }

    private static FleetPlan PlanOf(FleetRun run, long version, IReadOnlyList<FleetTest> tests) =>
        new() { Applied = false, Version = version, Changes = run.Changes, Unchanged = run.Unchanged, Tests = tests, Remarks = run.Remarks };

    private Draft Foresee(Change change, FleetFile file, FleetRun run, FleetState before, FileProblems problems)
    {
        try
        {
            return commands.Foresee(change, before);
        }
        catch (NoRoomException full)
        {
            var (path, at) = AskedForBy(change, file, run, full);
            problems.Add(path, at, full.Problem.Errors[0], isConflict: true);
            problems.ThrowIfAny();
            throw;
        }
        catch (ProblemException refused) when (refused.Problem.Status is not (401 or 403))
        {
            // Of everything together: of no one line.
            foreach (var error in refused.Problem.Errors)
            {
                problems.Add("file", FileMark.Start, error, refused.Problem.Status == 409);
            }

            problems.ThrowIfAny();
            throw;
        }
    }

    /// <summary>The first rule of the file that leads from the one network to the other; the file itself where it has none.</summary>
    private static (string Path, FileMark At) AskedForBy(Change change, FleetFile file, FleetRun run, NoRoomException full)
    {
        var lines = run.RuleLines.Where(pair => RuleRow.Find(change.Sql, pair.Key) is { } row && row.SubjectNetworkId == full.FromId && row.NetworkId == full.ToId)
            .Select(pair => pair.Value).ToHashSet();
        return file.Rules.FirstOrDefault(rule => lines.Contains(rule.Line)) is { } asking ? (asking.Path, asking.At) : ("file", FileMark.Start);
    }

    private static void ThrowIfFailed(FleetFile file, FleetPlan plan)
    {
        var failed = new List<FieldProblem>();
        for (var i = 0; i < plan.Tests.Count; i++)
        {
            var (test, read) = (plan.Tests[i], file.Tests[i]);
            if (!test.Passed && failed.Count < FleetFileLimits.ProblemsMax)
            {
                failed.Add(Refusal.Field(
                    read.Path, $"{test.Test}, but {(read.MustReach ? "does not" : "does")}: {test.Why}", HintFor(read)) with { Line = read.Mark.Line, Column = read.Mark.Column });
            }
        }

        if (failed.Count > 0)
        {
            throw new ProblemException(Refusal.Broken(failed));
        }
    }

    private static string HintFor(FileTest test) => test switch
    {
        { MustReach: true, At: null } => "nothing was changed: add or mend the rule, or the test; where a rule has hours, say for which moment with at:",
        { MustReach: true } => "nothing was changed: add or mend the rule, or the test",
        _ => "nothing was changed: narrow the rule, add one with deny: true and no conditions, or mend the test",
    };

    private static void Audit(Change change, ReadOnlyMemory<byte> text, FleetPlan plan) => change.Audit(
        "fleet.apply",
        "fleet",
        new JsonObject
        {
            ["added"] = plan.Changes.Count(one => one.Action == "add"),
            ["changed"] = plan.Changes.Count(one => one.Action == "change"),
            ["removed"] = plan.Changes.Count(one => one.Action == "remove"),
            ["tests"] = plan.Tests.Count,
            ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(text.Span)),
        });

    private sealed record Outcome(FleetPlan Plan, Draft Draft);

    /// <summary>A file with what is wrong in its text; what is wrong with what it says is added anew each time that it is tried.</summary>
    private sealed record ReadFile(FleetFile File, FileProblems InText)
    {
        public FileProblems NewProblems() => new(InText);
    }
}
