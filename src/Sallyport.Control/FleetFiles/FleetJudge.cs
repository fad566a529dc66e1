using System.Globalization;
using Sallyport.Api.Fleets;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Policies;
using Sallyport.Control.Store;
using Sallyport.Control.Users;
using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.FleetFiles;

/// <summary>
/// Answers the tests of a file with the engine of the gateways, on what the file leads to. What is judged is the policy, not how things stand:
/// everybody counts as let in who has not been revoked, and neither locks nor quarantines nor reported facts count (<see cref="Unhindered"/>,
/// <see cref="FleetAssumption"/>), so that none of them makes a test pass that would fail tomorrow.
/// </summary>
internal sealed class FleetJudge
{
    private readonly Change change;
    private readonly IReadOnlyDictionary<int, int> ruleLines;
    private readonly FileNames names;
    private readonly FileProblems problems;
    private readonly CountryTable countries;
    private readonly FleetState state;
    private readonly TestSenders senders;
    private readonly TestTargets targets;
    private readonly Dictionary<bool, FleetTimeline> timelines = [];

    public FleetJudge(
        Change change, FleetState foreseen, IReadOnlyDictionary<int, int> ruleLines, FileNames names, CountryTable countries, FileProblems problems)
    {
        this.names = names;
        this.change = change;
        this.ruleLines = ruleLines;
        this.problems = problems;
        this.countries = countries;
        var unhindered = Unhindered.Of(foreseen, IdentityRow.Retired(change.Sql), RuleRow.All(change.Sql));
        // What is over does not come back, whatever moment a test asks about.
        state = unhindered with { Rules = unhindered.Rules.RemoveRange(unhindered.Rules.Values.Where(rule => rule.Until <= change.Now).Select(rule => rule.Id)) };
        senders = new TestSenders(change, state);
        targets = new TestTargets(change);
    }

    /// <summary>Empty after adding problems, where a test speaks of what does not exist.</summary>
    public IReadOnlyList<FleetTest> Judge(IReadOnlyList<FileTest> tests)
    {
        // All are read before one is judged: the one model then has everybody whom they imagine.
        var cases = tests.Select(Read).OfType<Case>().ToList();
        return cases.Count < tests.Count ? [] : [.. cases.Select(Judge)];
    }

    private Case? Read(FileTest test)
    {
        var found = new ProblemList();
        var isSaid = test.Node.Find("network") is not null; // whose they are
        var whole = isSaid ? test : test with { From = names.Whole(test.From)!, To = names.Whole(test.To)! };
        var destinations = targets.Of(whole, found);
        var tried = found.Any ? TestedSenders.None : senders.Of(whole, destinations, found);
        foreach (var problem in found.Problems)
        {
            problems.Add($"{test.Path}.{problem.Field}", test.Node.Find(problem.Field)?.Value.At ?? test.Mark, problem, isConflict: false);
        }

        if (found.Any)
        {
            return null;
        }

        foreach (var network in tried.Networks.Concat(destinations.Select(destination => destination.NetworkId).OfType<int>()).Distinct())
        {
            change.Actor.Require(Right.See, network);
        }

        return new Case(test, tried, destinations);
    }

    private FleetTest Judge(Case one)
    {
        var (test, tried, destinations) = one;
        var model = ModelFor(test);
        (IdentityRow Sender, TestTarget To)? last = null;
        foreach (var sender in tried.Each)
        {
            foreach (var destination in destinations)
            {
                var decision = Decide(model, sender, destination);
                if (decision.Reason == DropReason.ToItself && tried.Count > 1)
                {
                    continue; // a group that is to reach one of its own means the others
                }

                last = (sender, destination);
                if (decision.Allowed != test.MustReach)
                {
                    return Answer(one, passed: false, Said(one, model, sender, destination));
                }
            }
        }

        var ways = tried.Count * destinations.Count;
        var why = last is { } way ? Said(one, model, way.Sender, way.To) : "nobody but the destination itself is meant";
        return Answer(one, passed: true, ways > 1 ? $"{ways} ways were tried; {why}" : why);
    }

    private FleetModel ModelFor(FileTest test)
    {
        if (!timelines.TryGetValue(test.MustReach, out var timeline))
        {
            var assumed = FleetAssumption.For(state, test.MustReach);
            var all = assumed with { Identities = assumed.Identities.SetItems(senders.Imagined.Select(one => KeyValuePair.Create(one.Id, one))) };
            timelines[test.MustReach] = timeline = new FleetTimeline(NetworkPolicy.Of(all, countries));
        }

        return timeline.At(new Instant(test.At?.ToUnixNanoseconds() ?? change.Now));
    }

    private static Decision Decide(FleetModel model, IdentityRow sender, TestTarget target)
    {
        if (AddressOf(model, sender, target) is not { } destination)
        {
            return Decision.Deny(DropReason.NotRouted);
        }

        var (to, inside) = model.Resolve(sender.NetworkId, destination);
        return model.Decide(model.Identity(sender.Id)!, to, inside, target.NumberFor(destination), target.Port, default, target.Names);
    }

    /// <summary>Where the sender reaches the target; null where it does not appear in its network.</summary>
    private static IpAddress? AddressOf(FleetModel model, IdentityRow sender, TestTarget target) =>
        target.NetworkId is not { } home || home == sender.NetworkId ? target.Address : model.ServiceAddress(sender.NetworkId, home, target.Address);

    private string Said(Case one, FleetModel model, IdentityRow sender, TestTarget target)
    {
        var why = Why(model, sender, target);
        return one.Senders.Count > 1 || one.Targets.Count > 1 ? $"{NameOf(sender)}, {target.Text}: {why}" : why;
    }

    private string Why(FleetModel model, IdentityRow sender, TestTarget target)
    {
        if (AddressOf(model, sender, target) is not { } destination)
        {
            return $"{NameOf(sender)} is in network {sender.Network}, where {target.Text} does not appear: no rule leads there from that network.";
        }

        var why = model.Explain(sender.Id, default, destination, target.NumberFor(destination), target.Port, target.Names);
        return PolicyQueries.Steps(state, sender, why, default, target.Protocol, RuleName).Last();
    }

    private string RuleName(int rule) => ruleLines.TryGetValue(rule, out var line)
        ? string.Create(CultureInfo.InvariantCulture, $"The rule in line {line}")
        : state.Rules.GetValueOrDefault(rule)?.Until is { } end
            ? string.Create(CultureInfo.InvariantCulture, $"Rule {rule}, which is temporary and not in the file (it ends at {FileValue.Time(UnixTime.ToTime(end))}; to end it now: sallyport rule remove {rule}),")
        : string.Create(CultureInfo.InvariantCulture, $"Rule {rule}, which is not in the file,");

    private static FleetTest Answer(Case one, bool passed, string why) =>
        new() { Line = one.Test.Mark.Line, Test = one.Test.Text, Passed = passed, Why = why };

    private static string NameOf(IdentityRow row) => row.AddressV4 is null && row.AddressV6 is null ? row.Name : $"{row.Kind} {row.Name}";

    private sealed record Case(FileTest Test, TestedSenders Senders, IReadOnlyList<TestTarget> Targets);
}
