using System.Globalization;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Sites;
using Sallyport.Control.Credentials;
using Sallyport.Control.Identities;
using Sallyport.Control.Networks;
using Sallyport.Control.Store;

namespace Sallyport.Control.Ipsec;

/// <summary>
/// Which sites have files that do not say any more what is so: a router asks for what is written there. A device's file asks for whatever there is.
/// </summary>
internal static class SiteFiles
{
    private const int NamedMax = 20; // a fleet has thousands of sites, and each that is added would name them all
    private const int CommandsMax = 3; // who has more than a few sites has a script

    /// <summary>Its own file names its subnets and its mode, those of the others in the network its subnets. Inside a transaction.</summary>
    /// <param name="before">Null where it is new.</param>
    public static OutdatedFiles? OutdatedBy(SqliteConnection sql, ControlOptions options, IdentityRow? before, IdentityRow after)
    {
        var carriesOther = before?.SubnetsJson != after.SubnetsJson;
        var isMetOtherwise = before is not null && Shape(before) != Shape(after);
        if (after.Kind != "site" || !(carriesOther || isMetOtherwise))
        {
            return null;
        }

        var sites = sql.Query<(int Id, string Name, string Ipsec)>(
                """
                SELECT i.id, i.name, i.ipsec FROM identities i WHERE i.network_id = @NetworkId AND i.kind = 'site'
                    AND EXISTS (SELECT 1 FROM credentials c WHERE c.identity_id = i.id AND c.protocol = 'ipsec' AND c.revoked_at IS NULL) ORDER BY i.name
                """,
                new { after.NetworkId })
            .Where(site => site.Id == after.Id ? isMetOtherwise || (before is not null && HasSelectors(site.Ipsec)) : carriesOther && HasSelectors(site.Ipsec))
            .ToList();
        return sites.Count == 0 ? null : new OutdatedFiles
        {
            Count = sites.Count,
            Sites = [.. sites.Take(NamedMax).Select(site => site.Name)],
            Commands = [.. sites.Take(CommandsMax).Select(site => CommandFor(sql, options, IdentityRow.Find(sql, site.Id)!))],
        };
    }

    /// <summary>Of each uplink what was issued last counts. Whether a certificate is shown by EAP is written nowhere: only where the network takes it no other way.</summary>
    private static string CommandFor(SqliteConnection sql, ControlOptions options, IdentityRow site)
    {
        var live = CredentialRow.Of(sql, site.Id).Where(credential => credential is { Protocol: CredentialIssuer.Ipsec, RevokedAt: null }).ToList();
        var uplinks = live.GroupBy(credential => credential.Uplink).ToDictionary(group => group.Key, group => group.Last());
        var ids = Enumerable.Range(1, uplinks.Keys.Max())
            .Select(uplink => (Usual: IpsecIssuer.IdOf(site, options, uplink), Own: uplinks.GetValueOrDefault(uplink)?.PeerId)).ToList();
        var said = ids.FindLastIndex(id => id.Own is not null && !id.Own.Equals(id.Usual, StringComparison.OrdinalIgnoreCase)) + 1;
        string[] words =
        [
            $"sallyport site profile {site.Name}.{site.Network} --protocol ipsec",
            .. live[^1].Kind switch
            {
                "psk" => ["--auth psk"],
                "eap" => ["--auth eap-mschapv2"],
                _ => NetworkRow.Find(sql, site.NetworkId)!.Ipsec.Takes(IpsecOptions.Authentications[0]) ? Array.Empty<string>() : ["--auth eap-tls"],
            },
            .. ids.Take(said).Select(id => $"--peer-id {id.Own ?? id.Usual}"),
            .. ids.Count == 1 ? Array.Empty<string>() : [$"--uplinks {ids.Count.ToString(CultureInfo.InvariantCulture)}"],
            .. live[^1].PpkId is null ? Array.Empty<string>() : ["--ppk yes"],
        ];
        return string.Join(' ', words);
    }

    private static bool HasSelectors(string ipsec) => Column.IpsecPeer(ipsec)?.Mode != "transport";

    /// <summary>Where the gateway begins to is in no file that a router loads.</summary>
    private static (string Mode, bool SinglePairs) Shape(IdentityRow row) => (row.Ipsec?.Mode ?? "tunnel", row.Ipsec?.SinglePairs ?? false);
}
