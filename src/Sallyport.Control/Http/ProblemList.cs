using Sallyport.Api.Problems;

namespace Sallyport.Control.Http;

/// <summary>
/// Collects everything that is wrong with a command, so that nobody has to repair it one error at a time. Each has a field, a message that
/// says what is wrong without its field, and a way to put it right.
/// </summary>
internal sealed class ProblemList
{
    private readonly List<FieldProblem> problems = [];
    private bool onlyConflicts = true;
    private bool onlyUnknown = true;

    public bool Any => problems.Count > 0;

    public IReadOnlyList<FieldProblem> Problems => problems;

    public void Add(string field, string message, string hint)
    {
        onlyConflicts = onlyUnknown = false;
        problems.Add(Refusal.Field(field, message, hint));
    }

    /// <summary>The input is fine, but something that exists is in its way.</summary>
    public void AddConflict(string field, string message, string hint)
    {
        onlyUnknown = false;
        problems.Add(Refusal.Field(field, message, hint));
    }

    /// <summary>The input names something that does not exist.</summary>
    public void AddUnknown(string field, string message, string hint)
    {
        onlyConflicts = false;
        problems.Add(Refusal.Field(field, message, hint));
    }

    public void ThrowIfAny()
    {
        if (Any)
        {
            throw new ProblemException(onlyConflicts ? Refusal.Conflict(problems) : onlyUnknown ? Refusal.Unknown(problems) : Refusal.Invalid(problems));
        }
    }
}
