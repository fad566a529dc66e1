using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Control.Changes;
using Sallyport.Control.Networks;
using Sallyport.Control.Store;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Identities;

/// <summary>The addresses of a network that devices and sites may have. The first of each prefix is the gateway's.</summary>
internal static class AddressPool
{
    /// <summary>Whether the address may be given to an identity; otherwise why not.</summary>
    public static bool IsAssignable(IReadOnlyList<IpPrefix> prefixes, IpAddress address, out string why)
    {
        foreach (var prefix in prefixes)
        {
            if (!prefix.Contains(address))
            {
                continue;
            }

            why = address == prefix.First ? $"{address} is the network address of {prefix}"
                : address == Gateway(prefix) ? $"{address} is the gateway's own address in {prefix}"
                : prefix.IsV4 && address == prefix.Last ? $"{address} is the broadcast address of {prefix}"
                : "";
            return why.Length == 0;
        }

        why = $"{address} lies outside the network's prefixes {string.Join(", ", prefixes)}";
        return false;
    }

    public static IpAddress Gateway(IpPrefix prefix) => new(prefix.First.Bits + 1);

    /// <summary>A free address of one family; null where the network has no prefix of it, or none is left (then <paramref name="full"/>).</summary>
    public static IpAddress? Allocate(SqliteConnection sql, NetworkRow network, bool v4, out bool full)
    {
        full = false;
        foreach (var prefix in network.Prefixes.Where(prefix => prefix.IsV4 == v4))
        {
            if (AllocateIn(sql, network.Id, prefix) is { } address)
            {
                full = false;
                return address;
            }

            full = true;
        }

        return null;
    }

    /// <summary>Gives every identity an address of each family that the network has by now, where some is free.</summary>
    public static void FillMissing(Change change, NetworkRow network)
    {
        foreach (var v4 in new[] { true, false })
        {
            if (!network.Prefixes.Any(prefix => prefix.IsV4 == v4))
            {
                continue;
            }

            var column = v4 ? "address_v4" : "address_v6";
            var missing = change.Sql.Query<int>(
                $"SELECT id FROM identities WHERE network_id = @Id AND {column} IS NULL AND kind <> 'host' ORDER BY id", new { network.Id }).AsList();
            foreach (var id in missing)
            {
                if (Allocate(change.Sql, network, v4, out _) is not { } address)
                {
                    break;
                }

                change.Sql.Execute(
                    $"UPDATE identities SET {column} = @address, revision = revision + 1 WHERE id = @id", new { address = Column.Of(address), id });
                change.Touch(ChangeKind.Identity, id);
            }
        }
    }

    private static IpAddress? AllocateIn(SqliteConnection sql, int networkId, IpPrefix prefix)
    {
        var column = prefix.IsV4 ? "address_v4" : "address_v6";
        var first = new IpAddress(Gateway(prefix).Bits + 1);
        var last = prefix.IsV4 ? new IpAddress(prefix.Last.Bits - 1) : prefix.Last;
        var range = new { networkId, first = Column.Of(first), last = Column.Of(last) };
        var highest = Column.Address(sql.ExecuteScalar<byte[]?>(
            $"SELECT max({column}) FROM identities WHERE network_id = @networkId AND {column} BETWEEN @first AND @last", range));
        if (highest is null)
        {
            return first;
        }

        if (highest.Value < last)
        {
            return new IpAddress(highest.Value.Bits + 1);
        }

        // The end is taken: the first gap, if any. Rare, so a walk over the index will do.
        var expected = first;
        foreach (var bytes in sql.Query<byte[]>(
            $"SELECT {column} FROM identities WHERE network_id = @networkId AND {column} BETWEEN @first AND @last ORDER BY {column}", range, buffered: false))
        {
            if (Column.Address(bytes) != expected)
            {
                return expected;
            }

            expected = new IpAddress(expected.Bits + 1);
        }

        return null;
    }
}
