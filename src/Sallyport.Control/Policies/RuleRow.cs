using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Nodes;
using Sallyport.Api.Rules;
using Sallyport.Control.Identities;
using Sallyport.Control.Store;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

internal sealed class RuleRow
{
    private const string Select =
        """
        SELECT r.id, r.application_id AS ApplicationId, a.name AS Application, a.network_id AS NetworkId, n.name AS Network,
            r.subject_kind AS SubjectKind, ifnull(r.network_id, a.network_id) AS SubjectNetworkId,
            (SELECT name FROM networks WHERE id = ifnull(r.network_id, a.network_id)) AS SubjectNetwork,
            ifnull(r.subject_id, 0) AS SubjectId,
            CASE r.subject_kind WHEN 'network' THEN (SELECT name FROM networks WHERE id = ifnull(r.network_id, a.network_id))
                ELSE ifnull(i.name, r.subject) END AS Subject,
            r.effect, r.until, r.windows AS WindowsJson, r.created_at AS CreatedAt, r.revision,
            EXISTS (SELECT 1 FROM locks l WHERE l.subject_kind = 'rule' AND l.subject_id = r.id) AS IsLocked
        FROM rules r JOIN applications a ON a.id = r.application_id JOIN networks n ON n.id = a.network_id
            LEFT JOIN identities i ON i.id = r.subject_id
        """;

    public int Id { get; init; }

    public int ApplicationId { get; init; }

    public string Application { get; init; } = "";

    public int NetworkId { get; init; }

    public string Network { get; init; } = "";

    public string SubjectKind { get; init; } = "";

    /// <summary>Of the subjects; where it is another one than the application's, these are reached across.</summary>
    public int SubjectNetworkId { get; init; }

    public string SubjectNetwork { get; init; } = "";

    public bool IsAcross => SubjectNetworkId != NetworkId;

    public int SubjectId { get; init; }

    /// <summary>Name of the device, site or network, the group, or "key=value".</summary>
    public string Subject { get; init; } = "";

    public string Effect { get; init; } = "allow";

    /// <summary>Nanoseconds since the Unix epoch.</summary>
    public long? Until { get; init; }

    public string WindowsJson { get; init; } = "[]";

    /// <summary>Never one that denies: a lock opens nothing.</summary>
    public bool IsLocked { get; init; }

    public long CreatedAt { get; init; }

    public long Revision { get; init; }

    public static RuleRow? Find(SqliteConnection sql, int id) => sql.QuerySingleOrDefault<RuleRow>(Select + " WHERE r.id = @id", new { id });

    public static IEnumerable<RuleRow> All(SqliteConnection sql) => sql.Query<RuleRow>(Select + " ORDER BY r.id");

    public static IReadOnlyList<RuleRow> OfApplication(SqliteConnection sql, int applicationId) =>
        [.. sql.Query<RuleRow>(Select + " WHERE r.application_id = @applicationId ORDER BY r.id", new { applicationId })];

    public static IReadOnlyList<RuleRow> OfSubject(SqliteConnection sql, int identityId) =>
        [.. sql.Query<RuleRow>(Select + " WHERE r.subject_id = @identityId ORDER BY r.id", new { identityId })];

    /// <summary>Rules to other networks that speak of a network's groups, labels or all of it.</summary>
    public static IReadOnlyList<RuleRow> OfMembersOf(SqliteConnection sql, int networkId) =>
        [.. sql.Query<RuleRow>(Select + " WHERE r.network_id = @networkId ORDER BY r.id LIMIT 10", new { networkId })];

    public static RuleRow? FindSame(
        SqliteConnection sql, int applicationId, string kind, int? subjectId, string subject, int? networkId, string effect) =>
        sql.QuerySingleOrDefault<RuleRow>(
            Select + """
                 WHERE r.application_id = @applicationId AND r.subject_kind = @kind AND r.subject_id IS @subjectId AND r.subject = @subject
                AND r.network_id IS @networkId AND r.effect = @effect
                """,
            new { applicationId, kind, subjectId, subject, networkId, effect });

    public static IReadOnlyList<RuleRow> List(SqliteConnection sql, int? networkId, long after, int limit) =>
    [
        .. sql.Query<RuleRow>(
            Select + " WHERE r.id > @after AND (@networkId IS NULL OR a.network_id = @networkId OR r.network_id = @networkId) ORDER BY r.id LIMIT @limit",
            new { after, networkId, limit }),
    ];

    /// <summary>Null where a lock keeps it from the gateways.</summary>
    public RuleModel? ToModel() => IsLocked ? null : new()
    {
        Id = Id,
        SubjectKind = SubjectKind,
        NetworkId = IsAcross || SubjectKind == "network" ? SubjectNetworkId : 0,
        SubjectId = SubjectId,
        Subject = SubjectId == 0 && SubjectKind != "network" ? Subject : "",
        ApplicationId = ApplicationId,
        Effect = Effect,
        Until = Until,
        Windows = Column.List(WindowsJson),
    };

    /// <summary>Whether that identity is one of its subjects.</summary>
    public bool SpeaksOf(IdentityModel identity) => identity.NetworkId == SubjectNetworkId && SubjectKind switch
    {
        "network" => identity.Kind != HostIdentity.Kind,
        "group" => identity.Groups.Contains(Subject),
        "label" => identity.Labels.Any(label => Subject == $"{label.Key}={label.Value}"),
        _ => identity.Id == SubjectId,
    };

    public RuleInfo ToInfo(int subjects, DateTimeOffset now)
    {
        var (windows, at) = (Column.List(WindowsJson), new Instant(now.ToUnixNanoseconds()));
        var time = RuleTimes.Of(Until, windows);
        var next = time.NextChange(at);
        return new RuleInfo
        {
            Id = Id,
            From = $"{SubjectKind}:{Subject}",
            To = $"application:{Application}",
            Network = Network,
            FromNetwork = SubjectNetwork,
            Subjects = subjects,
            Effect = Effect,
            Until = UnixTime.ToTime(Until),
            Windows = windows,
            State = IsLocked ? "locked" : at >= time.Until ? "over" : time.IsInForce(at) ? "in force" : "waiting",
            NextChange = next == Instant.Never ? null : UnixTime.ToTime(next.Nanoseconds),
            CreatedAt = UnixTime.ToTime(CreatedAt),
            Revision = Revision,
        };
    }
}
