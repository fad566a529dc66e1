namespace Sallyport.Api.Policy;

/// <summary>What is wrong with the policy, or could be narrower.</summary>
public sealed record LintReport
{
    public required DateTimeOffset Since { get; init; }

    /// <summary>From when on flows are recorded; later than <see cref="Since"/> where less is kept.</summary>
    public DateTimeOffset? ObservedSince { get; init; }

    public required int Rules { get; init; }

    public required long Flows { get; init; }

    public required IReadOnlyList<LintFinding> Findings { get; init; }

    /// <summary>What could not be looked at, and why.</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}

public sealed record LintFinding
{
    /// <summary>"ended", "no-subject", "no-application", "shadowed", "never-hit", "wider" or "unreachable".</summary>
    public required string Kind { get; init; }

    /// <summary>The rule that it is about; null where it is about an application.</summary>
    public int? RuleId { get; init; }

    /// <summary>The rule or the application.</summary>
    public required string What { get; init; }

    public required string Network { get; init; }

    public required string Why { get; init; }

    /// <summary>The command that would mend it.</summary>
    public required string Fix { get; init; }
}
