using System.Globalization;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Nodes;
using Sallyport.Api.Rules;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Store;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

/// <summary>Where a rule leads: to one application, or to a group of a network's applications.</summary>
internal sealed record RuleTarget(int NetworkId, string Network, ApplicationRow? Application, string? Group)
{
    public string Text => RuleRow.TargetOf(Application?.Name ?? "", Group ?? "");
}

internal sealed class RuleRow
{
    private const string Select =
        """
        SELECT r.id, ifnull(r.application_id, 0) AS ApplicationId, ifnull(a.name, '') AS Application, ifnull(r.application_group, '') AS ApplicationGroup,
            r.target_network_id AS NetworkId, n.name AS Network,
            (SELECT group_concat(m.id) FROM applications m WHERE r.application_group IS NOT NULL AND m.network_id = r.target_network_id
                AND EXISTS (SELECT 1 FROM json_each(m.groups) g WHERE g.value = r.application_group)) AS MemberIds,
            r.subject_kind AS SubjectKind, ifnull(r.network_id, r.target_network_id) AS SubjectNetworkId,
            (SELECT name FROM networks WHERE id = ifnull(r.network_id, r.target_network_id)) AS SubjectNetwork,
            ifnull(r.subject_id, 0) AS SubjectId,
            CASE r.subject_kind WHEN 'network' THEN (SELECT name FROM networks WHERE id = ifnull(r.network_id, r.target_network_id))
                ELSE ifnull(i.name, r.subject) END AS Subject,
            r.effect, r.until, r.windows AS WindowsJson, r.conditions AS ConditionsJson, r.limits AS LimitsJson, r.created_at AS CreatedAt, r.revision,
            EXISTS (SELECT 1 FROM locks l WHERE l.subject_kind = 'rule' AND l.subject_id = r.id) AS IsLocked
        FROM rules r LEFT JOIN applications a ON a.id = r.application_id JOIN networks n ON n.id = r.target_network_id
            LEFT JOIN identities i ON i.id = r.subject_id
        """;

    public int Id { get; init; }

    public int ApplicationId { get; init; }

    /// <summary>Empty for a rule to a group.</summary>
    public string Application { get; init; } = "";

    /// <summary>Empty for a rule to one application.</summary>
    public string ApplicationGroup { get; init; } = "";

    /// <summary>Applications that are in the group now, "3,7"; null without any.</summary>
    public string? MemberIds { get; init; }

    /// <summary>"application:historian" or "application-group:scada".</summary>
    public string Target => TargetOf(Application, ApplicationGroup);

    /// <summary>"historian" or "application-group:scada".</summary>
    public string Named => Application.Length > 0 ? Application : Target;

    public ConditionModel? Conditions => Column.Conditions(ConditionsJson);

    public LimitModel? Limit => Column.Limit(LimitsJson);

    public int NetworkId { get; init; }

    public string Network { get; init; } = "";

    public string SubjectKind { get; init; } = "";

    /// <summary>Of the subjects; where it is another one than the application's, these are reached across.</summary>
    public int SubjectNetworkId { get; init; }

    public string SubjectNetwork { get; init; } = "";

    public bool IsAcross => SubjectNetworkId != NetworkId;

    /// <summary>As the table has them: what follows from something else is not in it.</summary>
    public string StoredSubject => SubjectId == 0 && SubjectKind != "network" ? Subject : "";

    public int? StoredNetworkId => IsAcross ? SubjectNetworkId : null;

    public int SubjectId { get; init; }

    /// <summary>Name of the device, site or network, the group, or "key=value".</summary>
    public string Subject { get; init; } = "";

    public string Effect { get; init; } = "allow";

    /// <summary>Nanoseconds since the Unix epoch.</summary>
    public long? Until { get; init; }

    public string WindowsJson { get; init; } = "[]";

    public string ConditionsJson { get; init; } = "{}";

    public string LimitsJson { get; init; } = "{}";

    /// <summary>Never one that denies: a lock opens nothing.</summary>
    public bool IsLocked { get; init; }

    public long CreatedAt { get; init; }

    public long Revision { get; init; }

    public static RuleRow? Find(SqliteConnection sql, int id) => sql.QuerySingleOrDefault<RuleRow>(Select + " WHERE r.id = @id", new { id });

    public static IEnumerable<RuleRow> All(SqliteConnection sql) => sql.Query<RuleRow>(Select + " ORDER BY r.id");

    public static IReadOnlyList<RuleRow> OfApplication(SqliteConnection sql, int applicationId) =>
        [.. sql.Query<RuleRow>(Select + " WHERE r.application_id = @applicationId ORDER BY r.id", new { applicationId })];

    /// <summary>Those of them, and those to groups that the application is in.</summary>
    public static IReadOnlyList<RuleRow> LeadingTo(SqliteConnection sql, int applicationId) =>
    [
        .. sql.Query<RuleRow>(
            Select + """
                 WHERE r.application_id = @applicationId OR EXISTS (SELECT 1 FROM applications m, json_each(m.groups) g
                    WHERE m.id = @applicationId AND m.network_id = r.target_network_id AND g.value = r.application_group) ORDER BY r.id
                """,
            new { applicationId }),
    ];

    public static IReadOnlyList<RuleRow> OfSubject(SqliteConnection sql, int identityId) =>
        [.. sql.Query<RuleRow>(Select + " WHERE r.subject_id = @identityId ORDER BY r.id", new { identityId })];

