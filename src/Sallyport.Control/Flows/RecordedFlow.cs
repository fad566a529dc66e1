using Microsoft.Data.Sqlite;
using Sallyport.Control.Policies;
using Sallyport.Control.Store;
using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Flows;

/// <summary>What policy can be asked of a flow that was recorded.</summary>
/// <param name="Protocol">0 for one that policy does not speak of.</param>
/// <param name="Reason">Why it was denied, or did not arrive.</param>
/// <param name="Packets">From who opened it.</param>
/// <param name="IsAnswered">By more than the one packet that says that a TCP port is closed.</param>
internal readonly record struct RecordedFlow(
    int NetworkId, int FromId, string FromKind, string FromName, int ToId, IpProtocol Protocol, IpAddress Destination, ushort Port, bool Allowed,
    bool WasCut, int RuleId, int ApplicationId, DropReason Reason, Instant FirstSeen, Instant LastSeen, long Packets, long Bytes, bool IsAnswered)
{
    /// <summary>Whether policy is what decided about it: not a packet that is no beginning of a flow, or that its sender may not send.</summary>
    public bool WasDecidedByPolicy => Protocol != 0 && Reason is DropReason.None or DropReason.IdentityNotActive or DropReason.ToItself
        or DropReason.NotRouted or DropReason.NoApplication or DropReason.NoRule or DropReason.RuleDenies or DropReason.ApplicationLocked or DropReason.PeerOffline
        or DropReason.NameNotAsked or DropReason.Quarantined;

    /// <summary>What the gateway had told the opener the destination for; null where nothing.</summary>
    public string? DnsName { get; init; }

    /// <summary>Who carried the destination then, as "site:hq"; null where nobody did.</summary>
    public string? To { get; init; }

    public string ProtocolWord => ServiceText.Word(Protocol);
}

/// <summary>Reads flows one after another, however many there are.</summary>
internal static class RecordedFlows
{
    private const string Select =
        """
        SELECT network_id, from_id, from_kind, from_name, to_id, protocol, destination, destination_port, allowed, cut, rule_id, application_id,
            reason, first_seen, last_seen, packets_out, bytes_out + bytes_back, packets_back > (protocol = 'tcp'),
            dns_name, to_kind, to_name
        FROM flows
        """;

    // In the order in which they lie in the file: by the index on their time each would be a jump.
    private const string All = Select +
        """
         NOT INDEXED
        WHERE id >= (SELECT ifnull(min(id), 0) FROM flows INDEXED BY flows_by_last_seen WHERE last_seen >= @since)
            AND last_seen >= @since AND (@network IS NULL OR network_id = @network)
        ORDER BY id
        """;

    private const string OfOne = Select + " INDEXED BY flows_by_from WHERE from_id = @from AND last_seen >= @since ORDER BY id";

    /// <summary>Those that were seen since, in the order in which they began.</summary>
    /// <param name="networkId">Null for all.</param>
    public static IEnumerable<RecordedFlow> Since(Database traffic, Instant since, int? networkId) =>
        Read(traffic, All, ("@since", since.Nanoseconds), ("@network", (object?)networkId ?? DBNull.Value));

    /// <summary>Those of them that one identity opened.</summary>
    public static IEnumerable<RecordedFlow> OfSince(Database traffic, int fromId, Instant since) =>
        Read(traffic, OfOne, ("@since", since.Nanoseconds), ("@from", fromId));

    /// <summary>When the oldest that is kept was last seen; null where none is.</summary>
    public static Instant? Oldest(Database traffic) => traffic.Read(sql =>
    {
        using var command = sql.CreateCommand();
        command.CommandText = "SELECT min(last_seen) FROM flows INDEXED BY flows_by_last_seen";
        return command.ExecuteScalar() is long nanoseconds ? new Instant(nanoseconds) : (Instant?)null;
    });

    private static IEnumerable<RecordedFlow> Read(Database traffic, string text, params (string Name, object Value)[] parameters)
    {
        using var sql = traffic.OpenReader();
        using var command = sql.CreateCommand();
        command.CommandText = text;
        foreach (var (name, value) in parameters)
        {
            command.Parameters.AddWithValue(name, value);
        }

        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            yield return Read(reader);
        }
    }

    private static RecordedFlow Read(SqliteDataReader row)
    {
        var isAddress = IpAddress.TryParse(row.GetString(6), out var destination);
        return new RecordedFlow(
            row.GetInt32(0),
            row.GetInt32(1),
            row.GetString(2),
            row.GetString(3),
            row.GetInt32(4),
            isAddress ? ServiceText.ProtocolOf(row.GetString(5), destination) : 0,
            destination,
            (ushort)row.GetInt32(7),
            row.GetBoolean(8),
            row.GetBoolean(9),
            row.GetInt32(10),
            row.GetInt32(11),
            ReasonOf(row.GetString(12)),
            new Instant(row.GetInt64(13)),
            new Instant(row.GetInt64(14)),
            row.GetInt64(15),
            row.GetInt64(16),
            row.GetBoolean(17))
        {
            DnsName = row.IsDBNull(18) ? null : row.GetString(18),
            To = row.IsDBNull(19) || row.IsDBNull(20) ? null : $"{row.GetString(19)}:{row.GetString(20)}",
        };
    }

    /// <summary>A gateway's word that we do not know is none of policy's.</summary>
    private static DropReason ReasonOf(string word) =>
        word.Length == 0 ? DropReason.None : Enum.TryParse<DropReason>(word, out var reason) ? reason : DropReason.ProtocolNotSupported;
}
