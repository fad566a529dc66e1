using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Nodes;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Appearances;

/// <summary>Addresses of one network that stand for addresses of another, as they were given out.</summary>
internal sealed class AppearanceRow
{
    private const string Select =
        "SELECT id, kind, network_id AS NetworkId, at AS AtText, home_id AS HomeId, of AS OfText FROM appearances";

    public int Id { get; init; }

    /// <summary>"service" or "guest".</summary>
    public string Kind { get; init; } = "";

    public int NetworkId { get; init; }

    public string AtText { get; init; } = "";

    public int HomeId { get; init; }

    public string OfText { get; init; } = "";

    public IpPrefix At => IpPrefix.Parse(AtText);

    public IpPrefix Of => IpPrefix.Parse(OfText);

    public static AppearanceRow? Find(SqliteConnection sql, int id) =>
        sql.QuerySingleOrDefault<AppearanceRow>(Select + " WHERE id = @id", new { id });

    public static IEnumerable<AppearanceRow> All(SqliteConnection sql) => sql.Query<AppearanceRow>(Select + " ORDER BY id");

    public AppearanceModel ToModel() => new() { Id = Id, Kind = Kind, NetworkId = NetworkId, At = AtText, HomeId = HomeId, Of = OfText };
}
