using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Nodes;
using Sallyport.Api.Rules;
using Sallyport.Control.Store;

namespace Sallyport.Control.Policies;

internal sealed class RuleRow
{
    private const string Select =
        """
        SELECT r.id, r.application_id AS ApplicationId, a.name AS Application, a.network_id AS NetworkId, n.name AS Network,
            r.subject_kind AS SubjectKind, ifnull(r.subject_id, 0) AS SubjectId, ifnull(i.name, r.subject) AS Subject,
            r.created_at AS CreatedAt, r.revision
        FROM rules r JOIN applications a ON a.id = r.application_id JOIN networks n ON n.id = a.network_id
            LEFT JOIN identities i ON i.id = r.subject_id
        """;

    public int Id { get; init; }

    public int ApplicationId { get; init; }

    public string Application { get; init; } = "";

    public int NetworkId { get; init; }

    public string Network { get; init; } = "";

    public string SubjectKind { get; init; } = "";

    public int SubjectId { get; init; }

    /// <summary>Name of the device or site, the group, or "key=value".</summary>
    public string Subject { get; init; } = "";

    public long CreatedAt { get; init; }

    public long Revision { get; init; }

    public static RuleRow? Find(SqliteConnection sql, int id) => sql.QuerySingleOrDefault<RuleRow>(Select + " WHERE r.id = @id", new { id });

    public static IEnumerable<RuleRow> All(SqliteConnection sql) => sql.Query<RuleRow>(Select + " ORDER BY r.id");

    public static IReadOnlyList<RuleRow> OfApplication(SqliteConnection sql, int applicationId) =>
        [.. sql.Query<RuleRow>(Select + " WHERE r.application_id = @applicationId ORDER BY r.id", new { applicationId })];

    public static IReadOnlyList<RuleRow> OfSubject(SqliteConnection sql, int identityId) =>
        [.. sql.Query<RuleRow>(Select + " WHERE r.subject_id = @identityId ORDER BY r.id", new { identityId })];

    public static RuleRow? FindSame(SqliteConnection sql, int applicationId, string kind, int? subjectId, string subject) =>
        sql.QuerySingleOrDefault<RuleRow>(
            Select + " WHERE r.application_id = @applicationId AND r.subject_kind = @kind AND r.subject_id IS @subjectId AND r.subject = @subject",
            new { applicationId, kind, subjectId, subject });

    public static IReadOnlyList<RuleRow> List(SqliteConnection sql, int? networkId, long after, int limit) =>
    [
        .. sql.Query<RuleRow>(
            Select + " WHERE r.id > @after AND (@networkId IS NULL OR a.network_id = @networkId) ORDER BY r.id LIMIT @limit",
            new { after, networkId, limit }),
    ];

    public RuleModel ToModel() => new()
    {
        Id = Id,
        SubjectKind = SubjectKind,
        SubjectId = SubjectId,
        Subject = SubjectId == 0 ? Subject : "",
        ApplicationId = ApplicationId,
    };

    /// <summary>Whether that identity is one of its subjects.</summary>
    public bool SpeaksOf(IdentityModel identity) => identity.NetworkId == NetworkId && SubjectKind switch
    {
        "group" => identity.Groups.Contains(Subject),
        "label" => identity.Labels.Any(label => Subject == $"{label.Key}={label.Value}"),
        _ => identity.Id == SubjectId,
    };

    public RuleInfo ToInfo(int subjects) => new()
    {
        Id = Id,
        From = $"{SubjectKind}:{Subject}",
        To = $"application:{Application}",
        Network = Network,
        Subjects = subjects,
        CreatedAt = UnixTime.ToTime(CreatedAt),
        Revision = Revision,
    };
}
