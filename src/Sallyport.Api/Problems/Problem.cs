namespace Sallyport.Api.Problems;

/// <summary>Problem details (RFC 9457), with everything that was wrong with the input at once.</summary>
public sealed record Problem
{
    /// <summary>Type of an input whose only fault is that it names what does not exist.</summary>
    public const string UnknownName = "urn:sallyport:problem:unknown-name";

    /// <summary>Type of a file that would break what its tests promise.</summary>
    public const string TestFailed = "urn:sallyport:problem:test-failed";

    /// <summary>"urn:sallyport:problem:invalid", "…:unknown-name", "…:test-failed", "…:not-found", "…:conflict", "…:changed", "…:unauthorized", "…:forbidden".</summary>
    public string Type { get; init; } = "about:blank";

    public string Title { get; init; } = "";

    public int Status { get; init; }

    public string? Detail { get; init; }

    public IReadOnlyList<FieldProblem> Errors { get; init; } = [];
}

/// <summary>One thing that is wrong: where ("prefixes[0]"), what, and how to put it right. None of the three is empty.</summary>
public sealed record FieldProblem(string Field, string Message, string Hint)
{
    /// <summary>Where in a file that was sent, from 1; null where the input was no file.</summary>
    public int? Line { get; init; }

    public int? Column { get; init; }
}
