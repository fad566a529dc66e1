using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Dns;
using Sallyport.Api.Flows;
using Sallyport.Api.Nodes;
using Sallyport.Control.Changes;
using Sallyport.Control.Store;

namespace Sallyport.Control.Dns;

/// <summary>A stored question for a name; who asked is called as they were then.</summary>
internal sealed class DnsQueryRow
{
    public long Id { get; init; }

    public string Gateway { get; init; } = "";

    public int NetworkId { get; init; }

    public string Network { get; init; } = "";

    public int FromId { get; init; }

    public string FromKind { get; init; } = "";

    public string FromName { get; init; } = "";

    public string Name { get; init; } = "";

    public string Type { get; init; } = "";

    public string Code { get; init; } = "";

    public string AddressesJson { get; init; } = "[]";

    public long FirstAt { get; init; }

    public long LastAt { get; init; }

    public long Count { get; init; }

    public static DnsQueryRow Of(DnsQueryState query, string gateway, FleetState fleet)
    {
        var from = fleet.Identities.GetValueOrDefault(query.IdentityId);
        return new DnsQueryRow
        {
            Gateway = gateway,
            NetworkId = query.NetworkId,
            Network = fleet.Networks.GetValueOrDefault(query.NetworkId)?.Name ?? $"#{query.NetworkId}",
            FromId = query.IdentityId,
            FromKind = from?.Kind ?? "device",
            FromName = from?.Name ?? $"#{query.IdentityId}",
            Name = Printable(query.Name),
            Type = Printable(query.Type),
            Code = Printable(query.Code),
            AddressesJson = Column.Of([.. query.Addresses.Select(Printable)]),
            FirstAt = query.FirstAt,
            LastAt = query.LastAt,
            Count = query.Count,
        };
    }

    public void Insert(SqliteConnection sql) => sql.Execute(
        """
        INSERT INTO dns_queries (gateway, network_id, network, from_id, from_kind, from_name, name, type, code, addresses, first_at, last_at, count)
        VALUES (@Gateway, @NetworkId, @Network, @FromId, @FromKind, @FromName, @Name, @Type, @Code, @AddressesJson, @FirstAt, @LastAt, @Count)
        """,
        this);

    public static IReadOnlyList<DnsQueryRow> List(SqliteConnection sql, int? identityId, int? networkId, long before, int limit) =>
    [
        .. sql.Query<DnsQueryRow>(
            """
            SELECT id, gateway, network_id AS NetworkId, network, from_id AS FromId, from_kind AS FromKind, from_name AS FromName, name, type, code,
                addresses AS AddressesJson, first_at AS FirstAt, last_at AS LastAt, count
            FROM dns_queries
            """
            // One identity has an index; without one the newest come by primary key.
            + (identityId is null ? " WHERE id < @before" : " INDEXED BY dns_queries_by_from WHERE from_id = @identityId AND id < @before")
            + " AND (@networkId IS NULL OR network_id = @networkId) ORDER BY id DESC LIMIT @limit",
            new { identityId, networkId, before, limit }),
    ];

    public DnsQueryInfo ToInfo() => new()
    {
        Id = Id,
        Gateway = Gateway,
        Network = Network,
        From = new FlowEnd(FromKind, FromName, FromId),
        Name = Name,
        Type = Type,
        Code = Code,
        Addresses = Column.List(AddressesJson),
        FirstAt = UnixTime.ToTime(FirstAt),
        LastAt = UnixTime.ToTime(LastAt),
        Count = Count,
    };

    /// <summary>A gateway writes odd bytes by their number; one that was taken over may not.</summary>
    private static string Printable(string text) => string.Concat(text.Select(c => c is > ' ' and < (char)0x7f ? c : '?'));
}
