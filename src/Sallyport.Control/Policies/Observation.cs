using Sallyport.Control.Http;

namespace Sallyport.Control.Policies;

/// <summary>How far questions about the recorded past look back.</summary>
internal static class Observation
{
    /// <summary>Days, or the default; adds the problem where they are out of range.</summary>
    public static int ReadDays(int? days, int byDefault, int most, ProblemList problems)
    {
        if (days is { } given && (given < 1 || given > most))
        {
            problems.Add("days", $"{given} days are out of range", $"use 1 to {most}");
        }

        return days ?? byDefault;
    }
}
