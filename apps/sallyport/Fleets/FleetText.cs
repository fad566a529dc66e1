using Sallyport.Api.Fleets;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Fleets;

/// <summary>A plan for people: a line for each thing that changes, what its tests say, and the sum.</summary>
internal static class FleetText
{
    public static void Print(Printer printer, FleetPlan plan)
    {
        foreach (var change in plan.Changes)
        {
            var line = change.Line is { } number ? $"  (line {number})" : "";
            printer.Line($"{Sign(change.Action)} {Named(change.Subject)}{line}");
            foreach (var what in change.What)
            {
                printer.Sentence($"    {what}", 6);
            }
        }

        foreach (var remark in plan.Remarks)
        {
            printer.Sentence($"! {remark}", 2);
        }

        foreach (var test in plan.Tests.Where(test => !test.Passed))
        {
            printer.Sentence($"FAILED line {test.Line}: {test.Test}", 7);
            printer.Sentence($"       {test.Why}", 7);
        }

        if (plan.TunnelsReconnecting is { } tunnels)
        {
            var verb = plan.Applied ? (tunnels == 1 ? "connects" : "connect") : "would connect";
            printer.Sentence($"! {Human.Count(tunnels, "tunnel")} {verb} anew for other routes: {(tunnels == 1 ? "it is" : "each is")} silent for some seconds", 2);
        }

        printer.Line(Sum(plan));
    }

    private static string Sum(FleetPlan plan)
    {
        var failed = plan.Tests.Count(test => !test.Passed);
        var tests = plan.Tests.Count == 0 ? "no tests" : failed == 0 ? $"{Human.Count(plan.Tests.Count, "test")} passed" : $"{failed} of {Human.Count(plan.Tests.Count, "test")} failed";
        if (plan.Changes.Count == 0)
        {
            return $"nothing to change: {plan.Unchanged} as the file says; {tests}; version {plan.Version}";
        }

        (string Action, string Past)[] actions = [("add", "added"), ("change", "changed"), ("remove", "removed")];
        var counts = actions.Select(one => (Count: plan.Changes.Count(change => change.Action == one.Action), Word: plan.Applied ? one.Past : $"to {one.Action}"))
            .Where(one => one.Count > 0).Select(one => $"{one.Count} {one.Word}");
        return $"{(plan.Applied ? "applied" : "plan")}: {string.Join(", ", counts)}, {plan.Unchanged} as they are; {tests}; version {plan.Version}";
    }

    private static string Named(string subject) => subject.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon ? $"{subject[..colon]} {subject[(colon + 1)..]}" : subject;

    private static char Sign(string action) => action switch
    {
        "add" => '+',
        "remove" => '-',
        _ => '~',
    };
}
