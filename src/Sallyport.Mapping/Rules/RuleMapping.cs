using Sallyport.Api.Nodes;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Mapping.Limits;

namespace Sallyport.Mapping.Rules;

public static class RuleMapping
{
    public static Rule Of(RuleModel dto, FleetTables tables) => new(dto.Id, SubjectOf(dto), [.. Targets(dto)])
    {
        Effect = dto.Effect switch
        {
            "allow" => RuleEffect.Allow,
            "deny" => RuleEffect.Deny,
            _ => throw FleetMapping.Unknown("effect of a rule", dto.Effect),
        },
        Time = TimeOf(dto.Until, dto.Windows, tables),
        Conditions = dto.Conditions is { } conditions ? ConditionsOf(conditions, tables) : RuleConditions.None,
        Limit = LimitMapping.Of(dto.Limit),
    };

    /// <summary>Those that a rule leads to: one, or a group's.</summary>
    public static IReadOnlyList<int> Targets(RuleModel dto) => dto.ApplicationId != 0 ? [dto.ApplicationId] : dto.ApplicationIds;

    public static RuleTime TimeOf(long? until, IReadOnlyList<string> windows, FleetTables tables) =>
        until is null && windows.Count == 0
            ? RuleTime.Always
            : new RuleTime(until is { } end ? new Instant(end) : Instant.Never, [.. windows.Select(text => Window(text, tables))]);

    private static Subject SubjectOf(RuleModel dto) => dto.SubjectKind switch
    {
        "device" => new Subject(SubjectKind.Device, dto.SubjectId, ""),
        "site" => new Subject(SubjectKind.Site, dto.SubjectId, ""),
        "host" => new Subject(SubjectKind.Host, dto.SubjectId, ""),
        "group" => new Subject(SubjectKind.Group, 0, dto.Subject) { NetworkId = dto.NetworkId },
        "label" => new Subject(SubjectKind.Label, 0, dto.Subject) { NetworkId = dto.NetworkId },
        "network" => new Subject(SubjectKind.Network, 0, "") { NetworkId = dto.NetworkId },
        _ => throw FleetMapping.Unknown("subject of a rule", dto.SubjectKind),
    };

    private static TimeWindow Window(string text, FleetTables tables) =>
        WindowText.TryParse(text, out var window, out _) && tables.Zones.TryGetValue(window.Zone, out var zone)
            ? window.In(zone)
            : throw FleetMapping.Unknown("window of a rule", text);

    private static RuleConditions ConditionsOf(ConditionModel dto, FleetTables tables) => ConditionText.Parse(
        dto.States, dto.Protocols, dto.Ciphers, dto.Sources, dto.Posture, dto.PostureAgeSeconds,
        dto.Countries.Select(code => tables.Countries.TryGetValue(code, out var country) ? country : throw FleetMapping.Unknown("country", code)));
}
