using Sallyport.Api.Devices;
using Sallyport.Api.Nodes;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Core.Policy;

namespace Sallyport.Control.Identities;

/// <summary>Reads facts that are reported of a device or site.</summary>
internal static class PostureInput
{
    private const int FactsMax = 32;

    /// <summary>What was there with what is given put in its place, by name. Throws with all that is wrong.</summary>
    /// <param name="now">Nanoseconds since the Unix epoch: facts are as old as their report.</param>
    public static IReadOnlyList<FactModel> Read(PostureUpdate input, IReadOnlyList<FactModel> before, long now)
    {
        var problems = new ProblemList();
        var after = new SortedDictionary<string, FactModel>(before.ToDictionary(fact => fact.Name), StringComparer.Ordinal);
        if (input.Facts is not { Count: > 0 })
        {
            problems.Add("facts", "the facts are missing", "give at least one, such as firmware=2.4.1");
        }

        foreach (var (name, value) in input.Facts ?? new Dictionary<string, string?>())
        {
            var field = $"facts.{Label.Shorten(name)}";
            if (!PostureTest.IsName(name))
            {
                problems.Add(field, $"'{Label.Shorten(name)}' is no name of a fact", $"use 1 to {PostureTest.NameMax} letters, digits and - _ . /");
            }
            else if (value is null)
            {
                after.Remove(name);
            }
            else if (!PostureTest.IsValue(value))
            {
                problems.Add(field, $"fact '{Label.Shorten(name)}' has no valid value", $"write name=value with 1 to {PostureValue.MaxLength} printable characters after the '='");
            }
            else
            {
                after[name] = new FactModel(name, value, now);
            }
        }

        if (after.Count > FactsMax)
        {
            problems.Add("facts", $"{after.Count} facts are too many", $"keep at most {FactsMax}; remove some: sallyport device posture remove NAME FACT");
        }

        problems.ThrowIfAny();
        return [.. after.Values];
    }
}
