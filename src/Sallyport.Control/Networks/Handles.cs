using System.Security.Cryptography;
using Dapper;
using Sallyport.Control.Store;
using Sallyport.Core.Nat;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Networks;

/// <summary>The /48 in which this installation's handles lie: random, as RFC 4193 section 3.2 wants it, made once and kept.</summary>
internal static class Handles
{
    private const string Setting = "handle-prefix";
    private const int GlobalIdLength = 5;

    public static IpPrefix Open(Database database) => database.Write(sql =>
    {
        if (sql.ExecuteScalar<string?>("SELECT value FROM settings WHERE name = @Setting", new { Setting }) is { } known)
        {
            return IpPrefix.Parse(known);
        }

        var prefix = HandleSpace.FromGlobalId(RandomNumberGenerator.GetBytes(GlobalIdLength)).Prefix;
        sql.Execute("INSERT INTO settings (name, value) VALUES (@Setting, @value)", new { Setting, value = prefix.ToString() });
        return prefix;
    });
}
