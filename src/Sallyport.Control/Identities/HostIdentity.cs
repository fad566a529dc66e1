using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Networks;
using Sallyport.Control.Policies;
using Sallyport.Control.Store;
using Sallyport.Core.Nat;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Identities;

/// <summary>
/// The gateway host as one network sees it: an identity that is called as the network and has the gateway's own address in it. It is there
/// while something speaks of it: an application that it carries, or a rule that lets it open flows.
/// </summary>
internal static class HostIdentity
{
    public const string Kind = "host";

    /// <summary>Null where the gateway host has no part in the network.</summary>
    public static IdentityRow? Find(SqliteConnection sql, NetworkRow network) =>
        IdentityRow.FindByName(sql, Kind, network.Name, network.Name) is [var row] ? row : null;

    /// <summary>Makes it where it is not there yet; null after adding the problem where it cannot be.</summary>
    public static IdentityRow? Ensure(Change change, NetworkRow network, string field, ProblemList problems)
    {
        if (Find(change.Sql, network) is { } known)
        {
            return known;
        }

        if (AddressIn(network.Prefixes) is not { } address)
        {
            problems.Add(field, $"network {network.Name} has no IPv4 prefix, and the gateway host is reached by IPv4", "give the network an IPv4 prefix");
            return null;
        }

        if (!HandleSpace.HasHandles(network.Id))
        {
            problems.Add(
                field, $"network {network.Name} is number {network.Id} of this installation, and the host has handles for {HandleSpace.NetworkIdMax}",
                "make the application in an older network");
            return null;
        }

        var id = change.Sql.ExecuteScalar<int>(
            """
            INSERT INTO identities (network_id, kind, name, state, state_since, address_v4, subnets, labels, groups, created_at, revision)
            VALUES (@Id, @Kind, @Name, @Active, @Now, @address, '[]', '{}', '[]', @Now, 1) RETURNING id
            """,
            new { network.Id, Kind, network.Name, IdentityStates.Active, change.Now, address = Column.Of(address) });
        change.Touch(ChangeKind.Identity, id);
        return IdentityRow.Find(change.Sql, id);
    }

    /// <summary>Where nothing speaks of it any more, the gateway host has no part in the network any more.</summary>
    public static void RemoveIfUnused(Change change, int identityId)
    {
        if (IdentityRow.Find(change.Sql, identityId) is { Kind: Kind } row
            && ApplicationRow.OfOwner(change.Sql, row.Id).Count == 0 && RuleRow.OfSubject(change.Sql, row.Id).Count == 0)
        {
            change.Sql.Execute("DELETE FROM identities WHERE id = @Id", new { row.Id });
            change.Touch(ChangeKind.Identity, row.Id);
        }
    }

    /// <summary>The gateway's address may have changed with the prefixes: the host and its applications move with it.</summary>
    public static void FollowPrefixes(Change change, NetworkRow network)
    {
        if (Find(change.Sql, network) is not { } row || AddressIn(network.Prefixes) is not { } address || row.AddressV4 == address)
        {
            return;
        }

        change.Sql.Execute(
            "UPDATE identities SET address_v4 = @address, revision = revision + 1 WHERE id = @Id", new { address = Column.Of(address), row.Id });
        change.Touch(ChangeKind.Identity, row.Id);
        foreach (var application in ApplicationRow.OfOwner(change.Sql, row.Id))
        {
            change.Sql.Execute(
                "UPDATE applications SET target = @target, revision = revision + 1 WHERE id = @Id", new { target = address.ToString(), application.Id });
            change.Touch(ChangeKind.Application, application.Id);
        }
    }

    /// <summary>The first address of the first IPv4 prefix.</summary>
    public static IpAddress? AddressIn(IEnumerable<IpPrefix> prefixes)
    {
        foreach (var prefix in prefixes)
        {
            if (prefix.IsV4)
            {
                return AddressPool.Gateway(prefix);
            }
        }

        return null;
    }
}
