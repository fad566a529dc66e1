using Sallyport.Api.Problems;

namespace Sallyport.Control.Http;

/// <summary>A command that cannot be done as asked; the answer says all of why. Nothing was stored.</summary>
internal class ProblemException(Problem problem) : Exception(problem.Detail ?? problem.Title)
{
    public Problem Problem { get; } = problem;
}
