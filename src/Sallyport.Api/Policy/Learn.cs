namespace Sallyport.Api.Policy;

/// <summary>The smallest set of applications and rules that covers what was observed: a plan to review. Nothing of it is done.</summary>
public sealed record LearnPlan
{
    /// <summary>"group:pumps".</summary>
    public required string Subject { get; init; }

    public required string Network { get; init; }

    public required DateTimeOffset Since { get; init; }

    /// <summary>Who the subject stands for now.</summary>
    public required int Members { get; init; }

    /// <summary>Those of them that opened a flow that counted.</summary>
    public required int MembersSeen { get; init; }

    public required long Flows { get; init; }

    /// <summary>To be made, because none that is there is as narrow.</summary>
    public required IReadOnlyList<LearnedApplication> Applications { get; init; }

    public required IReadOnlyList<LearnedRule> Rules { get; init; }

    /// <summary>What was observed and is not in the plan, and why.</summary>
    public required IReadOnlyList<LearnSkipped> Skipped { get; init; }

    /// <summary>The commands that make it so.</summary>
    public required IReadOnlyList<string> Commands { get; init; }
}

/// <summary>Exactly one of <see cref="Site"/>, <see cref="Device"/> and <see cref="Host"/> carries it.</summary>
public sealed record LearnedApplication
{
    public required string Name { get; init; }

    public string? Site { get; init; }

    public string? Device { get; init; }

    /// <summary>The network in which the gateway host offers it.</summary>
    public string? Host { get; init; }

    public required string Target { get; init; }

    public required IReadOnlyList<string> Services { get; init; }
}

public sealed record LearnedRule
{
    public required string From { get; init; }

    /// <summary>Of the group or label, where it is another network than the application's.</summary>
    public string? FromNetwork { get; init; }

    public required string To { get; init; }

    /// <summary>The rule that is there already and allows it; null for one to be made.</summary>
    public int? Existing { get; init; }

    /// <summary>When the rule that is there ends; null where it does not, or is to be made: what is proposed has no end.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Rules with an end, where all that was allowed of it came by those alone: it may have been meant for a while only.</summary>
    public required IReadOnlyList<int> Temporary { get; init; }

    /// <summary>Rules with conditions or hours that allowed it or would, which a rule to be made goes around: what is proposed has none.</summary>
    public required IReadOnlyList<int> Bypasses { get; init; }

    /// <summary>The services of it that were used.</summary>
    public required IReadOnlyList<string> Services { get; init; }

    /// <summary>How many members used it.</summary>
    public required int Members { get; init; }

    public required long Flows { get; init; }

    /// <summary>Those among the flows that were denied.</summary>
    public required long Denied { get; init; }

    public required DateTimeOffset LastSeen { get; init; }
}

public sealed record LearnSkipped(string What, string Why, long Flows);