    /// <summary>Applications came into these groups of the network, or went out of them.</summary>
    public static void TouchGroups(Change change, int networkId, IEnumerable<string> groups)
    {
        foreach (var id in change.Sql.Query<int>(
            "SELECT id FROM rules WHERE target_network_id = @networkId AND application_group IN @groups", new { networkId, groups = groups.ToList() }).AsList())
        {
            change.Touch(ChangeKind.Rule, id);
        }
    }

    public static string TargetOf(string application, string group) => group.Length == 0 ? $"application:{application}" : $"application-group:{group}";

    /// <summary>Rules to other networks that speak of a network's groups, labels or all of it.</summary>
    public static IReadOnlyList<RuleRow> OfMembersOf(SqliteConnection sql, int networkId) =>
        [.. sql.Query<RuleRow>(Select + " WHERE r.network_id = @networkId ORDER BY r.id LIMIT 10", new { networkId })];

    /// <summary>Rules to groups of a network's applications.</summary>
    public static IReadOnlyList<RuleRow> ToGroupsOf(SqliteConnection sql, int networkId) =>
        [.. sql.Query<RuleRow>(Select + " WHERE r.target_network_id = @networkId AND r.application_group IS NOT NULL ORDER BY r.id LIMIT 10", new { networkId })];

    public static RuleRow? FindSame(
        SqliteConnection sql, RuleTarget target, string kind, int? subjectId, string subject, int? networkId, string effect, string conditions) =>
        ListSame(sql, target, kind, subjectId, subject, networkId, effect).SingleOrDefault(row => row.ConditionsJson == conditions);

    /// <summary>Of one subject, target and effect; they differ in their conditions.</summary>
    public static IReadOnlyList<RuleRow> ListSame(
        SqliteConnection sql, RuleTarget target, string kind, int? subjectId, string subject, int? networkId, string effect) =>
    [
        .. sql.Query<RuleRow>(
            // As the index rules_once has them: an application may have ten thousand rules.
            Select + """
                 WHERE r.target_network_id = @NetworkId AND ifnull(r.application_id, 0) = ifnull(@applicationId, 0)
                AND ifnull(r.application_group, '') = ifnull(@Group, '') AND r.subject_kind = @kind AND ifnull(r.subject_id, 0) = ifnull(@subjectId, 0)
                AND r.subject = @subject AND ifnull(r.network_id, 0) = ifnull(@networkOfSubject, 0) AND r.effect = @effect ORDER BY r.id
                """,
            new
            {
                target.NetworkId,
                applicationId = target.Application?.Id,
                target.Group,
                kind,
                subjectId,
                subject,
                networkOfSubject = networkId,
                effect,
            }),
    ];

    public static IReadOnlyList<RuleRow> List(SqliteConnection sql, int? networkId, long after, int limit) =>
    [
        .. sql.Query<RuleRow>(
            Select + " WHERE r.id > @after AND (@networkId IS NULL OR r.target_network_id = @networkId OR r.network_id = @networkId) ORDER BY r.id LIMIT @limit",
            new { after, networkId, limit }),
    ];

    /// <summary>Null where a lock keeps it from the gateways.</summary>
    public RuleModel? ToModel() => IsLocked ? null : ToUnlockedModel();

    /// <summary>What it is again when the lock is gone.</summary>
    public RuleModel ToUnlockedModel() => new()
    {
        Id = Id,
        SubjectKind = SubjectKind,
        NetworkId = IsAcross || SubjectKind == "network" ? SubjectNetworkId : 0,
        SubjectId = SubjectId,
        Subject = StoredSubject,
        ApplicationId = ApplicationId,
        ApplicationGroup = ApplicationGroup,
        ApplicationIds = MemberIds is null ? [] : [.. MemberIds.Split(',').Select(id => int.Parse(id, CultureInfo.InvariantCulture)).Order()],
        Conditions = Conditions,
        Limit = Limit,
        Effect = Effect,
        Until = Until,
        Windows = Column.List(WindowsJson),
    };

    public RuleSubject ToSubject() => new(SubjectKind, SubjectId, StoredSubject, SubjectNetworkId);

    /// <param name="used">Of its volume.</param>
    public RuleInfo ToInfo(int subjects, DateTimeOffset now, long? used)
    {
        var (windows, at) = (Column.List(WindowsJson), new Instant(now.ToUnixNanoseconds()));
        var time = RuleTimes.Of(Until, windows);
        var next = time.NextChange(at);
        return new RuleInfo
        {
            Id = Id,
            From = $"{SubjectKind}:{Subject}",
            To = Target,
            Network = Network,
            FromNetwork = SubjectNetwork,
            Subjects = subjects,
            Applications = MemberIds is null ? ApplicationId == 0 ? 0 : 1 : MemberIds.Count(c => c == ',') + 1,
            Effect = Effect,
            Until = UnixTime.ToTime(Until),
            Windows = windows,
            Conditions = RuleConditionInput.ToInfo(Conditions),
            Limit = LimitReading.ToInfo(Limit, used),
            State = IsLocked ? "locked" : at >= time.Until ? "over" : time.IsInForce(at) ? "in force" : "waiting",
            NextChange = next == Instant.Never ? null : UnixTime.ToTime(next.Nanoseconds),
            CreatedAt = UnixTime.ToTime(CreatedAt),
            Revision = Revision,
        };
    }
}
