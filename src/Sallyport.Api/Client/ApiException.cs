using Sallyport.Api.Problems;

namespace Sallyport.Api.Client;

/// <summary>The API refused, and says why.</summary>
public sealed class ApiException(Problem problem) : Exception(problem.Detail ?? problem.Title)
{
    public Problem Problem { get; } = problem;
}
