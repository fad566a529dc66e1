namespace Sallyport.Api.Policy;

/// <summary>Whether a flow would pass, and why.</summary>
public sealed record PolicyExplanation
{
    public required bool Allowed { get; init; }

    /// <summary>"device:pump-17".</summary>
    public required string From { get; init; }

    public required string Network { get; init; }

    public required string Destination { get; init; }

    public required string Protocol { get; init; }

    public required int Port { get; init; }

    /// <summary>Who carries the destination: "site:hq"; null where nobody does.</summary>
    public string? Carrier { get; init; }

    /// <summary>Whether the sender has a tunnel: "online", "offline" or "unknown" (its gateway is not connected to control).</summary>
    public required string FromPresence { get; init; }

    /// <summary>The same of who carries the destination; null where nobody does. What is allowed arrives only where both are online.</summary>
    public string? CarrierPresence { get; init; }

    public string? Application { get; init; }

    /// <summary>The rule that allows or denies it, or that would allow it if its hours had come or it were not over.</summary>
    public int? RuleId { get; init; }

    public string? Rule { get; init; }

    /// <summary>A name of the drop reasons; null where allowed.</summary>
    public string? Reason { get; init; }

    /// <summary>
    /// The opposite is decided where the gateway told the sender this address for a name of some application: the steps say for which. What
    /// <see cref="Allowed"/> says holds where it told none.
    /// </summary>
    public bool DependsOnNames { get; init; }

    /// <summary>Of what is denied the rule that comes nearest to allowing it; null where none would but for one condition.</summary>
    public NearestRule? Nearest { get; init; }

    /// <summary>The steps of the decision, one sentence each.</summary>
    public required IReadOnlyList<string> Steps { get; init; }

    /// <summary>The narrowest commands that would allow it; empty where allowed or none can.</summary>
    public required IReadOnlyList<string> AllowCommands { get; init; }
}

/// <summary>A rule that does not allow a flow because of one condition.</summary>
/// <param name="Condition">"subject", "condition", "hours", "ended", "locked" or "service".</param>
/// <param name="Why">"device pump-17 is not in the group pumps".</param>
/// <param name="Fix">The command that would make it hold; null where that is not a thing to advise.</param>
public sealed record NearestRule(int RuleId, string Rule, string Condition, string Why, string? Fix);
