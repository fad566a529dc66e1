using Sallyport.Control.Http;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Identities;

/// <summary>Why somebody did something, in their words; it is kept in the audit trail for ever.</summary>
internal static class ReasonInput
{
    private const int LengthMax = 500;

    public static void Check(string? reason)
    {
        var problems = new ProblemList();
        if (reason is { Length: > LengthMax })
        {
            problems.Add("reason", $"a reason of {reason.Length} characters is too long", $"use at most {LengthMax}");
        }

        if (reason is not null && PlainText.HasUnsafe(reason))
        {
            problems.Add("reason", "the reason has control characters", "write it in one line");
        }

        problems.ThrowIfAny();
    }
}
