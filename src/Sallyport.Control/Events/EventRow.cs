using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Events;
using Sallyport.Control.Store;

namespace Sallyport.Control.Events;

internal sealed class EventRow
{
    public long Id { get; init; }

    public long At { get; init; }

    public string Kind { get; init; } = "";

    public string Source { get; init; } = "";

    public string? Subject { get; init; }

    public string? Network { get; init; }

    public string? OuterAddress { get; init; }

    public string Detail { get; init; } = "";

    public static long Save(SqliteConnection sql, EventInfo happened) => sql.ExecuteScalar<long>(
        """
        INSERT INTO events (at, kind, source, subject, network, outer_address, detail)
        VALUES (@at, @Kind, @Source, @Subject, @Network, @OuterAddress, @Detail) RETURNING id
        """,
        new
        {
            at = happened.At.ToUnixNanoseconds(),
            happened.Kind,
            happened.Source,
            happened.Subject,
            happened.Network,
            happened.OuterAddress,
            happened.Detail,
        });

    public static IReadOnlyList<EventInfo> List(SqliteConnection sql, string? kind, long before, int limit) =>
    [
        .. sql.Query<EventRow>(
            """
            SELECT id, at, kind, source, subject, network, outer_address AS OuterAddress, detail FROM events
            WHERE id < @before AND (@kind IS NULL OR kind = @kind) ORDER BY id DESC LIMIT @limit
            """,
            new { before, kind, limit }).Select(row => row.ToInfo()),
    ];

    private EventInfo ToInfo() => new()
    {
        Id = Id,
        At = UnixTime.ToTime(At),
        Kind = Kind,
        Source = Source,
        Subject = Subject,
        Network = Network,
        OuterAddress = OuterAddress,
        Detail = Detail,
    };
}
