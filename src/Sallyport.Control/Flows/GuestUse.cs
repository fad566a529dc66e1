using Dapper;
using Microsoft.Data.Sqlite;

namespace Sallyport.Control.Flows;

/// <summary>Somebody who had a guest's address in a network, by all of his flows there that are on record and were let through.</summary>
internal sealed class GuestUse
{
    /// <summary>A flow that was denied from the start never had the address: who opened it was nobody there.</summary>
    public const string Where =
        """
         WHERE far_network_id = @networkId AND far_source = @address AND (@port IS NULL OR far_source_port = @port) AND first_seen <= @by
            AND (allowed OR cut)
        """;

    public int FromId { get; init; }

    /// <summary>His address at home.</summary>
    public string Source { get; init; } = "";

    public string Kind { get; init; } = "";

    public string Name { get; init; } = "";

    public long FirstSeen { get; init; }

    public long LastSeen { get; init; }

    /// <summary>A flow of his has not ended, however long nothing passed.</summary>
    public bool IsOpen { get; init; }

    /// <summary>A flow of his had another port there than his own.</summary>
    public bool HasPortsGiven { get; init; }

    /// <summary>Who had it last comes first.</summary>
    /// <param name="by">Flows that began later do not count.</param>
    public static IReadOnlyList<GuestUse> List(SqliteConnection sql, int networkId, string address, int? port, long by) =>
    [
        .. sql.Query<GuestUse>(
            $"""
             SELECT from_id AS FromId, source AS Source, max(from_kind) AS Kind, max(from_name) AS Name, min(first_seen) AS FirstSeen, max(last_seen) AS LastSeen,
                max(NOT ended) AS IsOpen, max(protocol IN ('tcp', 'udp') AND ifnull(far_source_port, source_port) <> source_port) AS HasPortsGiven
             FROM flows{Where} GROUP BY from_id, source ORDER BY LastSeen DESC, max(id) DESC
             """,
            new { networkId, address, port, by }),
    ];
}
