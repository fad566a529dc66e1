using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Sites;
using Sallyport.Control.Identities;
using Sallyport.Control.Store;

namespace Sallyport.Control.Ipsec;

/// <summary>
/// Which sites have files that do not say any more what is so: a router asks for what is written there. A device's file asks for whatever there is.
/// </summary>
internal static class SiteFiles
{
    private const int NamedMax = 20; // a fleet has thousands of sites, and each that is added would name them all

    /// <summary>Its own file names its subnets and its mode, those of the others in the network its subnets. Inside a transaction.</summary>
    /// <param name="before">Null where it is new.</param>
    public static OutdatedFiles? OutdatedBy(SqliteConnection sql, IdentityRow? before, IdentityRow after)
    {
        var carriesOther = before?.SubnetsJson != after.SubnetsJson;
        var isMetOtherwise = before is not null && Shape(before) != Shape(after);
        if (after.Kind != "site" || !(carriesOther || isMetOtherwise))
        {
            return null;
        }

        var names = sql.Query<(int Id, string Name, string Ipsec)>(
                """
                SELECT i.id, i.name, i.ipsec FROM identities i WHERE i.network_id = @NetworkId AND i.kind = 'site'
                    AND EXISTS (SELECT 1 FROM credentials c WHERE c.identity_id = i.id AND c.protocol = 'ipsec' AND c.revoked_at IS NULL) ORDER BY i.name
                """,
                new { after.NetworkId })
            .Where(site => site.Id == after.Id ? isMetOtherwise || (before is not null && HasSelectors(site.Ipsec)) : carriesOther && HasSelectors(site.Ipsec))
            .Select(site => site.Name).ToList();
        return names.Count == 0 ? null : new OutdatedFiles { Count = names.Count, Sites = [.. names.Take(NamedMax)] };
    }

    private static bool HasSelectors(string ipsec) => Column.IpsecPeer(ipsec)?.Mode != "transport";

    /// <summary>Where the gateway begins to is in no file that a router loads.</summary>
    private static (string Mode, bool SinglePairs) Shape(IdentityRow row) => (row.Ipsec?.Mode ?? "tunnel", row.Ipsec?.SinglePairs ?? false);
}
