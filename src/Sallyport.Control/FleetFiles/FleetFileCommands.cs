using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Sallyport.Api.Fleets;
using Sallyport.Api.Problems;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Networks;
using Sallyport.Control.Nodes;
using Sallyport.Control.Policies;
using Sallyport.Control.Users;

namespace Sallyport.Control.FleetFiles;

/// <summary>A fleet file planned, applied, or only thought through: always the same transaction, kept or not.</summary>
internal sealed class FleetFileCommands(
    Commands commands, NetworkCommands networks, IdentityCommands identities, RuleCommands rules, CountryTable countries, Cuts cuts)
{
    /// <summary>What would change, and what its tests would say. Nothing is changed.</summary>
    public FleetPlan Plan(Actor actor, ReadOnlyMemory<byte> text, bool prune)
    {
        var (outcome, version, _) = Run(actor, text, prune, expected: null, keeps: _ => false);
        return outcome.Plan with { Version = version };
    }

    /// <summary>
    /// Makes it so, as a whole or, where anything is wrong or a test fails, not at all. Answers when the gateways have cut what is not allowed
    /// any more, or after the bounded wait.
    /// </summary>
    /// <param name="expected">The version that was planned on; another one is refused.</param>
    public async Task<FleetPlan> ApplyAsync(Actor actor, ReadOnlyMemory<byte> text, bool prune, long? expected, CancellationToken cancel)
    {
        var (outcome, version, at) = Run(actor, text, prune, expected, keeps: outcome => outcome.Plan.Changes.Count > 0);
        if (outcome.Plan.Changes.Count == 0)
        {
            return outcome.Plan with { Version = version };
        }

        var cut = await cuts.EnforceAsync(new CutSubject("fleet", "file", "applied", "fleet.apply", "fleet"), version, at, cancel);
        return outcome.Plan with { Applied = true, Version = version, Cut = cut };
    }

    /// <summary>What gateways would be told if the file were applied; its tests may fail. For whoever wants to try a draft on what has been.</summary>
    public Draft Draft(Actor actor, ReadOnlyMemory<byte> text, bool prune) =>
        Run(actor, text, prune, expected: null, keeps: _ => false).Value.Draft;

    private Committed<Outcome> Run(Actor actor, ReadOnlyMemory<byte> text, bool prune, long? expected, Func<Outcome, bool> keeps)
    {
        actor.Require(Right.Change, actor.NetworkId);
        var problems = new FileProblems();
        // Read before anybody has to wait for it.
        var file = FleetFileReader.Read(text.Span, problems);
        if (file is null || file.Count > FleetFileLimits.EntriesMax)
        {
            problems.ThrowIfAny();
        }

        return commands.RunOrDrop(
            actor,
            change =>
            {
                Revisions.Check("the fleet", FleetLoader.CurrentVersion(change.Sql), expected);
                var outcome = Try(change, file!, prune, problems);
                if (keeps(outcome))
                {
                    ThrowIfFailed(file!, outcome.Plan);
                    Audit(change, text, outcome.Plan);
                }

                return outcome;
            },
            keeps);
    }

    private Outcome Try(Change change, FleetFile file, bool prune, FileProblems problems)
    {
        var pruned = prune ? FleetFileReader.Prunable.ToHashSet() : file.Pruned;
        var run = new FleetRun(change, file, pruned, problems, networks, identities, rules);
        run.Run();
        problems.ThrowIfAny();
        var draft = Foresee(change, problems);
        var tests = new FleetJudge(change, draft.After, run.RuleLines, countries, problems).Judge(file.Tests);
        problems.ThrowIfAny();
        return new Outcome(
            new FleetPlan
            {
                Applied = false,
                Version = 0,
                Changes = run.Changes,
                Unchanged = run.Unchanged,
                Tests = tests,
                Remarks = run.Remarks,
                TunnelsReconnecting = commands.Reconnecting(draft),
            },
            draft);
    }

    private Draft Foresee(Change change, FileProblems problems)
    {
        try
        {
            return commands.Foresee(change);
        }
        catch (ProblemException refused) when (refused.Problem.Status is not (401 or 403))
        {
            // Of everything together, such as a range that is too small for all that is to appear in it: of no one line.
            foreach (var error in refused.Problem.Errors)
            {
                problems.Add("file", FileMark.Start, error, refused.Problem.Status == 409);
            }

            problems.ThrowIfAny();
            throw;
        }
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
}
