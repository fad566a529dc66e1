using Microsoft.Data.Sqlite;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Control.Users;

namespace Sallyport.Control.Identities;

/// <summary>The one device, site or gateway host that a list of what was recorded is limited to.</summary>
internal static class MemberFilter
{
    /// <summary>Null for any, and after adding the problem.</summary>
    /// <param name="host">The network in which the gateway host is meant.</param>
    public static IdentityRow? Read(SqliteConnection sql, string? device, string? site, string? host, ProblemList problems)
    {
        if (site is not null && device is not null)
        {
            problems.Add("site", "a site is given beside a device", "ask for one of them");
        }

        if (host is not null && (device ?? site) is not null)
        {
            problems.Add("host", $"the gateway host is given beside a {(device is null ? "site" : "device")}", "ask for one of them");
        }

        return device is not null ? Lookup.Identity(sql, "device", device).OrProblem("device", problems)
            : site is not null ? Lookup.Identity(sql, "site", site).OrProblem("site", problems)
            : host is not null ? OwnerInput.Read(sql, $"{HostIdentity.Kind}:{host}", "host", problems)
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
