using Microsoft.Data.Sqlite;
using Sallyport.Control.Applications;
using Sallyport.Control.Http;
using Sallyport.Control.Policies;

namespace Sallyport.Control.Identities;

/// <summary>What speaks of an identity, and must go before it.</summary>
internal static class IdentityUses
{
    public static void AddUses(this Obstacles inTheWay, SqliteConnection sql, int identityId)
    {
        foreach (var application in ApplicationRow.OfOwner(sql, identityId))
        {
            inTheWay.Add($"application {application.Name}", $"application remove {application.Name}.{application.Network}");
        }

        foreach (var rule in RuleRow.OfSubject(sql, identityId))
        {
            inTheWay.Add($"rule {rule.Id} (to {rule.Named})", $"rule remove {rule.Id}");
        }
    }
}
