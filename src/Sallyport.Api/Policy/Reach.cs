namespace Sallyport.Api.Policy;

/// <summary>What one identity may reach of one application by one rule: a row of the effective access.</summary>
public sealed record ReachInfo
{
    /// <summary>"device:pump-17".</summary>
    public required string From { get; init; }

    public required string Network { get; init; }

    /// <summary>The application whose services these are.</summary>
    public required string Application { get; init; }

    /// <summary>Its network, which may be another one.</summary>
    public required string ApplicationNetwork { get; init; }

    /// <summary>"tcp/8883", "udp/5000-5010", "icmp": what may be reached of it, which may be less than it offers.</summary>
    public required IReadOnlyList<string> Services { get; init; }

    /// <summary>Of an application of names these: whatever addresses the gateway tells the identity for them. Then there are no destinations.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>Where: the application's target, or the parts of it; from another network the addresses at which it appears there.</summary>
    public required IReadOnlyList<string> Destinations { get; init; }

    /// <summary>Parts of the destinations for which this row does not hold; they have rows of their own, or may not be reached.</summary>
    public required IReadOnlyList<string> Except { get; init; }

    /// <summary>The rule that allows it.</summary>
    public required int RuleId { get; init; }

    public required string Rule { get; init; }

    /// <summary>The application that the rule leads to, where that is another one at the same place.</summary>
    public string? Via { get; init; }

    /// <summary>Whether it is allowed at the moment that was asked for.</summary>
    public required bool Now { get; init; }

    /// <summary>Where it is not: from when on, as the hours of rules say.</summary>
    public DateTimeOffset? Opens { get; init; }

    /// <summary>When hours or an end close it; null where nothing is known to.</summary>
    public DateTimeOffset? Closes { get; init; }
}

/// <summary>A page of rows; it ends with everything of one identity or application, and so may hold more than was asked for.</summary>
public sealed record ReachPage
{
    public required IReadOnlyList<ReachInfo> Items { get; init; }

    /// <summary>The cursor of the next page; null for the last one.</summary>
    public string? Next { get; init; }

    /// <summary>What stands above the rows: that the application is locked, that who carries it is offline. On the first page.</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}
