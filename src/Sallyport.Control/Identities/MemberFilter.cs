using Microsoft.Data.Sqlite;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Control.Users;

namespace Sallyport.Control.Identities;

/// <summary>The one device or site that a list of what was recorded is limited to.</summary>
internal static class MemberFilter
{
    /// <summary>Null for any, and after adding the problem.</summary>
    public static IdentityRow? Read(SqliteConnection sql, string? device, string? site, ProblemList problems)
    {
        if (device is not null && site is not null)
        {
            problems.Add("site", "a site is given beside a device", "ask for one of them");
        }

        return device is not null ? Lookup.Identity(sql, "device", device).OrProblem("device", problems)
            : site is not null ? Lookup.Identity(sql, "site", site).OrProblem("site", problems)
            : null;
    }

    /// <summary>Refuses where who asks may not see it; null for any.</summary>
    public static int? IdOf(Actor actor, IdentityRow? identity)
    {
        if (identity is not null)
        {
            actor.Require(Right.See, identity.NetworkId);
        }

        return identity?.Id;
    }
}
