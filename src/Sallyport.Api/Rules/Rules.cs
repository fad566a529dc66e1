using System.Text.Json.Serialization;

namespace Sallyport.Api.Rules;

/// <summary>Allows subjects to open flows to one application.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record RuleCreate
{
    /// <summary>"device:pump-17", "site:hq", "host:plant-a", "group:pumps" or "label:model=P200".</summary>
    public string? From { get; init; }

    /// <summary>"application:historian".</summary>
    public string? To { get; init; }
}

public sealed record RuleInfo
{
    public required int Id { get; init; }

    public required string From { get; init; }

    public required string To { get; init; }

    public required string Network { get; init; }

    /// <summary>How many devices and sites it speaks of now: 0 where nobody has the label or is in the group.</summary>
    public required int Subjects { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required long Revision { get; init; }
}
