using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Locks;
using Sallyport.Control.Changes;
using Sallyport.Control.Identities;
using Sallyport.Control.Store;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Locks;

/// <summary>
/// A lock. What it does is in the queries that make models: an identity that is locked is not active, a credential or rule that is locked is
/// not there, an application says that it is locked (<c>IdentityRow</c>, <c>CredentialRow</c>, <c>RuleRow</c>, <c>ApplicationRow</c>).
/// </summary>
internal sealed class LockRow
{
    private const string Select =
        """
        SELECT l.id, l.subject_kind AS SubjectKind, l.subject_id AS SubjectId, l.subject, l.network_id AS NetworkId, n.name AS Network, l.reason,
            l.until, l.labels AS LabelsJson, l.created_at AS CreatedAt, l.created_by AS CreatedBy
        FROM locks l LEFT JOIN networks n ON n.id = l.network_id
        """;

    public int Id { get; init; }

    public string SubjectKind { get; init; } = "";

    /// <summary>Null for a group or label.</summary>
    public int? SubjectId { get; init; }

    /// <summary>The name, number, group, "key=value" or "key=value,other=value".</summary>
    public string Subject { get; init; } = "";

    /// <summary>Those of a label subject: who has all of them is locked.</summary>
    public string LabelsJson { get; init; } = "[]";

    /// <summary>Null for a group or label of all networks.</summary>
    public int? NetworkId { get; init; }

    public string? Network { get; init; }

    public string? Reason { get; init; }

    /// <summary>Nanoseconds since the Unix epoch.</summary>
    public long? Until { get; init; }

    public long CreatedAt { get; init; }

    public string CreatedBy { get; init; } = "";

    public static LockRow? Find(SqliteConnection sql, int id) => sql.QuerySingleOrDefault<LockRow>(Select + " WHERE l.id = @id", new { id });

    public static IReadOnlyList<LockRow> List(SqliteConnection sql, int? networkId, long after, int limit) =>
    [
        .. sql.Query<LockRow>(
            Select + """
                 WHERE l.id > @after AND (@networkId IS NULL OR ifnull(l.network_id, @networkId) = @networkId
                    OR (l.subject_kind = 'rule' AND EXISTS (SELECT 1 FROM rules r WHERE r.id = l.subject_id AND r.network_id = @networkId)))
                ORDER BY l.id LIMIT @limit
                """,
            new { after, networkId, limit }),
    ];

    /// <summary>Those with these ids, those on the application, and those on rules that lead to it and speak of the identity.</summary>
    public static IReadOnlyList<LockRow> Concerning(SqliteConnection sql, IEnumerable<int> ids, int applicationId, IEnumerable<int> ruleIds) =>
    [
        .. sql.Query<LockRow>(
            Select + """
                 WHERE l.id IN @ids OR (l.subject_kind = 'application' AND l.subject_id = @applicationId)
                OR (l.subject_kind = 'rule' AND l.subject_id IN @ruleIds) ORDER BY l.id
                """,
            new { ids, applicationId, ruleIds }),
    ];

    public static IReadOnlyList<LockRow> Due(SqliteConnection sql, long now) =>
        [.. sql.Query<LockRow>(Select + " WHERE l.until <= @now ORDER BY l.until, l.id", new { now })];

    public static IReadOnlyList<LockRow> On(SqliteConnection sql, ChangeKind kind, int id) =>
    [
        .. sql.Query<LockRow>(
            Select + kind switch
            {
                ChangeKind.Network => " WHERE l.network_id = @id",
                ChangeKind.Application => " WHERE l.subject_kind = 'application' AND l.subject_id = @id",
                ChangeKind.Identity =>
                    """
                     WHERE (l.subject_kind IN ('device', 'site') AND l.subject_id = @id)
                        OR (l.subject_kind = 'credential' AND l.subject_id IN (SELECT id FROM credentials WHERE identity_id = @id))
                    """,
                _ => throw new InvariantException($"locks go with identities, applications and networks, not with a {kind}"),
            },
            new { id }),
    ];

    public static long? NextEnd(SqliteConnection sql) => sql.ExecuteScalar<long?>("SELECT min(until) FROM locks");

    /// <summary>What the gateways must look at again where it comes or goes.</summary>
    public IReadOnlyList<(ChangeKind Kind, int Id)> Touches(SqliteConnection sql) => SubjectKind switch
    {
        "device" or "site" => [(ChangeKind.Identity, SubjectId!.Value)],
        "rule" => [(ChangeKind.Rule, SubjectId!.Value)],
        "credential" => Ids(sql, ChangeKind.Identity, "SELECT identity_id FROM credentials WHERE id = @SubjectId"),
        "application" => [(ChangeKind.Application, SubjectId!.Value)],
        _ => Ids(sql, ChangeKind.Identity, MembersQuery),
    };

    private string MembersQuery => SubjectKind switch
    {
        "network" => "SELECT id FROM identities WHERE network_id = @SubjectId",
        "group" =>
            """
            SELECT i.id FROM identities i WHERE (@NetworkId IS NULL OR i.network_id = @NetworkId)
                AND EXISTS (SELECT 1 FROM json_each(i.groups) g WHERE g.value = @Subject)
            """,
        _ =>
            """
            SELECT i.id FROM identities i WHERE (@NetworkId IS NULL OR i.network_id = @NetworkId)
                AND NOT EXISTS (SELECT 1 FROM json_each(@LabelsJson) w
                    WHERE NOT EXISTS (SELECT 1 FROM json_each(i.labels) b WHERE b.key || '=' || b.value = w.value))
            """,
    };

    public LockInfo ToInfo(SqliteConnection sql) => new()
    {
        Id = Id,
        Subject = $"{SubjectKind}:{Subject}",
        Network = Network,
        Reason = Reason,
        Until = UnixTime.ToTime(Until),
        Subjects = CountSubjects(sql),
        CreatedAt = UnixTime.ToTime(CreatedAt),
        CreatedBy = CreatedBy,
    };

    /// <summary>Who is retired does not come back in any case.</summary>
    private int CountSubjects(SqliteConnection sql) => SubjectKind is "network" or "group" or "label"
        ? sql.ExecuteScalar<int>(
            "SELECT count(*) FROM identities WHERE state <> @Retired AND id IN (" + MembersQuery + ")",
            new { IdentityStates.Retired, SubjectId, Subject, LabelsJson, NetworkId })
        : 1;

    private IReadOnlyList<(ChangeKind Kind, int Id)> Ids(SqliteConnection sql, ChangeKind kind, string query) =>
        [.. sql.Query<int>(query, new { SubjectId, Subject, LabelsJson, NetworkId }).Select(id => (kind, id))];
}
