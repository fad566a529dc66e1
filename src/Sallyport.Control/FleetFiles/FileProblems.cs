using Sallyport.Api.Problems;
using Sallyport.Control.Http;

namespace Sallyport.Control.FleetFiles;

/// <summary>Everything that is wrong with a file, each with its place; the first <see cref="FleetFileLimits.ProblemsMax"/> are told.</summary>
internal sealed class FileProblems
{
    private readonly List<FieldProblem> problems = [];
    private bool onlyConflicts = true;

    public FileProblems()
    {
    }

    /// <summary>With those that were found before.</summary>
    public FileProblems(FileProblems before)
    {
        problems.AddRange(before.problems);
        onlyConflicts = before.onlyConflicts;
        Count = before.Count;
    }

    /// <summary>Also of those that are not told.</summary>
    public int Count { get; private set; }

    public bool Any => Count > 0;

    public bool IsFull => problems.Count >= FleetFileLimits.ProblemsMax;

    public IReadOnlyList<FieldProblem> Sorted => [.. problems.OrderBy(problem => problem.Line).ThenBy(problem => problem.Column)];

    /// <param name="path">"rules[3].from"; empty for the file itself.</param>
    public void Add(string path, FileMark at, string message, string hint)
    {
        onlyConflicts = false;
        Keep(path, at, message, hint);
    }

    /// <summary>What a command had against an entry of the file.</summary>
    public void Add(string path, FileMark at, FieldProblem problem, bool isConflict)
    {
        onlyConflicts &= isConflict;
        Keep(path, at, problem.Message, problem.Hint);
    }

    public void ThrowIfAny()
    {
        if (Any)
        {
            throw new ProblemException(onlyConflicts ? Refusal.Conflict(Sorted) : Refusal.Invalid(Sorted));
        }
    }

    private void Keep(string path, FileMark at, string message, string hint)
    {
        Count++;
        if (!IsFull)
        {
            problems.Add(Refusal.Field(path.Length == 0 ? "file" : path, message, hint) with { Line = at.Line, Column = at.Column });
        }
    }
}
