using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Keys;
using Sallyport.Control.Store;

namespace Sallyport.Control.Keys;

/// <summary>A tls-crypt-v2 server key and who needs it; the key itself is among the sealed secrets.</summary>
internal sealed class WrappingKeyRow
{
    public const string Name = "tls-crypt-v2";

    private const string Select =
        """
        SELECT id, created_at AS CreatedAt, retired_at AS RetiredAt,
            (SELECT count(*) FROM credentials WHERE wrapping_key_id = wrapping_keys.id AND revoked_at IS NULL) AS Credentials
        FROM wrapping_keys
        """;

    public int Id { get; init; }

    public long CreatedAt { get; init; }

    public long? RetiredAt { get; init; }

    public int Credentials { get; init; }

    public static WrappingKeyRow? Find(SqliteConnection sql, int id) =>
        sql.QuerySingleOrDefault<WrappingKeyRow>(Select + " WHERE id = @id", new { id });

    /// <summary>The current one first.</summary>
    public static IReadOnlyList<WrappingKeyRow> Accepted(SqliteConnection sql) =>
        sql.Query<WrappingKeyRow>(Select + " WHERE retired_at IS NULL ORDER BY id DESC").AsList();

    /// <summary>The first of those whose live credentials came with it.</summary>
    public static IReadOnlyList<(string Kind, string Name, int NetworkId)> Owners(SqliteConnection sql, int id, int most) =>
        sql.Query<(string, string, int)>(
            """
            SELECT DISTINCT i.kind, i.name, i.network_id FROM credentials c JOIN identities i ON i.id = c.identity_id
            WHERE c.wrapping_key_id = @id AND c.revoked_at IS NULL ORDER BY i.kind, i.name LIMIT @most
            """,
            new { id, most }).AsList();

    public KeyInfo ToInfo(bool isCurrent) => new()
    {
        Id = Id,
        Name = Name,
        State = isCurrent ? "current" : "accepted",
        Credentials = Credentials,
        CreatedAt = UnixTime.ToTime(CreatedAt),
    };
}
