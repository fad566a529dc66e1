using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Applications;
using Sallyport.Api.Nodes;
using Sallyport.Control.Store;

namespace Sallyport.Control.Applications;

internal sealed class ApplicationRow
{
    private const string Select =
        """
        SELECT a.id, a.network_id AS NetworkId, n.name AS Network, a.owner_id AS OwnerId, i.kind AS OwnerKind, i.name AS Owner, a.name, a.target,
            a.services AS ServicesJson, a.names AS NamesJson, a.groups AS GroupsJson, a.management, a.created_at AS CreatedAt, a.revision,
            EXISTS (SELECT 1 FROM locks l WHERE l.subject_kind = 'application' AND l.subject_id = a.id) AS IsLocked,
            (SELECT json_group_array(pn.name || ' ' || p.at) FROM appearances p JOIN networks pn ON pn.id = p.network_id
                WHERE p.kind = 'service' AND p.home_id = a.network_id AND p.of IN (a.target, a.target || '/32', a.target || '/128')) AS AppearsAtJson
        FROM applications a JOIN networks n ON n.id = a.network_id JOIN identities i ON i.id = a.owner_id
        """;

    public int Id { get; init; }

    public int NetworkId { get; init; }

    public string Network { get; init; } = "";

    public int OwnerId { get; init; }

    public string OwnerKind { get; init; } = "";

    public string Owner { get; init; } = "";

    public string Name { get; init; } = "";

    public string Target { get; init; } = "";

    public string ServicesJson { get; init; } = "[]";

    public string NamesJson { get; init; } = "[]";

    public string GroupsJson { get; init; } = "[]";

    public bool Management { get; init; }

    /// <summary>"plant-b 198.18.0.1/32", for every other network in which it may be reached.</summary>
    public string AppearsAtJson { get; init; } = "[]";

    public long CreatedAt { get; init; }

    public long Revision { get; init; }

    public bool IsLocked { get; init; }

    public string Subject => $"application:{Name}.{Network}";

    public static ApplicationRow? Find(SqliteConnection sql, int id) =>
        sql.QuerySingleOrDefault<ApplicationRow>(Select + " WHERE a.id = @id", new { id });

    public static IReadOnlyList<ApplicationRow> FindByName(SqliteConnection sql, string name, string? network) =>
    [
        .. sql.Query<ApplicationRow>(
            Select + " WHERE a.name = @name AND (@network IS NULL OR n.name = @network) ORDER BY n.name", new { name, network }),
    ];

    public static IReadOnlyList<ApplicationRow> OfOwner(SqliteConnection sql, int ownerId) =>
        [.. sql.Query<ApplicationRow>(Select + " WHERE a.owner_id = @ownerId ORDER BY a.id", new { ownerId })];

    public static IEnumerable<ApplicationRow> All(SqliteConnection sql) => sql.Query<ApplicationRow>(Select + " ORDER BY a.id");

    public static IReadOnlyList<ApplicationRow> List(SqliteConnection sql, int? networkId, long after, int limit) =>
    [
        .. sql.Query<ApplicationRow>(
            Select + " WHERE a.id > @after AND (@networkId IS NULL OR a.network_id = @networkId) ORDER BY a.id LIMIT @limit",
            new { after, networkId, limit }),
    ];

    public ApplicationModel ToModel() => new()
    {
        Id = Id,
        NetworkId = NetworkId,
        Name = Name,
        OwnerId = OwnerId,
        Target = Target,
        Services = Column.List(ServicesJson),
        Names = NamesJson == "[]" ? null : Column.List(NamesJson),
        Locked = IsLocked,
        Management = Management,
    };

    public ApplicationInfo ToInfo() => new()
    {
        Id = Id,
        Name = Name,
        Network = Network,
        OwnerKind = OwnerKind,
        Owner = Owner,
        Target = Target,
        Services = Column.List(ServicesJson),
        Names = Column.List(NamesJson),
        Groups = Column.List(GroupsJson),
        Management = Management,
        AppearsAt = Column.List(NamesJson).Count == 0 ? Column.List(AppearsAtJson) : [.. Column.List(AppearsAtJson).Select(at => $"{at.Split(' ')[0]} by its names").Distinct()],
        CreatedAt = UnixTime.ToTime(CreatedAt),
        Revision = Revision,
    };
}
